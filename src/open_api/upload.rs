//! Upload a string or file (字符串/文件流上传): seller to marketplace, `POST
//! /api/mkp-openapi-public/global/v1/market-event/{event_id}/file`, AK/SK. License client guide, "upload" (2024-04-26; China
//! only). Delivers the License of an asynchronous application.
//!
//! The body is `multipart/form-data`, made here in memory and signed like any other: a License is small. Its content type
//! is not signed, so the boundary cannot break the signature.

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderValue};
use percent_encoding::utf8_percent_encode;
use serde::Serialize;
use serde::de::IgnoredAny;
use sha2::{Digest as _, Sha256};

use super::{Api, ApiError, Authentication, BaseUrl, envelope};
use crate::text::query::RESERVED;

/// Delivers a License for an event.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The event of the application, at most 64 characters.
    pub event_id: String,
    /// What is delivered.
    pub content: Content,
}

/// What is delivered.
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
    pub fn characters(event_id: impl Into<String>, license: impl Into<String>) -> Self {
        Self { event_id: event_id.into(), content: Content::Characters(license.into()) }
    }

    /// Delivers a file.
    pub fn file(event_id: impl Into<String>, name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { event_id: event_id.into(), content: Content::File { name: name.into(), bytes: bytes.into() } }
    }

    /// The JSON part, and the file part where there is one.
    fn parts(&self) -> (Vec<u8>, Option<(&str, &Bytes)>) {
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
        let (json, file) = match &self.content {
            Content::Characters(text) => {
                (Json { r#type: "CHARACTERS", characters: Some(text), ..Json::default() }, None)
            }
            Content::File { name, bytes } => {
                let sha256 = Some(const_hex::encode(Sha256::digest(bytes)));
                (
                    Json { r#type: "FILE", file_name: Some(name), sha256, ..Json::default() },
                    Some((name.as_str(), bytes)),
                )
            }
        };
        // Plain data with text keys: serialising cannot fail.
        (serde_json::to_vec(&json).unwrap_or_default(), file)
    }
}

impl std::fmt::Debug for Request {
    /// The License itself is left out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request").field("event_id", &self.event_id).finish_non_exhaustive()
    }
}

impl Api for Request {
    type Response = ();

    const NAME: &'static str = "upload";
    const AUTHENTICATION: Authentication = Authentication::AkSk;

    fn to_http(&self, base: &BaseUrl) -> http::Request<Bytes> {
        let (json, file) = self.parts();
        // A hash of the contents cannot stand in them, and makes equal requests equal.
        let mut hash = Sha256::new_with_prefix(&json);
        hash.update(file.map_or(&[][..], |(_, bytes)| bytes));
        let boundary = format!("koogallery-{}", const_hex::encode(&hash.finalize()[..16]));

        let mut body = Vec::with_capacity(json.len() + file.map_or(0, |(_, bytes)| bytes.len()) + 512);
        if let Some((name, bytes)) = file {
            let disposition = format!("form-data; name=\"file\"; filename=\"{}\"", quoted(name));
            push_part(&mut body, &boundary, &disposition, "application/octet-stream", bytes);
        }
        push_part(&mut body, &boundary, "form-data; name=\"isvUpdateFileReq\"", "application/json", &json);
        body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());

        let event_id = utf8_percent_encode(&self.event_id, RESERVED);
        let path = format!("/api/mkp-openapi-public/global/v1/market-event/{event_id}/file");
        let mut request = base.request(Method::POST, &path, body.into());
        if let Ok(content_type) = HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}")) {
            request.headers_mut().insert(CONTENT_TYPE, content_type);
        }
        request
    }

    fn from_http(response: &http::Response<Bytes>) -> Result<(), ApiError> {
        envelope::read::<IgnoredAny>(Self::NAME, &["CBC.0000"], response).map(|_| ())
    }
}

/// As browsers write a file's name: what would end it, encoded.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn push_part(body: &mut Vec<u8>, boundary: &str, disposition: &str, content_type: &str, content: &[u8]) {
    let head = format!("--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {content_type}\r\n\r\n");
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n");
}
