//! Removes secrets and personal data from messages before they are shown or stored.

mod characters;
mod walk;

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use koogallery::cipher::field::{Ciphertext, EncryptType, FieldCipher};
use koogallery::key::{AccessKeys, InterfaceType};
use koogallery::query;
use koogallery::redact::Sensitive;

use characters::{Written, masked_text};

/// Replaces secrets.
pub(super) const MASK: &str = "[masked]";

/// Shorter texts occur in too many other words.
const MIN_SECRET: usize = 4;

/// As for secrets; also to leave words of the protocol intact.
const MIN_PERSONAL: usize = 6;

/// Searching for more takes too long in a large message; a full synchronization of 200 users has fewer.
const MAX_PERSONAL: usize = 1024;

/// Strings that contain JSON, such as the lists of Kit V1.0.
const MAX_DEPTH: usize = 8;

/// Removes personal data and secrets from messages.
///
/// Personal data is recognized by the names in the marketplace's documents, and by names that sellers commonly use:
/// accounts, passwords, names, phone numbers, e-mail addresses, Licenses. Letters and digits are replaced, so that length
/// and form stay; fields encrypted by V1.0 are encrypted again if the key is known, so that they can still be decrypted.
/// Secrets are replaced as a whole wherever they occur.
///
/// ```
/// use koogallery_simulator::Masking;
///
/// let mut masking = Masking::default();
/// masking.add_secret("0a1b2c3d-4e5f");
/// let body = r#"{"userName":"Li.Na","mobile":"13800138000","orderId":"CS1","memo":""}"#;
/// assert_eq!(masking.json(body), r#"{"userName":"Xx.Xx","mobile":"00000000000","orderId":"CS1","memo":""}"#);
/// assert_eq!(masking.query("activity=newInstance&email=a%40b.example"), "activity=newInstance&email=x%40x.xxxxxxx");
/// assert_eq!(masking.text("key 0a1b2c3d-4e5f"), "key [masked]");
/// ```
#[derive(Clone, Default)]
#[doc(alias = "redact")]
#[doc(alias = "redaction")]
pub struct Masking {
    secrets: Vec<Sensitive>,
    personal: Vec<Sensitive>,
    ciphers: Vec<FieldCipher>,
}

impl Masking {
    /// Creates a masking that hides these access keys, and decrypts fields encrypted with those of V1.0.
    pub fn new(keys: &AccessKeys) -> Self {
        let mut masking = Self::default();
        for ring in InterfaceType::ALL.into_iter().filter_map(|interface| keys.get(interface)) {
            ring.iter().for_each(|key| masking.add_secret(key.expose()));
        }
        for key in keys.get(InterfaceType::V1).into_iter().flat_map(|ring| ring.iter()) {
            let types = [EncryptType::Aes256, EncryptType::Aes128];
            masking.ciphers.extend(types.map(|encrypt_type| FieldCipher::new(key, encrypt_type)));
        }
        masking
    }

    /// Hides another secret, such as a signature: in upper and lower case, and percent-encoded. Texts of fewer than 4
    /// bytes are ignored.
    pub fn add_secret(&mut self, text: &str) {
        if text.len() < MIN_SECRET {
            return;
        }
        let mut encoded = String::new();
        query::push_pair(&mut encoded, "", text);
        let encoded = encoded.split_off(1);
        let forms = [text.to_lowercase(), text.to_uppercase(), encoded.to_lowercase(), encoded, text.to_owned()];
        self.secrets.extend(forms.into_iter().map(Sensitive::from));
        // One secret may be the beginning of another.
        self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        self.secrets.dedup();
    }

    /// Remembers the personal data of a JSON text, to mask it elsewhere, such as in the answer; at most 1024 texts of
    /// at least 6 bytes.
    pub fn learn_json(&mut self, text: &str) {
        let mut found = Vec::new();
        self.walk(text, &mut found, 0);
        self.learn(found);
    }

    /// Remembers the personal data of a raw query, like [`Masking::learn_json`].
    pub fn learn_query(&mut self, raw: &str) {
        let mut found = Vec::new();
        self.masked_query(raw, &mut found);
        self.learn(found);
    }

    fn learn(&mut self, found: Vec<String>) {
        let found = found.into_iter().filter(|text| text.len() >= MIN_PERSONAL).map(Sensitive::from);
        self.personal.extend(found);
        self.personal.sort_by_key(|text| std::cmp::Reverse(text.expose().len()));
        self.personal.dedup();
        self.personal.truncate(MAX_PERSONAL);
    }

    /// Masks a JSON text, even one that was cut off, keeping its length.
    pub fn json(&self, text: &str) -> String {
        self.walk(text, &mut Vec::new(), 0)
    }

    /// Masks a raw query.
    pub fn query(&self, raw: &str) -> String {
        self.masked_query(raw, &mut Vec::new())
    }

    /// Masks a plain text: only secrets and learned data.
    pub fn text(&self, text: &str) -> String {
        let text = self.secrets.iter().fold(Cow::Borrowed(text), |text, secret| replaced(text, secret.expose(), MASK));
        self.without_learnt(text).into_owned()
    }

    /// Returns whether a text contains a secret.
    pub fn is_secret_in(&self, text: &str) -> bool {
        self.secrets.iter().any(|secret| text.contains(secret.expose()))
    }

    fn without_learnt<'t>(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        self.personal.iter().fold(text, |text, personal| {
            let personal = personal.expose();
            replaced(text, personal, &masked_text(personal))
        })
    }

    fn masked_query(&self, raw: &str, found: &mut Vec<String>) -> String {
        let pair = |pair: &str| {
            let Some((name, value)) = pair.split_once('=') else { return self.text(pair) };
            let name_text = query::decode(name, query::Plus::Space).unwrap_or(Cow::Borrowed(name));
            format!("{}={}", self.text(name), self.query_value(&name_text, value, found))
        };
        raw.split('&').map(pair).collect::<Vec<_>>().join("&")
    }

    fn query_value(&self, name: &str, raw: &str, found: &mut Vec<String>) -> String {
        let Some(written) = Written::in_query(raw) else { return MASK.to_owned() };
        if self.is_secret_in(raw) || self.is_secret_in(written.text()) {
            return MASK.to_owned();
        }
        let masked = self.value(Some(name), written.text(), is_personal(name), found, 0);
        written.replaced(&masked)
    }

    /// Masks a decoded value of a member or parameter, keeping its length.
    fn value(
        &self,
        name: Option<&str>,
        text: &str,
        is_personal: bool,
        found: &mut Vec<String>,
        depth: usize,
    ) -> String {
        if self.is_secret_in(text) {
            return masked_text(text);
        }
        if is_personal {
            found.push(text.to_owned());
            return self.encrypted_again(text, found).unwrap_or_else(|| masked_text(text));
        }
        if name.is_some_and(|name| plain(name) == EXTEND_PARAMS) {
            return self.extend_params(text, found).unwrap_or_else(|| masked_text(text));
        }
        if depth < MAX_DEPTH && text.trim_start().starts_with(['{', '[']) {
            return self.walk(text, found, depth + 1);
        }
        self.without_learnt(Cow::Borrowed(text)).into_owned()
    }

    /// Masks the text inside an encrypted field, if a key decrypts it.
    fn encrypted_again(&self, text: &str, found: &mut Vec<String>) -> Option<String> {
        let field = Ciphertext::from(text);
        let (cipher, plain) = self.ciphers.iter().find_map(|cipher| Some((cipher, cipher.decrypt(&field).ok()?)))?;
        found.push(plain.expose().to_owned());
        let again = cipher.encrypt_with_iv(&masked_text(plain.expose()), text.get(..16)?).ok()?;
        Some(again.as_str().to_owned()).filter(|again| again.len() == text.len())
    }

    /// Masks the customer's input inside the Base64 text.
    fn extend_params(&self, text: &str, found: &mut Vec<String>) -> Option<String> {
        let json = String::from_utf8(STANDARD.decode(&*query::plus_restored(text)).ok()?).ok()?;
        let again = STANDARD.encode(self.walk_values(&json, found));
        Some(again).filter(|again| again.len() == text.len())
    }
}

impl fmt::Debug for Masking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masking").finish_non_exhaustive()
    }
}

fn replaced<'t>(text: Cow<'t, str>, from: &str, to: &str) -> Cow<'t, str> {
    if text.contains(from) { Cow::Owned(text.replace(from, to)) } else { text }
}

/// Normalizes a name to the form in the lists below.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|character| character.to_ascii_lowercase()).collect()
}

const EXTEND_PARAMS: &str = "saasextendparams";

/// Returns whether the value of a name is personal data or a secret.
fn is_personal(name: &str) -> bool {
    const WHOLE: [&str; 19] = [
        "account",
        "accname",
        "characters",
        "customername",
        "customerrealname",
        "devicefingerprint",
        "employeecode",
        "extension",
        "ip",
        "license",
        "loginname",
        "memo",
        "name",
        "nickname",
        "realname",
        "thirdpartyaccount",
        "username",
        "workplace",
        "entrydate",
    ];
    const PART: [&str; 8] = ["accesstoken", "mail", "mobile", "passwd", "password", "phone", "refreshtoken", "secret"];
    let name = plain(name);
    WHOLE.contains(&&*name) || PART.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use koogallery::key::AccessKey;

    const KEY: &str = "12345678-90ab-cdef-1234-567890abcdef";

    fn masking() -> Masking {
        Masking::new(&AccessKeys::new().with(InterfaceType::Basic, AccessKey::new(KEY).unwrap()).unwrap())
    }

    #[test]
    fn json_keeps_its_length_and_form() {
        for (given, expected) in [
            (r#"{"name":"张三","orgName":"Sales"}"#, r#"{"name":"某某","orgName":"Sales"}"#),
            (r#"{ "name" : "\u5f20\u0041\n\ud83d\ude00" }"#, r#"{ "name" : "\u67d0\u0058\n\ud842\udfb7" }"#),
            (r#"{"mobile":13800138000,"flag":1}"#, r#"{"mobile":10000000000,"flag":1}"#),
            (
                r#"{"extension":{"a":["x1",true,null,2.5]},"b":"x1"}"#,
                r#"{"extension":{"a":["x0",true,null,1.0]},"b":"x1"}"#,
            ),
            (
                r#"{"userList":"[{\"userName\":\"Li\\u4e00\",\"flag\":\"1\"}]"}"#,
                r#"{"userList":"[{\"userName\":\"Xx\\u67d0\",\"flag\":\"1\"}]"}"#,
            ),
            (r#"[{orgCode:"D1",name:"abc"}]"#, r#"[{orgCode:"D1",name:"xxx"}]"#),
            (
                r#"{"license":{"code":"PL1"},"resultCode":"000000"}"#,
                r#"{"license":{"code":"XX0"},"resultCode":"000000"}"#,
            ),
            (
                r#"{"appInfo":{"frontEndUrl":"https://a","password":"p","#,
                r#"{"appInfo":{"frontEndUrl":"https://a","password":"x","#,
            ),
            (r#"{"client_secret":"abc","E-Mail":"#, r#"{"client_secret":"xxx","E-Mail":"#),
            (r#"{"password":"cut of"#, r#"{"password":"xxx xx"#),
            ("", ""),
            ("no json", "no json"),
        ] {
            assert_eq!(masking().json(given), expected);
            assert_eq!(given.len(), expected.len());
        }
    }

    #[test]
    fn noise_is_masked_without_a_panic() {
        let text = r#"{"name":"\ud83d\ude00","userList":"[{\"name\":\"é\\u00e9\"}]","a":[1,{"b":"\"}"#;
        for (at, _) in text.char_indices() {
            for cut in [&text[..at], &text[at..]] {
                assert_eq!(masking().json(cut).len(), cut.len(), "{cut}");
                let _ = masking().query(cut);
            }
        }
        let deep = "[".repeat(100_000);
        assert_eq!(masking().json(&deep), deep);
        let nested = (0..12).fold(r#"{"name":"abc"}"#.to_owned(), |text, _| {
            serde_json::to_string(&serde_json::json!({ "list": text })).unwrap()
        });
        assert_eq!(masking().json(&nested).len(), nested.len());
        for query in ["%", "%4", "%zz", "a", "=", "&&", "name=%ff", "name=%E5%BC%A0", "=%E5", "+=+"] {
            let _ = masking().query(query);
        }
    }

    #[test]
    fn queries_keep_how_they_were_encoded() {
        for (given, expected) in [
            ("customerName=%E5%BC%A0+Li%20a%2eb&customerId=c1", "customerName=%E6%9F%90+Xx%20x%2ex&customerId=c1"),
            ("userName=a&&x", "userName=x&&x"),
            ("%75serName=abc", "%75serName=xxx"),
            ("name=%ff", "name=[masked]"),
        ] {
            assert_eq!(masking().query(given), expected);
        }
        let params = "saasExtendParams=W3sibmFtZSI6ImEiLCJ2YWx1ZSI6IkxpIE5hIn1d";
        let masked = masking().query(params);
        let json = STANDARD.decode(masked.strip_prefix("saasExtendParams=").unwrap()).unwrap();
        assert_eq!(json, br#"[{"name":"a","value":"Xx Xx"}]"#);
    }

    #[test]
    fn what_v1_encrypts_can_still_be_decrypted() {
        let cipher = FieldCipher::new(&AccessKey::new(KEY).unwrap(), EncryptType::Aes128);
        let phone = cipher.encrypt("13800138000").unwrap();
        let mut query_text = String::new();
        query::push_pair(&mut query_text, "mobilePhone", phone.as_str());
        let masked = masking().query(&query_text);
        assert_ne!(masked, query_text);
        let masked =
            query::decode(masked.strip_prefix("mobilePhone=").unwrap(), query::Plus::Space).unwrap().into_owned();
        assert_eq!(masked.len(), phone.as_str().len());
        assert_eq!(cipher.decrypt(&Ciphertext::from(masked)).unwrap().expose(), "00000000000");
        let mut learning = masking();
        learning.learn_query(&query_text);
        assert_eq!(learning.json(r#"{"resultMsg":"13800138000 is taken"}"#), r#"{"resultMsg":"00000000000 is taken"}"#);
    }

    #[test]
    fn secrets_stand_nowhere() {
        let mut masking = masking();
        masking.add_secret("abc+/DEF=");
        let escaped = KEY.replace('-', "\\u002d");
        for text in [KEY, &escaped, "abc+/DEF=", "ABC+/def=".to_lowercase().as_str()] {
            let json = format!(r#"{{"resultMsg":"key {text}","{text}":1,"list":"[\"{text}\"]"}}"#);
            let masked = masking.json(&json);
            assert!(!masking.is_secret_in(&masked) && !masked.contains(&escaped), "{masked}");
        }
        for query in ["token=abc%2B%2FDEF%3D", "token=abc%2b%2fDEF%3d", "token=abc+/DEF=", "a=%31234567890"] {
            let masked = masking.query(query);
            assert!(masked == "token=[masked]" || masked == query, "{masked}");
        }
        assert_eq!(format!("{masking:?}"), "Masking { .. }");
    }

    #[test]
    fn what_was_learnt_is_masked_elsewhere() {
        let mut masking = masking();
        masking.learn_json(r#"{"mobile":"13800138000","name":"id"}"#);
        masking.learn_query("email=li%40a.example");
        let text = "13800138000 of li@a.example has an id";
        assert_eq!(masking.text(text), "00000000000 of xx@x.xxxxxxx has an id");
        assert_eq!(masking.query("a=1&memo2=13800138000"), "a=1&memo2=00000000000");
    }

    proptest::proptest! {
        #[test]
        fn every_text_keeps_its_length_and_stays_masked(
            text in r#"([{}\[\]:,"\\ a-zA-Z0-9é张😀]|"name":|\\u[0-9a-f]{4}|\\"){0,60}"#,
        ) {
            let once = masking().json(&text);
            proptest::prop_assert_eq!(once.len(), text.len());
            proptest::prop_assert_eq!(masking().json(&once), once);
        }

        #[test]
        fn every_query_keeps_its_names(query in "((name|userName|a)(=[a-z%+&]{0,6}|=%[0-9A-F]{2})?&?){0,8}") {
            let masked = masking().query(&query);
            let names = |query: &str| query.split('&').map(|pair| pair.split('=').next().map(str::to_owned)).collect::<Vec<_>>();
            proptest::prop_assert_eq!(names(&masked), names(&query));
        }
    }
}
