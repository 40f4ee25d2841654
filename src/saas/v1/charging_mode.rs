//! Charging mode of a product.

use crate::wire::open_enum;

open_enum! {
    /// Charging mode of a product.
    pub enum ChargingMode {
        /// Pay-per-use; such an order makes one call and one instance per billing item.
        PayPerUse = "0",
        /// By the month or year.
        Period = "1",
        /// One-time.
        OneTime = "3",
        /// Pay-per-use package. One order may hold up to 30, each of which is an instance of its own; the service keys
        /// them on order and product, like pay-per-use.
        PayPerUsePackage = "5",
    }
}
