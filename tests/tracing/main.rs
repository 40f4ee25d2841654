//! What `tracing` records. A binary of its own, because a subscriber changes what other threads find enabled.

mod callback;
mod open_api;
