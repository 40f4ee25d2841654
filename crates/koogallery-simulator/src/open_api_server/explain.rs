//! Explains a wrong signature: the canonical request, and the common mistake that produces the received signature.

use http::Uri;
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};

use super::exchange::Received;
use super::not_admitted::NotAdmitted;
use super::refusal::Refusal;
use koogallery::key::{Credentials, KeyRing};
use koogallery::signature::aksk::{Authorization, CanonicalRequest, Payload};
use koogallery::site::Site;

/// For the answer, the canonical request with `|` in the place of line breaks, as the gateway prints it and
/// [`aksk::diff_with_gateway`](koogallery::signature::aksk::diff_with_gateway) reads it. For the log, all of it in lines.
pub(super) fn explain(
    request: &Received,
    authorization: &Authorization<'_>,
    pair: &Credentials,
    keys: Option<&KeyRing>,
) -> NotAdmitted {
    let names: Vec<_> = authorization.signed_headers.split(';').map(str::to_owned).collect();
    let canonical = CanonicalRequest::new(&request.parts, &names, Payload::Bytes(&request.body));
    let Some(canonical) = canonical else { return "the signed content is not text".to_owned().into() };
    let date = request.header("x-sdk-date").unwrap_or_default();
    let signed = Signed { request, date, pair, keys, received: authorization.signature };

    let lines: Vec<&str> = canonical.as_str().split('\n').collect();
    let mut explanation = vec!["the canonical request to sign:".to_owned()];
    explanation.extend(lines.iter().enumerate().map(|(at, line)| {
        let is_secret = line.starts_with("x-security-token:");
        format!("  {}: {}", part(at, lines.len()), if is_secret { "x-security-token:[redacted]" } else { line })
    }));
    explanation.push("and its string to sign:".to_owned());
    let to_sign = string_to_sign(date, canonical.as_str());
    explanation.extend(to_sign.split('\n').map(|line| format!("  {line}")));
    explanation.push(match signed.mistake(&lines) {
        Some(mistake) => format!("the received signature results from a mistake: {mistake}"),
        None => "no common mistake produces the received signature: either the secret differs, or the request was \
                 changed after signing; compare the lines above with those of the signer"
            .to_owned(),
    });
    let printed = canonical.as_str().replace('\n', "|");
    let why = format!("verify aksk signature fail, canonicalRequest:{printed}");
    NotAdmitted { refusal: Refusal::new("APIGW.0301", why), explanation }
}

fn part(at: usize, lines: usize) -> &'static str {
    match at {
        0 => "method",
        1 => "path",
        2 => "query",
        at if at + 1 == lines => "payload hash",
        at if at + 2 == lines => "signed headers",
        at if at + 3 == lines => "empty line",
        _ => "header",
    }
}

fn string_to_sign(date: &str, canonical: &str) -> String {
    format!("SDK-HMAC-SHA256\n{date}\n{}", const_hex::encode(Sha256::digest(canonical)))
}

/// Details of a signature that does not match.
struct Signed<'a> {
    request: &'a Received,
    date: &'a str,
    pair: &'a Credentials,
    keys: Option<&'a KeyRing>,
    received: &'a str,
}

impl Signed<'_> {
    /// Returns the first common mistake that produces the received signature.
    fn mistake(&self, lines: &[&str]) -> Option<String> {
        let canonical = lines.join("\n");
        let to_sign = string_to_sign(self.date, &canonical);
        if self.keys.into_iter().flat_map(KeyRing::iter).any(|key| self.is(key.hmac_sha256(&to_sign))) {
            return Some("it is made with the access key of an interface, in the place of the SK".to_owned());
        }
        let headers = |change: &dyn Fn(&str) -> String| {
            let changed = lines.iter().enumerate().map(|(at, line)| match part(at, lines.len()) {
                "header" => change(line),
                "signed headers" => change(line),
                _ => (*line).to_owned(),
            });
            string_to_sign(self.date, &changed.collect::<Vec<_>>().join("\n"))
        };
        let whole: [(&str, String); 6] = [
            ("a line break stands at the end of the string to sign", format!("{to_sign}\n")),
            (
                "a line break stands at the end of the canonical request",
                string_to_sign(self.date, &format!("{canonical}\n")),
            ),
            ("the canonical request was signed, not its hash", format!("SDK-HMAC-SHA256\n{}\n{canonical}", self.date)),
            ("the canonical request alone was signed", canonical.clone()),
            ("a space stands behind the colon of the headers", headers(&|line| line.replacen(':', ": ", 1))),
            ("the names of the headers are not in lower case", headers(&title_cased)),
        ];
        let whole = whole.into_iter().find(|(_, text)| self.is(self.pair.hmac_sha256(text)));
        if let Some((mistake, _)) = whole {
            return Some(mistake.to_owned());
        }
        let variants = (0..lines.len())
            .flat_map(|at| self.variants(at, lines).into_iter().map(move |(mistake, line)| (at, mistake, line)));
        variants.into_iter().find_map(|(at, mistake, line)| {
            let mut changed: Vec<&str> = lines.to_vec();
            changed[at] = &line;
            self.is(self.pair.hmac_sha256(string_to_sign(self.date, &changed.join("\n")))).then(|| {
                format!("{mistake}; the {} was signed as {line:?}, and is {:?}", part(at, lines.len()), lines[at])
            })
        })
    }

    fn is(&self, hmac: [u8; 32]) -> bool {
        const_hex::encode(hmac).eq_ignore_ascii_case(self.received)
    }

    /// Returns variants of a line that other implementations have been seen to sign.
    fn variants(&self, at: usize, lines: &[&str]) -> Vec<(&'static str, String)> {
        let line = lines[at];
        let uri = &self.request.parts.uri;
        match part(at, lines.len()) {
            "method" => {
                let others =
                    ["GET", "POST", "PUT", "DELETE"].map(|method| ("the method is another", method.to_owned()));
                others.into_iter().chain([("the method is in lower case", line.to_lowercase())]).collect()
            }
            "path" => path_variants(uri, line),
            "query" => query_variants(uri, line),
            "header" => match line.strip_prefix("host:") {
                Some(host) => host_variants(host),
                None => self.header_variants(line),
            },
            "empty line" => Vec::new(),
            "payload hash" => self.payload_variants(),
            _ => vec![("the names of the signed headers are not in lower case", title_cased(line))],
        }
    }

    fn header_variants(&self, line: &str) -> Vec<(&'static str, String)> {
        let Some((name, _)) = line.split_once(':') else { return Vec::new() };
        let sent = self.request.header(name).unwrap_or_default();
        vec![("the value of a header was not trimmed", format!("{name}:{sent}"))]
    }

    fn payload_variants(&self) -> Vec<(&'static str, String)> {
        let body = &self.request.body;
        let hash = |bytes: &[u8]| const_hex::encode(Sha256::digest(bytes));
        let with_break = |line_break: &[u8]| hash(&[body, line_break].concat());
        let mut variants = vec![
            ("nothing was signed in the place of the body", hash(b"")),
            ("the body was signed with a line break at its end that was not sent", with_break(b"\n")),
            ("the body was signed with a line break at its end that was not sent", with_break(b"\r\n")),
            ("the body was sent with white space at its ends that was not signed", hash(body.trim_ascii())),
            ("X-Sdk-Content-Sha256: UNSIGNED-PAYLOAD was signed and not sent", "UNSIGNED-PAYLOAD".to_owned()),
            ("the hash of the body is in capitals", hash(body).to_uppercase()),
            ("the body itself was signed, not its hash", String::from_utf8_lossy(body).into_owned()),
        ];
        // Signed in one form and sent in another.
        if let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) {
            let compact = value.to_string();
            let spaced = serde_json::to_string_pretty(&value).unwrap_or_default();
            variants.extend([
                ("the body was serialized again between signing and sending", hash(compact.as_bytes())),
                ("the body was serialized again between signing and sending", hash(spaced.as_bytes())),
            ]);
        }
        variants
    }
}

fn path_variants(uri: &Uri, line: &str) -> Vec<(&'static str, String)> {
    let path = uri.path();
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let slash = if path.ends_with('/') { "" } else { "/" };
    vec![
        ("the path was signed without a slash at its end", line.trim_end_matches('/').to_owned()),
        ("the path was signed as sent", path.to_owned()),
        ("the path was signed as sent, with a slash at its end", format!("{path}{slash}")),
        ("the path was not encoded", format!("{decoded}{slash}")),
        ("the path was encoded twice", line.replace('%', "%25")),
        ("the query was signed as part of the path", uri.path_and_query().map(ToString::to_string).unwrap_or_default()),
    ]
}

fn query_variants(uri: &Uri, line: &str) -> Vec<(&'static str, String)> {
    let sent = uri.query().unwrap_or_default();
    let mut reversed: Vec<_> = line.split('&').collect();
    reversed.reverse();
    vec![
        ("the query was left out", String::new()),
        ("the query was signed as sent, not sorted", sent.to_owned()),
        ("the query was sorted the other way", reversed.join("&")),
        ("spaces in the query were signed as plus", line.replace("%20", "+")),
        ("a plus in the query was taken for a space", line.replace("%2B", "%20")),
        ("the tilde in the query was encoded", line.replace('~', "%7E")),
        ("the query was signed in lower-case hex", sent.to_ascii_lowercase()),
        ("the query was not encoded", percent_decode_str(line).decode_utf8_lossy().into_owned()),
        ("the query was encoded twice", line.replace('%', "%25")),
        (
            "parameters without a value were signed without the equals sign",
            line.replace("=&", "&").trim_end_matches('=').to_owned(),
        ),
    ]
}

fn host_variants(host: &str) -> Vec<(&'static str, String)> {
    const ANOTHER: &str = "it was signed for another host than it was sent to";
    let (name, _) = host.rsplit_once(':').unwrap_or((host, ""));
    let sites = [Site::China, Site::International, Site::Europe];
    let documented = sites.into_iter().flat_map(|site| [Some(site.host()), site.fallback_host()]).flatten();
    let others = documented.chain(["localhost", "127.0.0.1"]).map(|other| (ANOTHER, format!("host:{other}")));
    let ports = [
        ("the port was left out", format!("host:{name}")),
        ("the usual port was signed", format!("host:{name}:443")),
        ("the usual port was signed", format!("host:{name}:80")),
    ];
    ports.into_iter().chain(others).collect()
}

/// `x-sdk-date` becomes `X-Sdk-Date`, in a header's line and in a list of names.
fn title_cased(line: &str) -> String {
    let (names, value) = line.split_at(line.find(':').unwrap_or(line.len()));
    let mut at_begin = true;
    let letter = |letter: char| {
        let letter = if at_begin { letter.to_ascii_uppercase() } else { letter };
        at_begin = matches!(letter, '-' | ';');
        letter
    };
    names.chars().map(letter).chain(value.chars()).collect()
}
