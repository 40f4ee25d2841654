//! The crate as its users see it: in process, over sockets, on real stores.

mod crash;
mod debug_calls;
mod lifecycle;
mod once;
mod sockets;
mod support;
