//! Wire models of the SaaS callbacks, one file per message, exactly as the documents have them.
//!
//! Requests can only be parsed out of a verified call; responses are plain data. The seller's code normally sees
//! neither but the generation-free events of [`callback::subscription`](crate::callback::subscription).

pub mod v1;
pub mod v2;

mod instance_ids;
mod instance_info;

pub use instance_ids::InstanceIds;
pub use instance_info::{AppInfo, InstanceInfo, UsageInfo};
pub(crate) use instance_info::{check_app_info, check_instance_info};

pub use crate::wire::Acknowledgement;
