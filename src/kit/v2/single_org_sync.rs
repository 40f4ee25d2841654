//! `singleOrgSync` (部门增量同步): marketplace to seller, `POST` to the production address and
//! `/produceAPI/v2/singleOrgSync`. SaaS access guide V2.0, "incremental department synchronization" (2024-08-16). The
//! members are those of V1.0.

#[doc(inline)]
pub use crate::kit::v1::single_org_sync::{Request, Response};
