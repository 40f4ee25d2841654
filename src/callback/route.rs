//! Which protocol a request speaks.

use std::fmt;

use http::{Method, request::Parts};

/// A protocol that the service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// SaaS callbacks V1.0: `GET`, `authToken` in the query.
    SaasV1,
    /// SaaS callbacks V2.0: `POST`, `signature` in the query.
    SaasV2,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SaasV1 => "SaaS V1.0",
            Self::SaasV2 => "SaaS V2.0",
        })
    }
}

/// The protocols share one production address and are told apart by the method; the path is the seller's to choose.
pub(super) fn protocol_of(parts: &Parts) -> Option<Protocol> {
    match parts.method {
        Method::GET => Some(Protocol::SaasV1),
        Method::POST => Some(Protocol::SaasV2),
        _ => None,
    }
}
