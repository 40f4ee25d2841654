//! `tenantSync` (企业同步): marketplace to seller, `POST` to the production address and
//! `/produceAPI/v2/tenantSync`. SaaS access guide V2.0, "tenant synchronization". The members are those of V1.0.

#[doc(inline)]
pub use crate::kit::v1::tenant_sync::{Request, Response};
