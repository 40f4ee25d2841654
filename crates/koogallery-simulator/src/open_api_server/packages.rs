//! Packages that pushed usage names (`relate_pkg_instance`). Open API reference, "usage push", and the guide to packages
//! that stop when they are used up.
//!
//! The documents have two codes: 017 where the package is missing, and 018 where it is invalid. That a package is invalid
//! is certain only where it is none, or one of another customer or product. What the marketplace does with usage of a
//! package that has expired or is used up is not documented.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::instance::Instance;
use koogallery::amount::Amount;
use koogallery::timestamp::Timestamp;

/// Reason why usage should not be deducted from the package that a record names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum PackageProblem {
    /// No package has the id.
    NoPackage,
    /// It is a package of another customer.
    OtherCustomer,
    /// It does not cover the product of the instance, which is the billing item.
    OtherProduct,
    /// The usage ended before the package was opened.
    NotOpenYet,
    /// The usage began after the package had expired, or was frozen.
    Expired,
    /// The usage began after the package was released.
    Released,
    /// The package has less left than the usage.
    Overdrawn,
}

impl PackageProblem {
    /// Returns whether the documents are clear that the package is invalid. What is not clear is only noted, unless the
    /// server is [strict](super::OpenApiServerBuilder::strict_packages).
    pub const fn is_certain(self) -> bool {
        matches!(self, Self::NoPackage | Self::OtherCustomer | Self::OtherProduct)
    }
}

impl fmt::Display for PackageProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPackage => "no package has this id",
            Self::OtherCustomer => "the package is one of another customer",
            Self::OtherProduct => "the package does not cover the instance's product",
            Self::NotOpenYet => "the package was opened after the usage",
            Self::Expired => "the package had expired, or was frozen, before the usage",
            Self::Released => "the package was released before the usage",
            Self::Overdrawn => "the package has less left than the usage",
        })
    }
}

/// Usage that a record deducts from a package.
#[derive(Clone, Copy)]
pub(super) struct Deduction<'a> {
    /// The pay-per-use instance.
    pub(super) instance: &'a Instance,
    pub(super) begin_time: Timestamp,
    pub(super) end_time: Timestamp,
    pub(super) usage_value: Amount,
    /// What was deducted from the package before, for the product of the instance.
    pub(super) used: i128,
}

impl Deduction<'_> {
    /// Returns what is wrong with deducting from this package.
    ///
    /// Records of one instance share an hour among themselves, so their times say nothing within it.
    pub(super) fn problem(&self, package: &Instance) -> Option<PackageProblem> {
        let Self { instance, begin_time, end_time, .. } = *self;
        if !package.is_package() {
            return Some(PackageProblem::NoPackage);
        }
        let customers = package.customer_id.as_ref().zip(instance.customer_id.as_ref());
        if customers.is_some_and(|(one, other)| one != other) {
            return Some(PackageProblem::OtherCustomer);
        }
        let is_covered = package.quotas.iter().any(|quota| quota.product_id == instance.product_id);
        if !package.quotas.is_empty() && !is_covered {
            return Some(PackageProblem::OtherProduct);
        }
        let is_after = |time: Option<Timestamp>| time.is_some_and(|time| hour(begin_time) > hour(time));
        if hour(end_time) < hour(package.opened_at) {
            return Some(PackageProblem::NotOpenYet);
        }
        if is_after(package.closed_at) {
            return Some(PackageProblem::Released);
        }
        if is_after(package.frozen_at) {
            return Some(PackageProblem::Expired);
        }
        self.is_overdrawn(package).then_some(PackageProblem::Overdrawn)
    }

    fn is_overdrawn(&self, package: &Instance) -> bool {
        let product_id = &self.instance.product_id;
        let quotas = package.quotas.iter().filter(|quota| quota.product_id == *product_id);
        let quota: i128 = quotas.filter_map(|quota| quota.amount.ten_thousandths()).sum();
        let after = self.used.saturating_add(self.usage_value.ten_thousandths().unwrap_or(i128::MAX));
        !package.quotas.is_empty() && after > quota
    }
}

fn hour(time: Timestamp) -> i64 {
    time.as_unix_millis().div_euclid(3_600_000)
}
