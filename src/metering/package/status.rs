//! The figures of all packages.

use std::fmt;

use crate::amount::Amount;

/// The figures of all packages that are active and valid now. A package with several billing items counts once for each.
/// An engine begins with the default and sets the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PackageStatus {
    /// The number of packages.
    pub packages: u64,
    /// Of these, the number of which the whole quota is used.
    pub used_up: u64,
    /// The sum of their quotas, in the products' units.
    pub quota: Amount,
    /// What is deducted from them.
    pub used: Amount,
    /// What reservations hold of them; until the next call for the instance, also those whose lease is over.
    pub reserved: Amount,
    /// The number of open reservations, of whatever packages.
    pub reservations: u64,
}

impl PackageStatus {
    /// Returns what is neither used nor reserved.
    pub fn left(&self) -> Amount {
        let [quota, used, reserved] =
            [self.quota, self.used, self.reserved].map(|amount| amount.ten_thousandths().unwrap_or_default());
        Amount::from_ten_thousandths(i64::try_from(quota - used - reserved).unwrap_or(i64::MAX))
    }
}

/// The text format that Prometheus reads: gauges `koogallery_packages`, `koogallery_packages_used_up`,
/// `koogallery_package_reservations`, and `koogallery_package_amount` by `kind`: `quota`, `used`, `reserved` and `left`.
impl fmt::Display for PackageStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            ("koogallery_packages", self.packages),
            ("koogallery_packages_used_up", self.used_up),
            ("koogallery_package_reservations", self.reservations),
        ];
        for (name, count) in counts {
            writeln!(f, "# TYPE {name} gauge\n{name} {count}")?;
        }
        writeln!(f, "# TYPE koogallery_package_amount gauge")?;
        let amounts = [("quota", self.quota), ("used", self.used), ("reserved", self.reserved), ("left", self.left())];
        for (kind, amount) in amounts {
            writeln!(f, "koogallery_package_amount{{kind=\"{kind}\"}} {amount}")?;
        }
        Ok(())
    }
}
