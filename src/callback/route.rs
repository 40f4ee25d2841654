//! Which protocol a request speaks.

use std::fmt;

use http::{Method, request::Parts};

use crate::kit;

/// A protocol that the service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// SaaS callbacks V1.0: `GET`, `authToken` in the query.
    SaasV1,
    /// SaaS callbacks V2.0: `POST`, `signature` in the query.
    SaasV2,
    /// Kit callbacks V1.0: `POST` to `/produceAPI/...`, header `authToken`.
    KitV1,
    /// Kit callbacks V2.0: `POST` to `/produceAPI/v2/...`, header `x-sign`.
    KitV2,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SaasV1 => "SaaS V1.0",
            Self::SaasV2 => "SaaS V2.0",
            Self::KitV1 => "Kit V1.0",
            Self::KitV2 => "Kit V2.0",
        })
    }
}

/// The protocols share one production address, whose path is the seller's to choose. They are told apart by the method, and
/// the Kit's by what it appends to the path.
pub(super) fn protocol_of(parts: &Parts) -> Option<Protocol> {
    match parts.method {
        Method::GET => Some(Protocol::SaasV1),
        Method::POST => Some(match kit::route(parts.uri.path()) {
            Some((kit::Version::V1, _)) => Protocol::KitV1,
            Some((kit::Version::V2, _)) => Protocol::KitV2,
            None => Protocol::SaasV2,
        }),
        _ => None,
    }
}
