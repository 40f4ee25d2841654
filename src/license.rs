//! Wire models of the callbacks for License products, one file per message, exactly as the documents have them. China
//! only.
//!
//! | family | product | object | License is delivered |
//! |---|---|---|---|
//! | [`code`] | authorization code 2.0 | `license`, the code itself | by the marketplace, which makes the code |
//! | [`online`] | industrial software, online License | `instanceId` | by upload, in answer to `getLicenseAsync` |
//! | [`v1`] | License V1, retired | `instanceId` | in the answer to `getLicense` |
//!
//! Requests can only be parsed out of a verified call; answers are plain data.
//!
//! The first two share `POST`, signature and production address with SaaS V2.0, V1 shares `GET` and `authToken` with
//! SaaS V1.0. The activity distinguishes the families, with one exception: **the first four callbacks of the online
//! License have the names and the fields of SaaS V2.0**, so only the production address, or the key where it is another
//! one, decides which of the two is meant.

pub mod code;
pub mod online;
pub mod v1;
