//! Who may use the marketplace's pages: this machine, or holders of a token.

use std::net::IpAddr;

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode, Uri};
use koogallery::query::{Plus, raw_pairs};
use koogallery::random::{self, OsRandom, RandomError};

use super::lang::cookie;
use super::reply::Refused;

/// The parameter of the address that is printed, and the cookie that keeps it.
pub const TOKEN: &str = "token";
pub const TOKEN_COOKIE: &str = "koogallery_token";

/// What a request needs, beside coming from a page of this server.
#[derive(Clone, Default)]
pub struct Access(Option<String>);

impl Access {
    /// Requires a random token where an address can be reached from other machines.
    pub fn at(address: IpAddr) -> Result<Self, RandomError> {
        match address.is_loopback() {
            true => Ok(Self::default()),
            false => random::hex(&OsRandom).map(|token| Self(Some(token))),
        }
    }

    /// Returns the end of the address to be opened.
    pub fn query(&self) -> String {
        self.0.as_ref().map_or_else(String::new, |token| format!("?{TOKEN}={token}"))
    }

    /// Returns the token that the address of this request brings, if it is right: it is for the cookie.
    pub fn brought(&self, head: &Parts) -> Option<&str> {
        let given = query_value(head, TOKEN)?;
        self.0.as_deref().filter(|token| is_same(token, &given))
    }

    pub fn check(&self, head: &Parts) -> Result<(), Refused> {
        let is_safe = matches!(head.method, Method::GET | Method::HEAD);
        if !is_of_own_page(&head.headers, is_safe) || (self.0.is_none() && !names_this_machine(&head.headers)) {
            let why = "the request comes from a page of another site, or uses a name that is not this machine's";
            return Err(Refused(StatusCode::FORBIDDEN, why.to_owned()));
        }
        let Some(token) = &self.0 else { return Ok(()) };
        let bearer = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let given = bearer.or_else(|| cookie(head, TOKEN_COOKIE));
        if given.is_some_and(|given| is_same(token, given)) || self.brought(head).is_some() {
            return Ok(());
        }
        let why = "open the address that the command has printed, or send its token as Authorization: Bearer";
        Err(Refused(StatusCode::UNAUTHORIZED, why.to_owned()))
    }
}

fn query_value(head: &Parts, name: &str) -> Option<String> {
    let pair = raw_pairs(head.uri.query()?).find(|pair| pair.name == name)?;
    pair.decoded_value(Plus::Space).map(|value| value.into_owned())
}

/// In constant time for texts of one length.
fn is_same(token: &str, given: &str) -> bool {
    let differences = token.bytes().zip(given.bytes()).fold(0, |differences, (one, other)| differences | (one ^ other));
    token.len() == given.len() && differences == 0
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Pages of other sites could use another name for this machine, and so read its answers.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = text(headers, HOST.as_str()).and_then(|host| host.parse::<Uri>().ok()) else { return false };
    let name = host.host().unwrap_or_default();
    name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// Pages of other sites could make a browser send forms here.
fn is_of_own_page(headers: &HeaderMap, is_safe: bool) -> bool {
    let host = text(headers, HOST.as_str());
    let is_own = |origin: &str| origin.split_once("://").map(|(_, authority)| authority) == host && host.is_some();
    let is_own_origin = headers.get(ORIGIN).is_none() || text(headers, ORIGIN.as_str()).is_some_and(is_own);
    let site = text(headers, "sec-fetch-site");
    is_own_origin && (is_safe || site.is_none_or(|site| matches!(site, "same-origin" | "none")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn status(access: &Access, method: Method, uri: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let head = request.body(()).unwrap().into_parts().0;
        access.check(&head).map_or_else(|Refused(status, _)| status.as_u16(), |()| 200)
    }

    #[test]
    fn this_machine_needs_no_token_and_other_sites_have_no_say() {
        let open = Access::at("127.0.0.1".parse().unwrap()).unwrap();
        assert_eq!(open.query(), "");
        let host = ("host", "127.0.0.1:9090");
        for (method, headers, expected) in [
            (Method::GET, &[host][..], 200),
            (Method::GET, &[("host", "localhost:9090")], 200),
            (Method::GET, &[("host", "[::1]:9090")], 200),
            (Method::GET, &[("host", "evil.example")], 403),
            (Method::GET, &[], 403),
            (Method::GET, &[host, ("sec-fetch-site", "cross-site")], 200),
            (Method::POST, &[host], 200),
            (Method::POST, &[host, ("origin", "http://127.0.0.1:9090"), ("sec-fetch-site", "same-origin")], 200),
            (Method::POST, &[host, ("origin", "http://evil.example")], 403),
            (Method::POST, &[host, ("origin", "http://127.0.0.1:8080")], 403),
            (Method::POST, &[host, ("origin", "null")], 403),
            (Method::POST, &[host, ("sec-fetch-site", "cross-site")], 403),
            (Method::POST, &[host, ("sec-fetch-site", "same-site")], 403),
        ] {
            assert_eq!(status(&open, method.clone(), "/_marketplace", headers), expected, "{method} {headers:?}");
        }
    }

    #[test]
    fn other_machines_need_the_token() {
        let access = Access::at("0.0.0.0".parse().unwrap()).unwrap();
        let query = access.query();
        let token = query.strip_prefix("?token=").unwrap();
        assert!(token.len() >= 32 && Access::at("0.0.0.0".parse().unwrap()).unwrap().query() != query);
        let home = "/_marketplace";
        // Any name of this machine: the token is known to no other page.
        let host = ("host", "desk.example:9090");
        let (bearer, cookies) = (format!("Bearer {token}"), format!("a=b; {TOKEN_COOKIE}={token}"));
        assert_eq!(status(&access, Method::GET, home, &[host]), 401);
        assert_eq!(status(&access, Method::GET, &format!("{home}?token={}x", &token[1..]), &[host]), 401);
        assert_eq!(status(&access, Method::GET, &format!("{home}{query}"), &[host]), 200);
        for header in [("authorization", &*bearer), ("cookie", &*cookies)] {
            assert_eq!(status(&access, Method::POST, home, &[host, header]), 200);
            assert_eq!(status(&access, Method::POST, home, &[host, header, ("origin", "http://evil.example")]), 403);
        }
    }
}
