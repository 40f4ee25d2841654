//! The words of a remote party, fit to be shown.

/// Stands where something secret or personal stood.
const MASK: &str = "[masked]";

/// Longer text is cut.
const LONGEST: usize = 200;

/// Words before which a gateway repeats the request that it received, or what of it was signed.
const REPEATED_REQUEST: [&str; 6] =
    ["canonicalrequest", "canonical request", "canonical_request", "stringtosign", "string to sign", "authorization:"];

/// Names whose value is a secret, without `-` and `_` and in small letters.
const SECRETS: [&str; 17] = [
    "access",
    "accesskey",
    "accesskeyid",
    "ak",
    "apikey",
    "appkey",
    "authtoken",
    "credential",
    "key",
    "nonce",
    "password",
    "pwd",
    "secret",
    "secretkey",
    "signature",
    "sk",
    "token",
];

/// Names whose value is personal data.
const PERSONAL: [&str; 16] = [
    "account",
    "customerid",
    "customername",
    "customerrealname",
    "email",
    "ip",
    "license",
    "mail",
    "mobile",
    "mobilephone",
    "name",
    "phone",
    "thirdpartyaccount",
    "user",
    "userid",
    "username",
];

/// Ends of names whose value is either.
const IN_CHINESE: [&str; 8] = ["姓名", "名称", "用户名", "手机号", "邮箱", "账号", "密码", "密钥"];

/// One line of at most 200 characters, without control characters, with `[masked]` in place of what is or looks like a
/// secret or personal data, and without the request that a gateway repeats.
pub(crate) fn shown(words: &str) -> String {
    let mut line = String::new();
    // What could be shown of a longer text lies within this.
    for character in words.chars().take(8 * LONGEST) {
        if !is_invisible(character) {
            line.push(character);
        } else if !line.ends_with(' ') {
            line.push(' ');
        }
    }
    let masked = masked(without_request(line.trim()));
    match masked.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &masked[..end]),
        None => masked,
    }
}

/// Blanks, control characters, and what takes no room or turns the direction of a line.
fn is_invisible(character: char) -> bool {
    const FORMAT: [std::ops::RangeInclusive<char>; 4] =
        ['\u{200b}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{2060}'..='\u{206f}', '\u{feff}'..='\u{feff}'];
    character.is_control() || character.is_whitespace() || FORMAT.iter().any(|range| range.contains(&character))
}

fn without_request(line: &str) -> &str {
    let small = line.to_ascii_lowercase();
    let begin = REPEATED_REQUEST.iter().filter_map(|name| small.find(name)).min();
    begin.map_or(line, |begin| line[..begin].trim_end_matches([' ', ',', ';', ':', '(', '"', '{']))
}

fn masked(line: &str) -> String {
    let (mut out, mut name, mut rest) = (String::new(), "", line);
    while let Some(begin) = rest.find(is_of_word) {
        let (between, from_word) = rest.split_at(begin);
        let word = word_of(from_word);
        let is_value = is_value_of(name, between, word);
        let shown = if is_value { value_of(between, from_word) } else { word };
        out.push_str(between);
        out.push_str(if is_value || is_personal(word) || is_secret(word) { MASK } else { shown });
        (name, rest) = (word, &from_word[shown.len()..]);
    }
    out.push_str(rest);
    out
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || "+/_-.@%~".contains(character)
}

/// The word with which a text begins. Chinese stands beside other words without a blank.
fn word_of(text: &str) -> &str {
    let is_ascii = text.starts_with(|first: char| first.is_ascii());
    let end = text.find(|character: char| !is_of_word(character) || character.is_ascii() != is_ascii);
    let word = &text[..end.unwrap_or(text.len())];
    let whole = word.trim_end_matches(['.', '-', '/']);
    if whole.is_empty() { word } else { whole }
}

/// The value with which a text begins: up to the quotation mark that ends it, or a word with all words behind it that
/// could be the rest of a person's name.
fn value_of<'a>(between: &str, text: &'a str) -> &'a str {
    if let Some(quote) = between.chars().next_back().filter(|last| matches!(last, '"' | '\'')) {
        return text.split(quote).next().unwrap_or(text).trim_end_matches('\\');
    }
    let mut end = word_of(text).len();
    while let Some(next) = text[end..].strip_prefix(' ').filter(|next| next.starts_with(char::is_uppercase)) {
        end += 1 + word_of(next).len();
    }
    &text[..end]
}

/// Returns whether a word is the value of the name before it: `ak=...`, `"phone":"..."`, or `access key ...`.
fn is_value_of(name: &str, between: &str, word: &str) -> bool {
    let name: String = name.chars().filter(|character| !"-_".contains(*character)).collect();
    let (name, between) = (name.to_ascii_lowercase(), between.trim_matches([' ', '"', '\'', '\\']));
    let is_secret = SECRETS.contains(&name.as_str());
    match between {
        ":" | "=" | "=>" | "：" => {
            is_secret || PERSONAL.contains(&name.as_str()) || IN_CHINESE.iter().any(|end| name.ends_with(end))
        }
        // No word of a sentence looks like this.
        "" => {
            is_secret && word.chars().skip(1).any(|character| character.is_ascii() && !character.is_ascii_lowercase())
        }
        _ => false,
    }
}

/// An e-mail address, a phone number or the address of a host.
fn is_personal(word: &str) -> bool {
    let is_number = |part: &str| part.bytes().filter(u8::is_ascii_digit).count() >= 9;
    let mut numbers = word.split(|character: char| !character.is_ascii_digit() && !"+-.".contains(character));
    word.contains('@') || numbers.any(is_number) || word.parse::<std::net::Ipv4Addr>().is_ok()
}

/// Letters and digits as a key, a token or a signature has them.
fn is_secret(word: &str) -> bool {
    if !word.is_ascii() {
        return false;
    }
    if word.starts_with('/') || word.contains("//") {
        return word.split('/').any(is_secret);
    }
    // A time of the open APIs, and a header of theirs.
    if word.eq_ignore_ascii_case("x-sdk-content-sha256") || crate::timestamp::Timestamp::parse_basic_iso(word).is_ok() {
        return false;
    }
    let has = |is_it: fn(&u8) -> bool| word.bytes().any(|byte| is_it(&byte));
    let longest = word.split(['-', '_', '.', '/']).map(str::len).max().unwrap_or_default();
    match () {
        () if has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic) => word.len() >= 16,
        () => longest >= 32 || longest >= 16 && !has(u8::is_ascii_lowercase),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn a_reason_is_kept() {
        for words in [
            "Incorrect IAM authentication information: verify aksk signature fail",
            "The API does not exist or has not been published in the environment",
            "policy user over ratelimit,limit:200, time:1 second",
            "Illegal operation: the order CS0001 is not of this seller",
            "X-Sdk-Date 20250101T010000Z is expired; x-sdk-content-sha256 is missing",
            "POST /api/mkp-openapi-public/global/v1/order/query is not SDK-HMAC-SHA256",
            "the token is expired, get a new token",
            "非法操作：订单CS0001不属于该服务商",
            "... - / ...",
        ] {
            assert_eq!(shown(words), words);
        }
    }

    #[test]
    fn secrets_and_personal_data_are_masked() {
        for (words, expected) in [
            ("verify fail, canonicalRequest:GET|/a/|x=2|host:h||e3b0", "verify fail"),
            ("fail\n{\"stringToSign\":\"SDK-HMAC-SHA256\"}", "fail"),
            ("ak QTWAOYTTINDUT2QVKYUC is not found", "ak [masked] is not found"),
            ("access key AK01 is locked", "access key [masked] is locked"),
            ("ak: demo, signature=abc, sk=\"two words\" end", "ak: [masked], signature=[masked], sk=\"[masked]\" end"),
            ("{\\\"mobilePhone\\\":\\\"13800138000\\\"}", "{\\\"mobilePhone\\\":\\\"[masked]\\\"}"),
            ("{\"customerName\":\"Li Na\",\"code\":\"7\"}", "{\"customerName\":\"[masked]\",\"code\":\"7\"}"),
            ("call 13800138000 or +86-138-0013-8000", "call [masked] or [masked]"),
            ("mail to li.na@example.com.", "mail to [masked]."),
            ("client 192.0.2.7 is denied", "client [masked] is denied"),
            ("got 7a89eebee93ea9537338ce165dc98a21, not it", "got [masked], not it"),
            ("got Igk2f4T1MeqOTyII8XezuwM/0uCfv3Geh5j5AHArwBw= here", "got [masked]= here"),
            ("instance 11111111-2222-3333-4444-55555555555a", "instance [masked]"),
            ("at /files/7a89eebee93ea9537338ce165dc98a21/x", "at [masked]"),
            ("Authorization: Bearer abc def", ""),
            ("{\"customerName\":\"张三\"}", "{\"customerName\":\"[masked]\"}"),
            ("user: Zhang San is unknown", "user: [masked] is unknown"),
            ("客户姓名：张三，手机号：13800138000", "客户姓名：[masked]，手机号：[masked]"),
            ("密钥=abc 不正确", "密钥=[masked] 不正确"),
        ] {
            assert_eq!(shown(words), expected);
        }
    }

    #[test]
    fn a_text_is_one_short_line() {
        assert_eq!(shown("a\r\n\u{1b}[31mb\u{202e}c\u{0}\t\u{3000}d"), "a [31mb c d");
        assert_eq!(shown(&"字".repeat(10_000)), format!("{}...", "字".repeat(200)));
        assert_eq!(shown(&"x y ".repeat(100_000)).len(), 203);
        assert_eq!(shown(""), "");
    }

    proptest::proptest! {
        #[test]
        fn every_text_becomes_one_short_line(
            text in r#"(.|[a-zA-Z0-9=:,"'\\张 ]|ak[=: ]|name":"|1380013800){0,300}"#,
        ) {
            let line = shown(&text);
            proptest::prop_assert!(line.chars().count() <= 203 && !line.contains(char::is_control), "{:?}", line);
            proptest::prop_assert!(!line.contains("1380013800"), "{:?}", line);
        }
    }
}
