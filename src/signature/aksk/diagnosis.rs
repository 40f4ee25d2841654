//! The difference between two canonical requests.

use super::CanonicalRequest;

/// The first line in which two canonical requests differ.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// Part of the request, as in [`CanonicalRequest::lines`].
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
    let (ours, theirs): (Vec<_>, Vec<_>) = (signed.lines().collect(), received.split('|').collect());
    let differs = |at: &usize| ours.get(*at).map(|(_, line)| line) != theirs.get(*at);
    let at = (0..ours.len().max(theirs.len())).find(differs)?;
    let (part, line) = ours.get(at).copied().unwrap_or(("payload hash", ""));
    Some(Difference { part, signed: line.to_owned(), received: theirs.get(at).copied().unwrap_or_default().to_owned() })
}
