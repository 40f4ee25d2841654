//! API products behind the agents gateway: what the gateway adds to a buyer's call, and what the answer must tell it.
//!
//! The gateway (China, region cn-north-4) forwards calls of buyers to the seller's backend, `GET` or `POST`, and bills
//! by the usage that the answer reports. Its JWT is verified by [`gateway_jwt`](crate::signature::gateway_jwt); where
//! the seller chose constant header parameters instead, nothing is signed. Which member of the answer holds the usage
//! is chosen in the console for each billing item, also by a path of the seller's own; bytes and characters are counted
//! by the gateway itself in a member of the request's body (`input` unless set). Source: API products, "agents gateway"
//! (2024-07-12 to 2026-04-10).
//!
//! ```
//! use koogallery::agents_gateway::{GatewayHeaders, MeteredResponse, Usage};
//! use koogallery::key::AppSecrets;
//! use koogallery::signature::gateway_jwt;
//! use koogallery::timestamp::Timestamp;
//!
//! #[derive(serde::Serialize)]
//! struct Chat {
//!     data: String,
//! }
//!
//! fn answer(
//!     secrets: &AppSecrets,
//!     request: &http::Request<String>,
//!     now: Timestamp,
//! ) -> Result<MeteredResponse<Chat>, Box<dyn std::error::Error>> {
//!     gateway_jwt::verify(secrets, request.headers(), &gateway_jwt::HEADER, now, gateway_jwt::WINDOW)?;
//!     let call = GatewayHeaders::read(request.headers())?;
//!     let chat = Chat { data: format!("done for {}", call.customer_id) };
//!     Ok(MeteredResponse::new(chat, Usage::tokens(31, 217)))
//! }
//! ```

mod headers;
mod usage;

pub use headers::GatewayHeaders;
pub use usage::{MeteredResponse, Transcripts, Usage};
