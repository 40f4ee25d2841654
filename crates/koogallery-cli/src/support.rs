//! Parts that several commands share.

pub mod assignment;
pub mod capture_folder;
pub mod client_secret;
pub mod duration;
pub mod environment;
pub mod failure;
pub mod forwarding;
pub mod http_message;
pub mod input;
pub mod interrupt;
pub mod open_api;
pub mod order_line;
pub mod output;
pub mod runtime;
pub mod scheme;
pub mod seed;
pub mod signed_call;
pub mod target;
pub mod usage_store;
