//! How a product is charged.

use crate::wire::open_enum;

open_enum! {
    /// How a product is charged.
    pub enum ChargingMode {
        /// Pay-per-use; such an order makes one call and one instance per billing item.
        PayPerUse = "0",
        /// By the month or year.
        Period = "1",
        /// One-time.
        OneTime = "3",
        /// Pay-per-use package.
        PayPerUsePackage = "5",
    }
}
