//! The production address, as OpenAPI divides it.

use std::str::FromStr;

/// A server's production address.
#[derive(Clone, Debug)]
pub struct Address {
    /// Scheme and host.
    pub server: String,
    /// The path, without a slash at its end.
    pub path: String,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let uri: http::Uri = url.parse().map_err(|error| format!("{url:?} is no URL: {error}"))?;
        let (Some(scheme), Some(host), None) = (uri.scheme_str(), uri.authority(), uri.query()) else {
            return Err(format!("{url:?} is not of the form https://host/path"));
        };
        Ok(Self { server: format!("{scheme}://{host}"), path: uri.path().trim_end_matches('/').to_owned() })
    }
}

impl Address {
    /// The path of what is below the address.
    pub fn below(&self, sub_path: &str) -> String {
        let path = format!("{}{sub_path}", self.path);
        if path.is_empty() { "/".to_owned() } else { path }
    }
}
