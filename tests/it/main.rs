//! The crate as its users see it: in process, over sockets, on real stores.

mod bad_input;
mod crash;
mod debug_calls;
mod intake;
mod kit;
mod ledgers;
mod license_calls;
mod license_server;
mod lifecycle;
mod login;
mod metered_service;
mod metering;
mod once;
mod orders;
mod process;
mod properties;
mod query_order_example;
mod replay_guards;
mod servers;
mod settings;
mod sockets;
mod support;
mod transport;
mod uploads;
