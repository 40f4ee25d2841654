//! The crate as its users see it: in process, over sockets, on real stores.
#![allow(unreachable_pub, clippy::unwrap_used)]

mod debug_calls;
mod lifecycle;
mod once;
mod support;
