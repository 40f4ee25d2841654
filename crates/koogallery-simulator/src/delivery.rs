//! The marketplace's webhook calls of a seller's endpoint, as requests that are signed and planned but not sent.
//!
//! A [`Callback`] is the content of a call; [`Callback::request`] signs one call of it, with a new `businessId`, timestamp and
//! nonce; [`Callback::deliveries`] plans the calls of a whole [`Schedule`]; [`Callback::judge`] reads an answer.
//!
//! ```
//! use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
//! use koogallery::protocol::Protocol;
//! use koogallery_simulator::delivery::{Callback, Endpoint, Schedule};
//! use koogallery_simulator::{LineSpec, OpenApiServer, OrderSpec, SeededRandom};
//!
//! let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new("test-access-key")?)?;
//! let endpoint = Endpoint::new("https://isv.example.com/saasproduce".parse()?, keys);
//! let open_api = OpenApiServer::builder().build();
//! let order = open_api.place_order(OrderSpec::new(LineSpec::one_time("OFFI1")));
//!
//! let purchase = Callback::purchase(Protocol::SaasV2, &order, 0).ok_or("SaaS has purchases")?;
//! let schedule = purchase.schedule().compressed(3600);
//! for delivery in purchase.deliveries(&endpoint, schedule, open_api.now(), &SeededRandom::new(7)) {
//!     let delivery = delivery?;
//!     // Sent at `delivery.due_at`, until `purchase.judge` says that it is done.
//!     assert_eq!(delivery.request.method(), "POST");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod callback;
mod message_builder;
mod messages;
mod outcome;
mod proof;
mod schedule;
mod tenant_binding;

pub use callback::{Callback, Delivery, DeliveryError, Endpoint};
pub use message_builder::MessageBuilder;
pub use outcome::DeliveryOutcome;
pub use proof::{sign, time_stamp};
pub use schedule::Schedule;
pub use tenant_binding::TenantBinding;
