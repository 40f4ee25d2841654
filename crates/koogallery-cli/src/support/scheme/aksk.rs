//! `aksk`.

use std::path::PathBuf;

use clap::Args;
use http::header::{AUTHORIZATION, HOST, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Uri};
use koogallery::signature::aksk::{self, Authorization, CanonicalRequest, Difference, Payload, Signer};
use koogallery::signature::diagnosis::{self, Diagnosis};
use koogallery::timestamp::Timestamp;

use super::{Age, Scheme, VerifyError, required};
use crate::Failure;
use crate::support::http_message::{Capture, header_map};
use crate::support::{environment, input};

/// Open-API requests: the header `Authorization` (SDK-HMAC-SHA256), with KOOGALLERY_AK and KOOGALLERY_SK.
///
/// Signed are host, x-sdk-date and every header given; names with an underscore never are, because the gateway drops them.
#[derive(Args)]
pub struct Aksk {
    /// The method.
    #[arg(long, value_name = "M", required_unless_present = "request", conflicts_with = "request")]
    method: Option<String>,
    /// The URL, including its query.
    #[arg(long, value_name = "U", required_unless_present = "request", conflicts_with = "request")]
    url: Option<String>,
    /// `X-Sdk-Date`: yyyyMMddTHHmmssZ, in UTC.
    #[arg(long, value_name = "D", required_unless_present = "request", conflicts_with = "request")]
    date: Option<String>,
    /// Another header, `Name: value`; repeatable.
    #[arg(long = "header", value_name = "HEADER", conflicts_with = "request", value_parser = header)]
    headers: Vec<(String, String)>,
    /// The body, byte for byte; `-` reads standard input.
    #[arg(long, value_name = "FILE", conflicts_with = "request")]
    body: Option<PathBuf>,
    /// The whole captured HTTP/1.1 request, instead of all other inputs; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    request: Option<PathBuf>,
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("not of the form `Name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

impl Aksk {
    /// Returns the diagnosis, and the first line that differs in the gateway's canonical request.
    pub fn explain_answered(
        &self,
        signature: Option<&str>,
        age: &Age,
        answer: &GatewayAnswer,
    ) -> Result<(Diagnosis, Option<String>), Failure> {
        let (parts, body) = self.request(signature)?;
        Ok((diagnose(&parts, &body, age)?, answer.difference(&parts, &body)?))
    }

    /// Returns the request as sent.
    fn request(&self, signature: Option<&str>) -> Result<(Parts, Vec<u8>), Failure> {
        let (method, url, mut headers, body) = match self.request.as_deref().map(Capture::read).transpose()? {
            Some(capture) => {
                let (method, target) = capture.request_line()?;
                let url = match target.strip_prefix('/') {
                    Some(path) => format!("https://{}/{path}", required(capture.header("host"), "the header Host")?),
                    None => target.to_owned(),
                };
                (method.to_owned(), url, capture.header_map()?, capture.body)
            }
            None => {
                let mut headers = header_map(&self.headers)?;
                headers.insert("x-sdk-date", value(&required(self.date.as_deref(), "--date")?)?);
                if let Some(signature) = signature {
                    headers.insert(AUTHORIZATION, value(signature)?);
                }
                let body = self.body.as_deref().map_or(Ok(Vec::new()), input::read)?;
                (required(self.method.as_deref(), "--method")?, required(self.url.as_deref(), "--url")?, headers, body)
            }
        };
        let uri: Uri = url.parse().map_err(|error| Failure::of("the address", &error))?;
        if !headers.contains_key(HOST) {
            let authority = uri.authority().ok_or_else(|| Failure::new("the address has no host"))?.as_str();
            headers.insert(HOST, value(authority.strip_suffix(":443").unwrap_or(authority))?);
        }
        let (mut parts, ()) = Request::new(()).into_parts();
        parts.method = Method::from_bytes(method.as_bytes()).map_err(|error| Failure::of("the method", &error))?;
        (parts.uri, parts.headers) = (uri, headers);
        Ok((parts, body))
    }
}

fn diagnose(parts: &Parts, body: &[u8], age: &Age) -> Result<Diagnosis, Failure> {
    let now = age.at.map_or_else(|| date(parts), Ok)?;
    Ok(diagnosis::aksk(parts, body, &environment::credentials()?, &environment::access_keys()?, now))
}

fn value(text: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(text).map_err(|_| Failure::new("a header has an invalid value"))
}

fn date(parts: &Parts) -> Result<Timestamp, Failure> {
    let date = parts.headers.get("x-sdk-date").and_then(|date| date.to_str().ok()).unwrap_or_default();
    Timestamp::parse_basic_iso(date).map_err(|_| Failure::new("X-Sdk-Date is not of the form yyyyMMddTHHmmssZ"))
}

impl Scheme for Aksk {
    fn is_whole(&self) -> bool {
        self.request.is_some()
    }

    fn sign(&self) -> Result<String, Failure> {
        let credentials = environment::credentials()?;
        let (mut parts, body) = self.request(None)?;
        let signer =
            parts.headers.keys().fold(Signer::new(&credentials), |signer, name| signer.sign_header(name.clone()));
        let time = date(&parts)?;
        let signed = signer.sign(&mut parts, Payload::Bytes(&body), time);
        signed.map_err(|error| Failure::of("not signed", &error))?;
        required(parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()), "Authorization")
    }

    fn verify(&self, signature: Option<&str>, age: &Age) -> Result<Result<(), VerifyError>, Failure> {
        let credentials = environment::credentials()?;
        let (parts, body) = self.request(signature)?;
        let now = age.at.map_or_else(|| date(&parts), Ok)?;
        Ok(aksk::verify(&parts, &body, &credentials, now))
    }

    fn explain(&self, signature: Option<&str>, age: &Age) -> Result<Diagnosis, Failure> {
        let (parts, body) = self.request(signature)?;
        diagnose(&parts, &body, age)
    }
}

// The gateway's answer.
#[derive(Args)]
pub struct GatewayAnswer {
    /// The gateway's answer: its text is the reason for the refusal, usually with the gateway's canonical request. `-`
    /// reads standard input.
    #[arg(long, value_name = "FILE")]
    gateway_answer: Option<PathBuf>,
}

impl GatewayAnswer {
    pub fn is_given(&self) -> bool {
        self.gateway_answer.is_some()
    }

    fn difference(&self, parts: &Parts, body: &[u8]) -> Result<Option<String>, Failure> {
        let Some(path) = &self.gateway_answer else { return Ok(None) };
        let answer = input::read(path)?;
        let answer = String::from_utf8_lossy(&answer);
        if !answer.contains("canonicalRequest:") {
            let cause = diagnosis::gateway_answer(&answer).ok_or_else(|| {
                let path = path.display();
                Failure::new(format!("{path}: it contains no canonicalRequest and no known message of the gateway"))
            });
            return Ok(Some(format!("the gateway says: {}", cause?)));
        }
        let authorization = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let authorization = authorization.and_then(Authorization::parse);
        let authorization =
            authorization.ok_or_else(|| Failure::new("the request has no Authorization of this scheme"))?;
        let names: Vec<String> = authorization.signed_headers.split(';').map(str::to_owned).collect();
        let canonical = CanonicalRequest::new(parts, &names, Payload::Bytes(body));
        let canonical =
            canonical.ok_or_else(|| Failure::new("a header that is listed as signed is missing or no text"))?;
        Ok(Some(match aksk::diff_with_gateway(&canonical, &answer) {
            Some(Difference { part, signed, received, .. }) if !is_secret(&signed) && !is_secret(&received) => {
                format!("the {part} differs: the request has {signed:?}, the gateway {received:?}")
            }
            Some(Difference { part, .. }) => format!("the {part} differs"),
            None => "the gateway has the same canonical request, so the secret or the date differs".to_owned(),
        }))
    }
}

/// Token of a temporary key.
fn is_secret(line: &str) -> bool {
    line.to_ascii_lowercase().starts_with("x-security-token:")
}
