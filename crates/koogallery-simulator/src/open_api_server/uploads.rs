//! Uploads (`POST /api/mkp-openapi-public/global/v1/market-event/{event_id}/file`). License client guide, "upload"
//! (2024-04-26).

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use memchr::memmem;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::exchange::{Answer, Received};
use super::operation::Operation;
use super::refusal::Refusal;

/// An uploaded License.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Upload {
    /// A text.
    Characters(String),
    /// A file with a valid hash.
    File {
        /// Its name.
        name: String,
        /// Its bytes.
        bytes: Bytes,
    },
}

impl fmt::Debug for Upload {
    /// Omits the License itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Characters(_) => f.write_str("Characters"),
            Self::File { name, .. } => f.debug_struct("File").field("name", name).finish_non_exhaustive(),
        }
    }
}

/// An application for a License.
enum Event {
    Open,
    Denied,
    Delivered(Upload),
}

#[derive(Default)]
pub(super) struct Uploads(BTreeMap<String, Event>);

impl Uploads {
    pub(super) fn open(&mut self, event_id: String) {
        self.0.insert(event_id, Event::Open);
    }

    pub(super) fn deny(&mut self, event_id: String) {
        self.0.insert(event_id, Event::Denied);
    }

    pub(super) fn delivered(&self, event_id: &str) -> Option<&Upload> {
        match self.0.get(event_id)? {
            Event::Delivered(upload) => Some(upload),
            _ => None,
        }
    }

    /// An identical second upload is accepted; a different one is refused. (Neither is documented.)
    pub(super) fn take(&mut self, request: &Received, event_id: &str) -> Result<Answer, Refusal> {
        let upload = read(request)?;
        let event_id = &*percent_decode_str(event_id).decode_utf8_lossy();
        let event = self.0.get_mut(event_id);
        let event = event.ok_or_else(|| Refusal::new("91381034", format!("no application has the id {event_id:?}")))?;
        match event {
            Event::Denied => return Err(Refusal::new("91381038", "the application was denied")),
            Event::Delivered(before) if *before != upload => {
                return Err(Refusal::new("91381038", "another License was delivered before"));
            }
            Event::Delivered(_) => {}
            Event::Open => *event = Event::Delivered(upload),
        }
        Ok(Answer::success(Operation::Upload, Value::Null).about(event_id))
    }
}

fn invalid(why: &str) -> Refusal {
    Refusal::new("CBC.0101", why)
}

fn read(request: &Received) -> Result<Upload, Refusal> {
    let (kind, boundary) = request.content_type().split_once("boundary=").unwrap_or_default();
    if !kind.starts_with("multipart/form-data") || boundary.is_empty() {
        return Err(invalid("the content type is not multipart/form-data with a boundary"));
    }
    let parts = parts(&request.body, boundary.trim_matches('"'));
    let parts = parts.ok_or_else(|| invalid("the body is not divided by the boundary, or does not end with it"))?;
    let part = |name: &str| parts.iter().find(|part| part.name == name);
    let json = part("isvUpdateFileReq").ok_or_else(|| invalid("there is no part isvUpdateFileReq"))?;
    let json: Value = serde_json::from_slice(json.content).map_err(|_| invalid("isvUpdateFileReq is not JSON"))?;
    let member = |name: &str| json[name].as_str().filter(|text| (1..=1024).contains(&text.chars().count()));
    match json["type"].as_str() {
        Some("CHARACTERS") => {
            let text = member("characters").ok_or_else(|| invalid("characters is missing or longer than 1024"))?;
            Ok(Upload::Characters(text.to_owned()))
        }
        Some("FILE") => {
            let file = part("file").ok_or_else(|| invalid("there is no part file"))?;
            let name =
                member("file_name").or(file.file_name.as_deref()).ok_or_else(|| invalid("file_name is missing"))?;
            let sha256 = member("sha256").ok_or_else(|| invalid("sha256 is missing"))?;
            let found = const_hex::encode(Sha256::digest(file.content));
            if !found.eq_ignore_ascii_case(sha256) {
                return Err(Refusal::new("CBC.0101", format!("sha256 is {sha256}, and the file's is {found}")));
            }
            Ok(Upload::File { name: name.to_owned(), bytes: Bytes::copy_from_slice(file.content) })
        }
        _ => Err(invalid("type is neither CHARACTERS nor FILE")),
    }
}

struct Part<'a> {
    name: String,
    file_name: Option<String>,
    content: &'a [u8],
}

/// Splits a multipart body in memory, for which the crates that read streams are too much.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<Part<'a>>> {
    let delimiter = format!("--{boundary}");
    let mut rest = body.strip_prefix(delimiter.as_bytes())?;
    let between = format!("\r\n{delimiter}");
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        rest = rest.strip_prefix(b"\r\n")?;
        let end = memmem::find(rest, between.as_bytes())?;
        parts.push(part(&rest[..end])?);
        rest = &rest[end + between.len()..];
    }
    Some(parts)
}

fn part(bytes: &[u8]) -> Option<Part<'_>> {
    let end = memmem::find(bytes, b"\r\n\r\n")?;
    let head = str::from_utf8(&bytes[..end]).ok()?;
    let disposition = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let quoted = |name: &str| {
        let (_, value) = disposition.split_once(&format!("; {name}=\""))?;
        Some(value.split('"').next()?.to_owned())
    };
    Some(Part { name: quoted("name")?, file_name: quoted("filename"), content: &bytes[end + 4..] })
}
