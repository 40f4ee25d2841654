//! Packages and reservations, as they are stored.

use std::fmt;

use super::PackageError;
use crate::amount::Amount;
use crate::metering::Usage;
use crate::metering::draft::LARGEST;
use crate::timestamp::Timestamp;

/// A package (套餐包): a quota of usage that a customer has paid for in advance.
///
/// A customer may buy up to 30 in one order; each is an instance of its own. A package with several billing items has
/// one `Package` for each: the same [`instance_id`](Self::instance_id) with another
/// [`pay_per_use_instance_id`](Self::pay_per_use_instance_id).
///
/// ```
/// use koogallery::metering::package::Package;
/// use koogallery::timestamp::Timestamp;
///
/// let (begin, end): (Timestamp, Timestamp) = ("20260101000000".parse()?, "20270101000000".parse()?);
/// let line = "CS0001-000001".to_owned();
/// let package = Package::new("package-1", "inst-0001", 1000.into(), begin, end).with_order("CS0001", line);
/// # Ok::<(), koogallery::timestamp::TimestampError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Package {
    /// Instance id of the package, 1 to 64 characters.
    pub instance_id: String,
    /// The **pay-per-use** instance whose usage is deducted, which is one billing item; 1 to 64 characters.
    pub pay_per_use_instance_id: String,
    /// The amount that can be deducted, in the product's unit: above zero, at most 99999999.9999, which is the most
    /// that `usageValue` of `queryInstance` can report, with at most four decimals.
    pub quota: Amount,
    /// The first instant of use that is deducted.
    pub valid_from: Timestamp,
    /// The first instant of use that is no longer deducted: the expiry of the instance.
    pub valid_until: Timestamp,
    /// The order by which it was bought.
    pub order_id: Option<String>,
    /// The line of that order.
    pub order_line_id: Option<String>,
}

impl Package {
    /// Creates a package without an order, given its instance id, the pay-per-use instance, the quota, and begin and end
    /// of its validity.
    pub fn new(
        instance_id: impl Into<String>,
        pay_per_use_instance_id: impl Into<String>,
        quota: Amount,
        valid_from: Timestamp,
        valid_until: Timestamp,
    ) -> Self {
        Self {
            instance_id: instance_id.into(),
            pay_per_use_instance_id: pay_per_use_instance_id.into(),
            quota,
            valid_from,
            valid_until,
            order_id: None,
            order_line_id: None,
        }
    }

    /// Sets the order and its line.
    #[must_use]
    pub fn with_order(mut self, order_id: impl Into<String>, order_line_id: impl Into<Option<String>>) -> Self {
        self.order_id = Some(order_id.into());
        self.order_line_id = order_line_id.into();
        self
    }

    pub(super) fn check(&self) -> Result<(), PackageError> {
        check_id(&self.instance_id)?;
        check_id(&self.pay_per_use_instance_id)?;
        for id in [&self.order_id, &self.order_line_id].into_iter().flatten() {
            check_id(id)?;
        }
        check_quota(self.quota)?;
        check_validity(self.valid_from, self.valid_until)
    }
}

pub(super) fn check_validity(from: Timestamp, until: Timestamp) -> Result<(), PackageError> {
    if until <= from {
        return Err(PackageError::Validity { from, until });
    }
    Ok(())
}

pub(super) fn check_id(id: &str) -> Result<(), PackageError> {
    if !(1..=64).contains(&id.chars().count()) || id.contains('\0') {
        return Err(PackageError::Id(id.to_owned()));
    }
    Ok(())
}

pub(super) fn check_quota(quota: Amount) -> Result<(), PackageError> {
    match quota.ten_thousandths() {
        Some(units) if (1..=i128::from(LARGEST)).contains(&units) => Ok(()),
        _ => Err(PackageError::Quota(quota)),
    }
}

/// The state of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PackageState {
    /// Usage is deducted while it is valid.
    Active,
    /// Nothing is deducted until it is unfrozen. Reservations made before keep their part.
    Frozen,
    /// Released: nothing is deducted any more, and nothing changes that.
    Ended,
}

impl PackageState {
    /// Returns the state as a lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Frozen => "frozen",
            Self::Ended => "ended",
        }
    }

    /// Returns the state of a [word](Self::as_str), or `None` if there is no such state.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Active, Self::Frozen, Self::Ended].into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for PackageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A package in a store, with what was deducted from it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredPackage {
    /// The package as it was added.
    pub package: Package,
    /// The quota as it is now.
    pub quota: Amount,
    /// The end of its validity as it is now, after renewals.
    pub valid_until: Timestamp,
    /// The amount deducted.
    pub used: Amount,
    /// The amount that open reservations hold.
    pub reserved: Amount,
    /// Its state.
    pub state: PackageState,
}

impl StoredPackage {
    /// Creates an active package from which nothing was deducted.
    pub fn new(package: Package) -> Self {
        Self {
            quota: package.quota,
            valid_until: package.valid_until,
            package,
            used: Amount::ZERO,
            reserved: Amount::ZERO,
            state: PackageState::Active,
        }
    }

    /// Returns the amount that is neither used nor reserved, whatever state and validity are.
    pub fn left(&self) -> Amount {
        Amount::from_ten_thousandths(self.units_left())
    }

    /// Returns whether usage at a time can be deducted: it is active and valid. Something may be left or not.
    ///
    /// ```
    /// use koogallery::metering::package::{Package, PackageState, ReservationState, StoredPackage};
    ///
    /// let (begin, end) = ("20260101000000".parse()?, "20270101000000".parse()?);
    /// let stored = StoredPackage::new(Package::new("package-1", "inst-0001", 1000.into(), begin, end));
    /// assert!(stored.covers(begin));
    /// assert!(!stored.covers(end));
    /// assert_eq!(PackageState::from_word(stored.state.as_str()), Some(stored.state));
    /// assert_eq!(ReservationState::from_word("lost"), None);
    /// # Ok::<(), koogallery::timestamp::TimestampError>(())
    /// ```
    pub fn covers(&self, at: Timestamp) -> bool {
        self.state == PackageState::Active && self.package.valid_from <= at && at < self.valid_until
    }

    pub(super) fn units_left(&self) -> i64 {
        units(self.quota) - units(self.used) - units(self.reserved)
    }
}

/// A part of an amount: what one package bears, or what is left to pay-per-use.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Part {
    /// The package; `None` where it is billed by pay-per-use.
    pub package_instance_id: Option<String>,
    /// The amount in the product's unit.
    pub amount: Amount,
}

impl Part {
    /// Creates a part of a package, or of none.
    pub fn new(package_instance_id: impl Into<Option<String>>, amount: Amount) -> Self {
        Self { package_instance_id: package_instance_id.into(), amount }
    }
}

/// The state of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReservationState {
    /// It holds its amount until its lease is over.
    Open,
    /// Its usage was recorded.
    Committed,
    /// It was canceled.
    Canceled,
    /// Its lease was over before it was committed or canceled.
    Over,
}

impl ReservationState {
    /// Returns the state as a lower-case word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Committed => "committed",
            Self::Canceled => "canceled",
            Self::Over => "over",
        }
    }

    /// Returns the state of a [word](Self::as_str), or `None` if there is no such state.
    pub fn from_word(word: &str) -> Option<Self> {
        let states = [Self::Open, Self::Committed, Self::Canceled, Self::Over];
        states.into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for ReservationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A reservation in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredReservation {
    /// Its id, which is that of the usage that it becomes. Unique within the pay-per-use instance.
    pub id: String,
    /// The pay-per-use instance.
    pub instance_id: String,
    /// The package from which alone it is deducted, if the caller named one.
    pub package_instance_id: Option<String>,
    /// The amount reserved.
    pub amount: Amount,
    /// What it holds of each package; after it was committed, what was deducted. The rest is pay-per-use.
    pub parts: Vec<Part>,
    /// Time of use, by the caller's clock.
    pub at: Timestamp,
    /// End of its lease, by the [clock of the store](crate::lease::Lease).
    pub ends_at: Timestamp,
    /// Its state.
    pub state: ReservationState,
    /// Time at which it left the state open, by the caller's clock.
    pub settled_at: Option<Timestamp>,
}

impl StoredReservation {
    /// Creates an open reservation of usage at a time that holds nothing yet.
    pub fn new(id: impl Into<String>, usage: &Usage, at: Timestamp, ends_at: Timestamp) -> Self {
        Self {
            id: id.into(),
            instance_id: usage.instance_id.clone(),
            package_instance_id: usage.package_instance_id.clone(),
            amount: usage.amount,
            parts: Vec::new(),
            at,
            ends_at,
            state: ReservationState::Open,
            settled_at: None,
        }
    }
}

/// The ten-thousandths of an amount that was checked.
pub(super) fn units(amount: Amount) -> i64 {
    amount.ten_thousandths().and_then(|units| i64::try_from(units).ok()).unwrap_or(i64::MAX)
}
