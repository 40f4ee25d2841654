//! Instances that the seller reported.

use serde::{Deserialize, Serialize};

use koogallery::amount::Amount;
use koogallery::open_api::query_order::ChargingMode;
use koogallery::timestamp::Timestamp;

/// An instance that the seller reported; usage is checked against it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Instance {
    /// The id that the seller assigned.
    pub instance_id: String,
    /// The product.
    pub product_id: String,
    /// Charging mode; usage is accepted for pay-per-use only.
    pub charging_mode: ChargingMode,
    /// Its state.
    pub state: InstanceState,
    /// Time of opening. Usage is compared with it in whole seconds, because the wire has no smaller unit.
    pub opened_at: Timestamp,
    /// Time of closing.
    pub closed_at: Option<Timestamp>,
    /// Time since which it is frozen or expired; `None` while it is in use. For pay-per-use nothing is compared with it.
    pub frozen_at: Option<Timestamp>,
    /// The customer who has it; `None` if that is unknown, and not compared.
    pub customer_id: Option<String>,
    /// For a package: what can be deducted from it. Empty if that is unknown, and not compared.
    pub quotas: Vec<Quota>,
    /// Whether a record must name the package that it is deducted from, which ends when it is used up.
    pub needs_package: bool,
    /// Whether it is an instance of another seller's product.
    pub is_of_another_seller: bool,
    /// Whether its product was withdrawn from sale.
    pub is_withdrawn: bool,
    /// Whether risk control blocks it.
    pub is_blocked: bool,
}

/// The state of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum InstanceState {
    /// Still being opened.
    Opening,
    /// In use.
    Open,
    /// Neither in use nor closed, such as frozen.
    Abnormal,
    /// Closed; usage until then is still accepted.
    Closed,
}

/// What can be deducted from a package (套餐包) for one billing item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quota {
    /// The billing item: the product of the pay-per-use instance whose usage is deducted.
    pub product_id: String,
    /// The amount in the product's unit.
    pub amount: Amount,
}

impl Quota {
    /// Creates a quota for a pay-per-use product.
    pub fn new(product_id: impl Into<String>, amount: Amount) -> Self {
        Self { product_id: product_id.into(), amount }
    }
}

impl Instance {
    /// Creates an open instance of an unknown customer.
    pub fn new(
        instance_id: impl Into<String>,
        product_id: impl Into<String>,
        charging_mode: ChargingMode,
        opened_at: Timestamp,
    ) -> Self {
        Self {
            instance_id: instance_id.into(),
            product_id: product_id.into(),
            charging_mode,
            state: InstanceState::Open,
            opened_at,
            closed_at: None,
            frozen_at: None,
            customer_id: None,
            quotas: Vec::new(),
            needs_package: false,
            is_of_another_seller: false,
            is_withdrawn: false,
            is_blocked: false,
        }
    }

    /// Creates an open pay-per-use instance of an invented product.
    pub fn on_demand(instance_id: impl Into<String>, opened_at: Timestamp) -> Self {
        Self::new(instance_id, "OFFI000000000000000001", ChargingMode::OnDemand, opened_at)
    }

    /// Creates an open package of an invented product, from which usage of the product of [`on_demand`](Self::on_demand)
    /// is deducted.
    pub fn package(instance_id: impl Into<String>, quota: Amount, opened_at: Timestamp) -> Self {
        let package = Self::new(instance_id, "OFFI000000000000000003", ChargingMode::OnDemandPackage, opened_at);
        Self { quotas: vec![Quota::new("OFFI000000000000000001", quota)], ..package }
    }

    /// Closes it at a time.
    #[must_use]
    pub fn closed(mut self, at: Timestamp) -> Self {
        self.close(at);
        self
    }

    pub(crate) fn close(&mut self, at: Timestamp) {
        (self.state, self.closed_at) = (InstanceState::Closed, Some(at));
    }

    pub(super) fn is_package(&self) -> bool {
        self.charging_mode == ChargingMode::OnDemandPackage
    }
}
