//! Login of the customers' users: OAuth 2.0 from the marketplace's unified login page or from the workbench, and CAS
//! 3.0 (feature `cas`).
//!
//! China site, joint-operation products only. Every enterprise that bought has an authentication center of its own;
//! `tenantSync` sends its address, `applicationSync` the client id and the (encrypted) client secret, and `authSync`
//! who may use the application. So nothing of this is configuration: it comes from a [`LoginDirectory`], by tenant.
//!
//! ```text
//! browser  --> unified_login::url                       no session yet
//! browser <--  ?code=...&tenant=...                     the application's callback address
//! Login::complete
//!     look up (tenant, application)                     address, client id and secret, never from the request
//!     POST {center}/api/v1/oauth2/token                 the code works once
//!     GET  {center}/api/v1/oauth2/userinfo
//!     check the tenant, look up the user                known and enabled
//! browser <--  the application's own session
//! ```
//!
//! [`Login`] does the part in the middle on any [`Transport`](crate::transport::Transport). Below it the requests are
//! plain values without IO ([`Exchange`]), and none can be built without a [`TenantLogin`]. Sessions remain the
//! application's responsibility.
//!
//! **Login CSRF.** The unified login page documents no `state`, so nothing binds its redirect to the browser that began
//! the login: an attacker may send a victim the callback address with the attacker's own code, and the victim works in
//! the attacker's account. Show who is logged in, and never tie the login to an account that the browser is already
//! logged in to. Where the application begins the login itself ([`authorize::url`]), a [`State`](authorize::State)
//! closes this gap.
//!
//! Source: joint-operation access guide, "web login" (2025-11-13), "renewal", "token", "user information" (2024-04-26),
//! "logout" (2022-10-21), "workbench login" (2024-06-25).

pub mod authorize;
mod callback;
#[cfg(feature = "cas")]
pub mod cas;
mod center;
mod complete;
mod directory;
mod error;
mod exchange;
pub mod logout;
mod store;
mod tenant;
pub mod token;
pub mod unified_login;
pub mod user_info;

#[cfg(feature = "cas")]
pub use callback::CasCallback;
pub use callback::OAuthCallback;
pub use center::{AuthenticationCenter, AuthenticationCenterError};
pub use complete::{Identity, Login};
pub use directory::{DirectoryError, DirectoryUser, LoginDirectory};
pub use error::{CallbackProblem, Cause, CenterError, LoginError};
pub use exchange::Exchange;
pub use store::StoreLogin;
pub use tenant::{TenantLogin, TenantLoginError};
