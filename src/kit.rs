//! Wire models of the joint-operations Kit (联营Kit): five callbacks that send a joint-operation product the buyer's
//! enterprise, its departments, and who may use the product. China only.
//!
//! | message | content |
//! |---|---|
//! | `tenantSync` | the enterprise is bound, changed or unbound |
//! | `applicationSync` | the OAuth client of the application for it |
//! | `authSync` | users who may, or may no longer, use the application |
//! | `singleOrgSync` | one department |
//! | `allOrgSync` | all departments |
//!
//! They are `POST`ed to the production address with a fixed path behind it (see [`route`]). No order among them is
//! promised. The instance id is empty when the seller applies for credentials or debugs: such a message is to be kept
//! and answered with success all the same, for the login that is tried next rests on it. Repeats create nothing new,
//! and a deletion of what is not there, or of an instance that is not known, succeeds.
//!
//! **The path is not signed.** What keeps one message from being taken for another is what it must and must not hold:
//! `appId`, `userList`, `orgCode` and the list of departments name what a message is about, and a message that holds
//! such a member of another one is refused. So a deletion may leave out everything but what names the thing.
//!
//! A list may hold [`MAX_ENTRIES`]; a longer one is refused before its entries are read. Reading takes memory in
//! proportion to the body (some 15 times as much at the worst), which the [adapters](crate::adapter) limit. V1.0
//! documents 500 users for one call, V2.0 no limit; neither is enforced.
//!
//! Requests can only be parsed out of a verified call; the answer is an
//! [`Acknowledgement`](crate::wire::Acknowledgement).

pub mod v1;
pub mod v2;

mod addressed;
mod department;
mod list;
mod route;
mod user;
mod values;

pub use department::Department;
pub use list::{JsonText, MAX_ENTRIES};
#[cfg(any(feature = "actix-4", feature = "axum-0_8"))]
pub(crate) use route::DIRECTORY;
pub use route::{Version, route, sub_path};
pub use user::{EmployeeType, Role, User};
pub use values::{AuthFlag, ChinaTime, Flag};
