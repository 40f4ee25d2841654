//! `applicationSync` (应用同步): marketplace to seller, `POST` to the production address and
//! `/produceAPI/v2/applicationSync`. SaaS access guide V2.0, "application synchronization". The members are those of
//! V1.0.

#[doc(inline)]
pub use crate::kit::v1::application_sync::{Request, Response};
