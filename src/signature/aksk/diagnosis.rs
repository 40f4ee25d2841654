//! The difference between two canonical requests.

use super::CanonicalRequest;

/// The first line in which two canonical requests differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Part of the request: `method`, `path`, `query`, `header`, `signed headers` or `payload hash`.
    pub part: &'static str,
    /// The line as signed here.
    pub signed: String,
    /// The line as the gateway has it.
    pub received: String,
}

/// Compares what was signed with the canonical request that the gateway prints in its error text (`...
/// canonicalRequest:`, with `|` in the place of line breaks). `None` where the text has none, or nothing differs.
///
/// ```
/// use koogallery::signature::aksk::{self, CanonicalRequest, Payload};
///
/// let (parts, ()) = http::Request::get("https://example.com/a%20b?x=1").body(())?.into_parts();
/// let signed = CanonicalRequest::new(&parts, &[], Payload::Bytes(b"")).ok_or("no text")?;
/// let answer = "verify aksk signature fail, canonicalRequest:GET|/a%20b/|x=2|||e3b0c442";
/// let difference = aksk::diff_with_gateway(&signed, answer).ok_or("none")?;
/// assert_eq!((difference.part, difference.received.as_str()), ("query", "x=2"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn diff_with_gateway(signed: &CanonicalRequest, gateway_text: &str) -> Option<Difference> {
    let (_, received) = gateway_text.split_once("canonicalRequest:")?;
    let received = received.split(['"', ' ', '\n']).next()?;
    let (ours, theirs): (Vec<_>, Vec<_>) = (signed.as_str().split('\n').collect(), received.split('|').collect());
    let at = (0..ours.len().max(theirs.len())).find(|&at| ours.get(at) != theirs.get(at))?;
    let line = |lines: &[&str]| lines.get(at).copied().unwrap_or_default().to_owned();
    let part = match at {
        0 => "method",
        1 => "path",
        2 => "query",
        at if at + 1 >= ours.len() => "payload hash",
        at if at + 2 == ours.len() => "signed headers",
        _ => "header",
    };
    Some(Difference { part, signed: line(&ours), received: line(&theirs) })
}
