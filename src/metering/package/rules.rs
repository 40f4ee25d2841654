//! How usage is deducted from packages.

use std::cmp::Ordering;

use super::StoredPackage;

/// The order in which packages are used. Where it does not decide, the order id does, then the order line, then the
/// instance id. The marketplace leaves the order to the seller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Consumption {
    /// The package that expires first, so that the customer loses the least.
    #[default]
    SoonestExpiry,
    /// The package whose validity begins first.
    EarliestBegin,
    /// The package of which the least is left, so that few are open at a time.
    LeastLeft,
}

impl Consumption {
    pub(super) fn compare(self, one: &StoredPackage, other: &StoredPackage) -> Ordering {
        let first = match self {
            Self::SoonestExpiry => one.valid_until.cmp(&other.valid_until),
            Self::EarliestBegin => one.package.valid_from.cmp(&other.package.valid_from),
            Self::LeastLeft => one.units_left().cmp(&other.units_left()),
        };
        let (one, other) = (&one.package, &other.package);
        let orders = || (&one.order_id, &one.order_line_id).cmp(&(&other.order_id, &other.order_line_id));
        first.then_with(orders).then_with(|| one.instance_id.cmp(&other.instance_id))
    }
}

/// What becomes of usage that no package can bear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenUsedUp {
    /// It is refused as a whole ([`UsedUp`](super::PackageError::UsedUp)), and nothing is recorded: for packages that
    /// stop when they are used up (用完即停套餐包).
    #[default]
    Stop,
    /// What is left of the packages is used, and the rest is recorded without a package.
    PayPerUse,
}
