//! The program that calls reach first, as far as its answers show it.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::http_target::HttpTarget;
use super::target::{Answer, TargetError};

/// A proxy, or a server that does as proxies do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Nginx,
    Haproxy,
    Apache,
    Caddy,
    /// Caddy without its name, Traefik, or another program on Go's `net/http`.
    Go,
    Envoy,
    Lighttpd,
    Varnish,
    Squid,
    TrafficServer,
    Uvicorn,
}

/// The beginning of `Server`, in lower case.
const SERVERS: &[(&str, Program)] = &[
    ("nginx", Program::Nginx),
    ("openresty", Program::Nginx),
    ("tengine", Program::Nginx),
    ("apache/", Program::Apache),
    ("caddy", Program::Caddy),
    ("envoy", Program::Envoy),
    ("istio-envoy", Program::Envoy),
    ("lighttpd", Program::Lighttpd),
    ("varnish", Program::Varnish),
    ("squid", Program::Squid),
    ("ats/", Program::TrafficServer),
    ("uvicorn", Program::Uvicorn),
];

/// Parts of `Via`, in lower case.
const VIAS: &[(&str, Program)] = &[
    ("varnish", Program::Varnish),
    ("squid", Program::Squid),
    ("apachetrafficserver", Program::TrafficServer),
    ("caddy", Program::Caddy),
    ("envoy", Program::Envoy),
];

impl Program {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Apache => "Apache httpd",
            Self::Caddy => "Caddy",
            Self::Go => "Caddy, Traefik or another program in Go",
            Self::Envoy => "Envoy",
            Self::Lighttpd => "lighttpd",
            Self::Varnish => "Varnish",
            Self::Squid => "Squid",
            Self::TrafficServer => "Traffic Server",
            Self::Uvicorn => "uvicorn",
        }
    }
}

/// A program, and what shows that it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FrontDoor {
    pub(super) program: Program,
    evidence: String,
}

impl FrontDoor {
    /// Finds out from an answer. Programs that serve and say their name may stand behind others that do not.
    pub(super) fn of(answer: &Answer) -> Option<Self> {
        let found = |program, evidence| Some(Self { program, evidence });
        if let Some(via) = answer.header("via")
            && let Some((_, program)) = VIAS.iter().find(|(name, _)| via.to_ascii_lowercase().contains(name))
        {
            return found(*program, format!("Via: {via}"));
        }
        // Behind it, `Server` may be that of another.
        let envoy = answer.headers.iter().find(|(name, _)| name.to_ascii_lowercase().starts_with("x-envoy-"));
        if let Some((name, _)) = envoy {
            return found(Program::Envoy, name.clone());
        }
        if let Some(server) = answer.header("server") {
            let lower = server.to_ascii_lowercase();
            let known = SERVERS.iter().find(|(name, _)| lower.starts_with(name) || lower == name.trim_end_matches('/'));
            return known.and_then(|(_, program)| found(*program, format!("Server: {server}")));
        }
        let page = "its error page";
        match &*answer.body {
            // Proxies with their own headers have been named by them.
            body if body.starts_with(b"<html><body><h1>") && body.ends_with(b"</body></html>\n") => {
                found(Program::Haproxy, page.to_owned())
            }
            body if answer.status == 400 && body.starts_with(b"400 Bad Request") => found(Program::Go, page.to_owned()),
            _ => None,
        }
    }

    /// Sends a request that is not HTTP: the program that reads it first has to answer it.
    pub(super) async fn ask(target: &HttpTarget) -> Option<Self> {
        const PATIENCE: Duration = Duration::from_secs(3);
        let exchange = async {
            let mut connection = target.connect().await?;
            let request = format!("GET /\x01 HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", target.authority());
            connection.send(request.as_bytes()).await?;
            connection.answer(Instant::now(), true).await
        };
        let answer: Result<Answer, TargetError> = timeout(PATIENCE, exchange).await.ok()?;
        Self::of(&answer.ok()?)
    }

    /// Returns whether this is a better name for what the other one is.
    pub(super) fn is_a_better_name_for(&self, other: &Self) -> bool {
        self.program == other.program || (self.program, other.program) == (Program::Caddy, Program::Go)
    }

    /// Names it, with the evidence.
    pub(super) fn described(&self) -> String {
        format!("{} ({})", self.program.name(), self.evidence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, headers: &[(&str, &str)], body: &'static str) -> Option<String> {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        let answer = Answer::from_wire(status, headers, body.into(), Duration::ZERO);
        FrontDoor::of(&answer).map(|door| door.described())
    }

    #[test]
    fn programs_are_known_by_what_they_write() {
        let by_header = |name, value| of(200, &[(name, value)], "{}").unwrap_or_default();
        assert_eq!(by_header("Server", "nginx/1.22.1"), "nginx (Server: nginx/1.22.1)");
        assert_eq!(by_header("server", "Apache"), "Apache httpd (Server: Apache)");
        assert_eq!(by_header("Server", "Apache/2.4.71 (Debian)"), "Apache httpd (Server: Apache/2.4.71 (Debian))");
        assert_eq!(by_header("Via", "1.1 varnish (Varnish/7.1)"), "Varnish (Via: 1.1 varnish (Varnish/7.1))");
        assert_eq!(by_header("Server", "ATS/9.2.9"), "Traffic Server (Server: ATS/9.2.9)");
        let via = "http/1.1 proxy (ApacheTrafficServer/9.2.9)";
        assert_eq!(by_header("Via", via), format!("Traffic Server (Via: {via})"));
        assert_eq!(by_header("X-Envoy-Upstream-Service-Time", "3"), "Envoy (X-Envoy-Upstream-Service-Time)");
        // Tomcat, and whatever is not known.
        assert_eq!(by_header("Server", "Apache-Coyote/1.1"), "");
        assert_eq!(by_header("Server", "Kestrel"), "");
    }

    /// As the programs write them: HAProxy 2.6.12 and Caddy 2.6.2.
    #[test]
    fn programs_without_a_name_are_known_by_their_pages() {
        let page = "<html><body><h1>400 Bad request</h1>\nYour browser sent an invalid request.\n</body></html>\n";
        assert_eq!(of(400, &[("Content-Type", "text/html")], page).unwrap(), "HAProxy (its error page)");
        let door = of(400, &[("Content-Type", "text/plain; charset=utf-8")], "400 Bad Request").unwrap();
        assert_eq!(door, "Caddy, Traefik or another program in Go (its error page)");
        assert_eq!(of(200, &[], "{\"resultCode\":\"000000\"}"), None);
        assert_eq!(of(400, &[], ""), None);
    }
}
