//! Upload a string or file (字符串/文件流上传): seller to marketplace, `POST
//! /api/mkp-openapi-public/global/v1/market-event/{event_id}/file`, AK/SK. License client guide, "upload" (2024-04-26;
//! China only). Delivers the License of an asynchronous application.
//!
//! The body is `multipart/form-data`: a [`Request`] has it in memory and is signed like any other, because a License is
//! small; a [`Streamed`] file is read while it is sent. The content type is not signed, so the boundary cannot break
//! the signature.

mod spec;

use std::io;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderValue};
use percent_encoding::utf8_percent_encode;
use serde::Serialize;
use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};

pub(super) use self::spec::SPEC;
use self::spec::{FILE, TEXT};
use super::sealed::Sealed;
use super::{Api, ApiError, Authentication, LimitError, Source, envelope, limit};
use crate::query::NON_UNRESERVED;
use crate::transport::{BaseUrl, StreamedBody};
use crate::wire::max_of;

const PATH: &str = "/api/mkp-openapi-public/global/v1/market-event/{event_id}/file";

const SUCCESS: &[&str] = &["CBC.0000"];

/// Delivers a License for an event.
#[doc(alias = "字符串/文件流上传")]
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The event of the application, at most 64 characters.
    pub event_id: String,
    /// The content of a delivery.
    pub content: Content,
}

/// The content of a delivery.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// A License text of at most 1024 characters.
    Characters(String),
    /// A License file.
    File {
        /// Its name, at most 1024 characters.
        name: String,
        /// Its bytes.
        bytes: Bytes,
    },
}

impl Request {
    /// Delivers a text.
    ///
    /// ```
    /// use koogallery::open_api::{Api as _, upload};
    ///
    /// assert!(upload::Request::characters("event", "LICENSE").check().is_ok());
    /// let error = upload::Request::characters("event", "x".repeat(1025)).check().unwrap_err();
    /// assert!(error.to_string().contains("1024"));
    /// ```
    pub fn characters(event_id: impl Into<String>, license: impl Into<String>) -> Self {
        Self { event_id: event_id.into(), content: Content::Characters(license.into()) }
    }

    /// Delivers a file.
    pub fn file(event_id: impl Into<String>, name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { event_id: event_id.into(), content: Content::File { name: name.into(), bytes: bytes.into() } }
    }
}

impl std::fmt::Debug for Content {
    /// The License itself is left out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Characters(_) => f.write_str("Characters([redacted])"),
            Self::File { name, .. } => f.debug_struct("File").field("name", name).finish_non_exhaustive(),
        }
    }
}

impl std::fmt::Debug for Request {
    /// The License itself is left out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("event_id", &self.event_id).finish_non_exhaustive()
    }
}

impl Sealed for Request {}

impl Api for Request {
    type Response = ();

    const NAME: &'static str = "upload";
    const AUTHENTICATION: Authentication = Authentication::AkSk;

    fn check(&self) -> Result<(), LimitError> {
        limit::text("event_id", &self.event_id, MAX_EVENT_ID)?;
        match &self.content {
            Content::Characters(text) => limit::text("characters", text, const { max_of(TEXT, "characters") }),
            Content::File { name, .. } => limit::text("file_name", name, MAX_FILE_NAME),
        }
    }

    fn to_http(&self, base: &BaseUrl) -> http::Request<Bytes> {
        let (frame, content) = match &self.content {
            Content::Characters(text) => (Frame::of_characters(text), &[][..]),
            Content::File { name, bytes } => (Frame::of_file(name, Sha256::digest(bytes).into()), &bytes[..]),
        };
        let body = [&frame.before, content, &frame.after].concat();
        frame.request(base, &self.event_id, body.into())
    }

    fn from_http(response: &http::Response<Bytes>) -> Result<(), ApiError> {
        envelope::read::<IgnoredAny>(Self::NAME, SUCCESS, response).map(|_| ())
    }
}

/// A file that is read while it is sent, for [`Client::upload`](super::Client::upload): it is never in memory as a
/// whole.
///
/// ```
/// # #[cfg(feature = "tokio")]
/// # async fn example(client: koogallery::open_api::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use koogallery::adapter::tokio::FileSource;
/// use koogallery::open_api::upload;
///
/// let file = FileSource::new("licenses/4711.lic");
/// client.upload(&upload::Streamed::prepare("event-id", "4711.lic", file).await?).await?;
/// # Ok(())
/// # }
/// ```
pub struct Streamed {
    event_id: String,
    name: String,
    source: Box<dyn Source>,
    length: u64,
    frame: Frame,
}

impl Streamed {
    /// Reads the file once, for its length and its hash. It must not change until it is sent.
    ///
    /// The body is left out of the signature (`UNSIGNED-PAYLOAD`), as the marketplace's own clients do; the hash is in
    /// it.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is larger than the gateway takes.
    pub async fn prepare(
        event_id: impl Into<String>,
        name: impl AsRef<str>,
        source: impl Source,
    ) -> Result<Self, PrepareError> {
        let (mut hash, mut length) = (Sha256::new(), 0);
        let mut chunks = source.chunks();
        while let Some(chunk) = chunks.try_next().await? {
            length += chunk.len() as u64;
            if length > MAX_BODY {
                return Err(PrepareError::TooLarge);
            }
            hash.update(&chunk);
        }
        let frame = Frame::of_file(name.as_ref(), hash.finalize().into());
        if length + (frame.before.len() + frame.after.len()) as u64 > MAX_BODY {
            return Err(PrepareError::TooLarge);
        }
        let (event_id, name) = (event_id.into(), name.as_ref().to_owned());
        Ok(Self { event_id, name, source: Box::new(source), length, frame })
    }

    pub(super) fn check(&self) -> Result<(), LimitError> {
        limit::text("event_id", &self.event_id, MAX_EVENT_ID)?;
        limit::text("file_name", &self.name, MAX_FILE_NAME)
    }

    /// The request, not yet signed; its body is to be left unsigned.
    pub fn to_http(&self, base: &BaseUrl) -> http::Request<StreamedBody> {
        let Frame { before, after, .. } = &self.frame;
        let body = StreamedBody::new(before.clone(), self.source.chunks(), self.length, after.clone());
        self.frame.request(base, &self.event_id, body)
    }
}

impl std::fmt::Debug for Streamed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Streamed")
            .field("event_id", &self.event_id)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// Characters of an event's id.
const MAX_EVENT_ID: usize = 64;

/// Characters of a file's name.
const MAX_FILE_NAME: usize = max_of(FILE, "file_name");

/// The gateway's limit for signed requests, 12 MB; taken as 12 MiB.
const MAX_BODY: u64 = 12 * 1024 * 1024;

/// An error of preparing an upload.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// With the frame around it, the file exceeds the 12 MB of a request. Nothing was sent.
    #[error("the file is larger than the 12 MB that the gateway takes in one request")]
    TooLarge,
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Read(#[from] io::Error),
}

/// Bytes around a file's content in the body.
struct Frame {
    boundary: String,
    before: Bytes,
    after: Bytes,
}

#[derive(Default, Serialize)]
struct Json<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    characters: Option<&'a str>,
}

impl Frame {
    fn of_characters(text: &str) -> Self {
        Self::new(&Json { r#type: "CHARACTERS", characters: Some(text), ..Json::default() })
    }

    fn of_file(name: &str, sha256: [u8; 32]) -> Self {
        let sha256 = Some(const_hex::encode(sha256));
        Self::new(&Json { r#type: "FILE", file_name: Some(name), sha256, ..Json::default() })
    }

    fn new(json: &Json<'_>) -> Self {
        // Plain data with text keys: serializing cannot fail.
        let text = serde_json::to_string(json).unwrap_or_default();
        // The JSON holds the file's hash. A hash of all that cannot stand in it, and makes equal requests equal.
        let boundary = format!("koogallery-{}", const_hex::encode(&Sha256::digest(&text)[..16]));
        let part = |disposition: &str, content_type: &str| {
            format!(
                "--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: {content_type}\r\n\r\n"
            )
        };
        let file = json.file_name.map(|name| format!("name=\"file\"; filename=\"{}\"", quoted(name)));
        let before = file.map(|file| part(&file, "application/octet-stream")).unwrap_or_default();
        let end_of_file = if before.is_empty() { "" } else { "\r\n" };
        let json_part = part("name=\"isvUpdateFileReq\"", "application/json");
        let after = format!("{end_of_file}{json_part}{text}\r\n--{boundary}--\r\n");
        Self { before: before.into(), after: after.into(), boundary }
    }

    fn request<B>(&self, base: &BaseUrl, event_id: &str, body: B) -> http::Request<B> {
        let event_id = utf8_percent_encode(event_id, NON_UNRESERVED);
        let path = PATH.replace("{event_id}", &event_id.to_string());
        let mut request = base.request(Method::POST, &path, body);
        if let Ok(content_type) = HeaderValue::try_from(format!("multipart/form-data; boundary={}", self.boundary)) {
            request.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        request
    }
}

/// As browsers write a file's name: what would end it, encoded.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
