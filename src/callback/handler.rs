//! The seller's side: the handlers that a seller writes, their events and errors, and the observer.

pub mod directory;
pub(super) mod error;
mod events;
mod ids;
pub mod licensing;
pub(super) mod observer;
pub mod orders;
pub mod subscription;
mod usage_info;
