//! The stages of a call: route, verify, claim, run, answer, sign.

mod complete;
mod debug;
mod directory;
mod exchange;
mod executor;
mod issuer;
mod licensing;
mod notices;
mod response;
mod route;
mod subscription;

pub(super) use directory::Directory;
pub(super) use exchange::{Asked, ExchangeState, ReplyContext, WhenDue};
pub(super) use executor::Executor;
pub(super) use issuer::Issuer;
pub(super) use licensing::Licensing;
pub(super) use notices::Notices;
pub(super) use response::{method_not_allowed, refusal, response};
pub(super) use route::Route;
