//! Changes of an instance.

use super::{Period, Product};
use crate::amount::Amount;
use crate::lease::Fence;
use crate::ledger::Completion;
use crate::timestamp::Timestamp;
use crate::wire::{UnknownFields, open_enum};

/// A new expiry: a renewal, its cancellation, or a trial that became commercial.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Renewal {
    /// Instance id.
    pub instance_id: String,
    /// Id of the order that changes the expiry; not the purchase.
    pub order_id: String,
    /// Order line id; V1.0 has none.
    pub order_line_id: Option<String>,
    /// Reason. V1.0 sends none: a trial's conversion and a negative amount are distinguished from a renewal.
    pub scene: RenewalScene,
    /// The new expiry: an absolute time, possibly **before** the present one.
    pub expire_time: Timestamp,
    /// The new product, if it changes.
    pub product_id: Option<String>,
    /// The product after the change, with **totals**; from the order query only. It is not queried for an unsubscribed renewal
    /// period, for which the documents disagree on whose order the call names.
    pub product: Option<Product>,
    /// Period bought, from V1.0's call or the order query.
    pub period: Option<Period>,
    /// Amount paid, from V1.0's call (negative for a refund) or from the order query.
    pub amount_paid: Option<Amount>,
    /// See [`Purchase::test_call`](super::Purchase::test_call).
    pub test_call: bool,
    /// Fencing token of the run and end of its lease, for the handler's own writes.
    pub fence: Fence,
    /// Marks the change done in a transaction of the handler's own.
    pub completion: Completion,
}

impl Renewal {
    /// Returns a renewal of an instance by an order.
    pub fn new(instance_id: impl Into<String>, order_id: impl Into<String>, expire_time: Timestamp) -> Self {
        Self {
            instance_id: instance_id.into(),
            order_id: order_id.into(),
            order_line_id: None,
            scene: RenewalScene::Renewal,
            expire_time,
            product_id: None,
            product: None,
            period: None,
            amount_paid: None,
            test_call: false,
            fence: Fence::default(),
            completion: Completion::default(),
        }
    }
}

open_enum! {
    /// Reason why the expiry changes.
    pub enum RenewalScene {
        /// A trial became commercial.
        TrialToFormal = "TRIAL_TO_FORMAL",
        /// A renewal.
        Renewal = "RENEWAL",
        /// A renewal was unsubscribed: the expiry moves **back**.
        UnsubscribeRenewalPeriod = "UNSUBSCRIBE_RENEWAL_PERIOD",
        /// A renewal with another specification (SaaS V2.0 in China and international; not Europe).
        RenewalChange = "RENEWAL_CHANGE",
    }
}

/// Make the instance unusable and keep its data, for up to 15 days.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Freeze {
    /// Instance id.
    pub instance_id: String,
    /// Reason, if the call says it.
    pub reason: FreezeReason,
    /// See [`Purchase::test_call`](super::Purchase::test_call).
    pub test_call: bool,
    /// Fencing token of the run and end of its lease, for the handler's own writes.
    pub fence: Fence,
    /// Marks the change done in a transaction of the handler's own.
    pub completion: Completion,
}

impl Freeze {
    /// Returns the freezing of an instance.
    pub fn new(instance_id: impl Into<String>, reason: FreezeReason) -> Self {
        Self {
            instance_id: instance_id.into(),
            reason,
            test_call: false,
            fence: Fence::default(),
            completion: Completion::default(),
        }
    }
}

/// Reason why an instance is frozen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FreezeReason {
    /// It expired (V1.0 `expireInstance`).
    Expired,
    /// Expiry, violation or arrears; the call does not say which.
    Unspecified,
}

/// Make the instance usable again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unfreeze {
    /// Instance id.
    pub instance_id: String,
    /// See [`Purchase::test_call`](super::Purchase::test_call).
    pub test_call: bool,
    /// Fencing token of the run and end of its lease, for the handler's own writes.
    pub fence: Fence,
    /// Marks the change done in a transaction of the handler's own.
    pub completion: Completion,
}

impl Unfreeze {
    /// Returns the unfreezing of an instance.
    pub fn new(instance_id: impl Into<String>) -> Self {
        Self {
            instance_id: instance_id.into(),
            test_call: false,
            fence: Fence::default(),
            completion: Completion::default(),
        }
    }
}

/// Delete the instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Release {
    /// Instance id.
    pub instance_id: String,
    /// V2.0: the order of the unsubscription, if it was one. V1.0: the purchase.
    pub order_id: Option<String>,
    /// Order line id; V1.0 has none.
    pub order_line_id: Option<String>,
    /// See [`Purchase::test_call`](super::Purchase::test_call).
    pub test_call: bool,
    /// Fencing token of the run and end of its lease, for the handler's own writes.
    pub fence: Fence,
    /// Marks the change done in a transaction of the handler's own.
    pub completion: Completion,
}

impl Release {
    /// Returns the release of an instance.
    pub fn new(instance_id: impl Into<String>) -> Self {
        Self {
            instance_id: instance_id.into(),
            order_id: None,
            order_line_id: None,
            test_call: false,
            fence: Fence::default(),
            completion: Completion::default(),
        }
    }
}

/// A higher specification or more units; the expiry stays.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upgrade {
    /// Instance id.
    pub instance_id: String,
    /// Id of the new order.
    pub order_id: String,
    /// Order line id; V1.0 has none.
    pub order_line_id: Option<String>,
    /// The product after the upgrade, with **totals**. V1.0 sends it in the call, V2.0 leaves it to the order query.
    pub product: Option<Product>,
    /// See [`Purchase::test_call`](super::Purchase::test_call).
    pub test_call: bool,
    /// Fencing token of the run and end of its lease, for the handler's own writes.
    pub fence: Fence,
    /// Marks the change done in a transaction of the handler's own.
    pub completion: Completion,
}

impl Upgrade {
    /// Returns the upgrade of an instance by an order.
    pub fn new(instance_id: impl Into<String>, order_id: impl Into<String>) -> Self {
        Self {
            instance_id: instance_id.into(),
            order_id: order_id.into(),
            order_line_id: None,
            product: None,
            test_call: false,
            fence: Fence::default(),
            completion: Completion::default(),
        }
    }
}

/// A check whether the instance may change to another product at its renewal (V2.0).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangeCheck {
    /// Instance id.
    pub instance_id: String,
    /// Product to change to.
    pub product: TargetProduct,
    /// Further products, where a sender lists several; no document knows such a list.
    pub more_products: Vec<TargetProduct>,
    /// See [`Purchase::test_call`](super::Purchase::test_call).
    pub test_call: bool,
}

impl ChangeCheck {
    /// Returns the question whether an instance may change to a product.
    pub fn new(instance_id: impl Into<String>, product: TargetProduct) -> Self {
        Self { instance_id: instance_id.into(), product, more_products: Vec::new(), test_call: false }
    }
}

/// The product to which an instance is to change.
///
/// The document of 2026-01-06 calls all members but [`linear_value`](TargetProduct::linear_value) mandatory; older senders
/// may leave any of them out (unverified).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetProduct {
    /// Product id, one per period type under one specification.
    pub product_id: Option<String>,
    /// Specification id, which stays when only the period type changes.
    pub sku_code: Option<String>,
    /// Product name.
    pub product_name: Option<String>,
    /// Quantity that the customer chose, for products with a quantity.
    pub linear_value: Option<u32>,
    /// Members that no document lists, and those that could not be read, as received.
    pub unknown: UnknownFields,
}

impl TargetProduct {
    /// Returns a product with nothing known but its id.
    pub fn new(product_id: impl Into<String>) -> Self {
        Self { product_id: Some(product_id.into()), ..Self::default() }
    }
}
