//! Heads of messages.

use super::ReadError;

const MAX_HEADERS: usize = 128;

/// Names and values in the order and letter case received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

impl Headers {
    fn new(parsed: &[httparse::Header<'_>]) -> Self {
        Self(parsed.iter().map(|header| (header.name.to_owned(), header.value.to_vec())).collect())
    }

    /// Returns names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Returns the members of all lists under a name, in lower case.
    pub fn tokens(&self, name: &str) -> Vec<String> {
        let values = self.values(name);
        let tokens = values.iter().flat_map(|value| value.split(',')).map(|token| token.trim().to_ascii_lowercase());
        tokens.filter(|token| !token.is_empty()).collect()
    }

    fn values(&self, name: &str) -> Vec<String> {
        let found = self.iter().filter(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| String::from_utf8_lossy(value).trim().to_owned()).collect()
    }

    /// Returns the length of the body, if stated once. A length beyond all limits is the largest.
    pub(super) fn content_length(&self) -> Result<Option<usize>, ReadError> {
        match self.values("content-length").as_slice() {
            [] => Ok(None),
            [length] if !length.is_empty() && length.bytes().all(|digit| digit.is_ascii_digit()) => {
                Ok(Some(length.parse().unwrap_or(usize::MAX)))
            }
            _ => Err(ReadError::AmbiguousLength),
        }
    }

    pub(super) fn transfer_codings(&self) -> Vec<String> {
        self.tokens("transfer-encoding")
    }
}

/// The head of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestHead {
    /// The method as received.
    pub method: String,
    /// The target as received.
    pub target: String,
    /// The headers.
    pub headers: Headers,
}

impl RequestHead {
    /// Reads a head and its length; `None` while it is incomplete.
    ///
    /// # Errors
    ///
    /// The bytes are not a head, or have too many headers.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, ReadError> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        let Some(length) = outcome(request.parse(bytes))? else { return Ok(None) };
        let head = Self {
            method: request.method.unwrap_or_default().to_owned(),
            target: request.path.unwrap_or_default().to_owned(),
            headers: Headers::new(request.headers),
        };
        Ok(Some((head, length)))
    }
}

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseHead {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Headers,
    is_http_1_1: bool,
}

impl ResponseHead {
    /// Reads a head and its length; `None` while it is incomplete.
    ///
    /// # Errors
    ///
    /// The bytes are not a head, or have too many headers.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, ReadError> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let Some(length) = outcome(response.parse(bytes))? else { return Ok(None) };
        let head = Self {
            status: response.code.unwrap_or_default(),
            headers: Headers::new(response.headers),
            is_http_1_1: response.version == Some(1),
        };
        Ok(Some((head, length)))
    }

    /// An interim answer precedes the final one.
    pub(super) fn is_interim(&self) -> bool {
        (100..200).contains(&self.status)
    }

    pub(super) fn is_followed(&self) -> bool {
        let has = |wanted: &str| self.headers.tokens("connection").iter().any(|token| token == wanted);
        if self.is_http_1_1 { !has("close") } else { has("keep-alive") }
    }
}

fn outcome(parsed: httparse::Result<usize>) -> Result<Option<usize>, ReadError> {
    match parsed {
        Ok(httparse::Status::Complete(length)) => Ok(Some(length)),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => Err(ReadError::TooManyHeaders("head")),
        Err(error) => Err(ReadError::NotHttp(error.to_string())),
    }
}
