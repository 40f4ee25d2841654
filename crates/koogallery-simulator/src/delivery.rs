//! The marketplace's calls of a seller's endpoint, as requests that are signed and planned but not sent.
//!
//! A [`Callback`] says what is called about; [`Callback::request`] signs one call of it, with a `businessId`, a time stamp and
//! a nonce of its own; [`Callback::deliveries`] plans the calls of a whole [`Schedule`]; [`Callback::judge`] reads an answer.
//!
//! ```
//! use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
//! use koogallery::protocol::Protocol;
//! use koogallery_simulator::delivery::{Callback, Endpoint, Schedule};
//! use koogallery_simulator::{Desk, LineSpec, OrderSpec, SeededRandom};
//!
//! let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new("test-access-key")?)?;
//! let endpoint = Endpoint::new("https://isv.example.com/saasproduce".parse()?, keys);
//! let desk = Desk::builder().build();
//! let order = desk.place_order(OrderSpec::new(LineSpec::one_time("OFFI1")));
//!
//! let purchase = Callback::purchase(Protocol::SaasV2, &order, 0).ok_or("SaaS has purchases")?;
//! let schedule = purchase.schedule().compressed(3600);
//! for delivery in purchase.deliveries(&endpoint, schedule, desk.now(), &SeededRandom::new(7)) {
//!     let delivery = delivery?;
//!     // Sent at `delivery.due_at`, until `purchase.judge` says that it is done.
//!     assert_eq!(delivery.request.method(), "POST");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod callback;
mod draft;
mod kit;
mod messages;
mod schedule;
mod verdict;

pub use callback::{Callback, Delivery, DeliveryError, Endpoint};
pub use draft::Draft;
pub use kit::Binding;
pub use schedule::Schedule;
pub use verdict::Verdict;
