//! Changes of packages: bought, renewed, resized, frozen and released.

use super::super::model::{check_quota, check_validity, units};
use super::super::plan::Draft;
use super::super::{Change, Decision, Package, PackageError, PackageState, Scope, Shelf, StoredPackage};
use super::PackageBook;
use crate::amount::Amount;
use crate::timestamp::Timestamp;

impl PackageBook {
    /// Adds a package. Adding it again changes nothing, also after it was extended or ended.
    ///
    /// # Errors
    ///
    /// The package is invalid, was added with other data, which the error names, or the store failed.
    pub async fn add(&self, package: Package) -> Result<(), PackageError> {
        package.check()?;
        let now = self.now();
        let mut scope = Scope::new(&package.pay_per_use_instance_id, now);
        scope.package_instance_id = Some(&package.instance_id);
        let given = package.clone();
        let decision = Decision::new(move |shelf| {
            if let Some(known) = find(shelf, &given.instance_id) {
                return same(&known.package, &given).map(|()| Change::default());
            }
            let mut draft = Draft::new(shelf, now);
            draft.add(StoredPackage::new(given.clone()));
            Ok(draft.into_change(Vec::new()))
        });
        self.change(scope, decision).await.map(drop)
    }

    /// Sets the end of a package's validity, which may be before the present one: that of a renewal, or of its
    /// cancellation. It does not change an ended package.
    ///
    /// # Errors
    ///
    /// The package is unknown, the validity would end before it begins, or the store failed.
    pub async fn extend(&self, package_instance_id: &str, valid_until: Timestamp) -> Result<(), PackageError> {
        let extend = move |stored: &mut StoredPackage| {
            check_validity(stored.package.valid_from, valid_until)?;
            stored.valid_until = valid_until;
            Ok(())
        };
        self.each(package_instance_id, None, extend).await
    }

    /// Sets the quota that a package has for a pay-per-use instance, for instance after an upgrade. It is the whole
    /// quota, not what is added. It does not change an ended package.
    ///
    /// # Errors
    ///
    /// The quota is invalid, or below what is used and reserved; the package is unknown or does not cover the instance;
    /// or the store failed.
    ///
    /// ```
    /// use koogallery::metering::package::{Consumption, PackageBook, PackageError};
    ///
    /// /// The customer bought more.
    /// async fn enlarge(book: PackageBook) -> Result<(), PackageError> {
    ///     book.with_consumption(Consumption::SoonestExpiry).set_quota("package-1", "inst-0001", 2000.into()).await
    /// }
    /// ```
    pub async fn set_quota(
        &self,
        package_instance_id: &str,
        pay_per_use_instance_id: &str,
        quota: Amount,
    ) -> Result<(), PackageError> {
        check_quota(quota)?;
        let set = move |stored: &mut StoredPackage| {
            let bound = Amount::from_ten_thousandths(units(stored.used) + units(stored.reserved));
            if quota < bound {
                return Err(PackageError::QuotaInUse { quota, bound });
            }
            stored.quota = quota;
            Ok(())
        };
        self.each(package_instance_id, Some(pay_per_use_instance_id), set).await
    }

    /// Stops deducting from a package until it is [unfrozen](Self::unfreeze). It does not change an ended package.
    ///
    /// # Errors
    ///
    /// The package is unknown, or the store failed.
    pub async fn freeze(&self, package_instance_id: &str) -> Result<(), PackageError> {
        self.set_state(package_instance_id, PackageState::Frozen).await
    }

    /// Deducts from a package again. It does not change an ended package.
    ///
    /// # Errors
    ///
    /// The package is unknown, or the store failed.
    pub async fn unfreeze(&self, package_instance_id: &str) -> Result<(), PackageError> {
        self.set_state(package_instance_id, PackageState::Active).await
    }

    /// Stops deducting from a package forever, since it was released. Open reservations keep what they hold of it.
    ///
    /// # Errors
    ///
    /// The package is unknown, or the store failed.
    pub async fn end(&self, package_instance_id: &str) -> Result<(), PackageError> {
        self.set_state(package_instance_id, PackageState::Ended).await
    }

    async fn set_state(&self, package_instance_id: &str, state: PackageState) -> Result<(), PackageError> {
        let set = move |stored: &mut StoredPackage| {
            stored.state = state;
            Ok(())
        };
        self.each(package_instance_id, None, set).await
    }

    /// Changes a package for each pay-per-use instance that it covers, or for one, unless it is ended.
    async fn each(
        &self,
        package_instance_id: &str,
        only: Option<&str>,
        change: impl Fn(&mut StoredPackage) -> Result<(), PackageError> + Copy + Send + Sync + 'static,
    ) -> Result<(), PackageError> {
        let covered = self.covered(package_instance_id).await?;
        if let Some(instance_id) = only.filter(|only| !covered.iter().any(|covered| covered == only)) {
            let (package_instance_id, instance_id) = (package_instance_id.to_owned(), instance_id.to_owned());
            return Err(PackageError::NotCovered { package_instance_id, instance_id });
        }
        let now = self.now();
        for instance_id in covered.iter().filter(|covered| only.is_none_or(|only| *covered == only)) {
            let id = package_instance_id.to_owned();
            let mut scope = Scope::new(instance_id, now);
            scope.package_instance_id = Some(package_instance_id);
            let decision = Decision::new(move |shelf| {
                if find(shelf, &id).is_none_or(|known| known.state == PackageState::Ended) {
                    return Ok(Change::default());
                }
                let mut draft = Draft::new(shelf, now);
                draft.package(&id).map_or(Ok(()), change)?;
                Ok(draft.into_change(Vec::new()))
            });
            self.change(scope, decision).await?;
        }
        Ok(())
    }

    pub(super) async fn covered(&self, package_instance_id: &str) -> Result<Vec<String>, PackageError> {
        let covered = self.store.covered(package_instance_id).await?;
        if covered.is_empty() {
            return Err(PackageError::UnknownPackage(package_instance_id.to_owned()));
        }
        Ok(covered)
    }
}

fn find<'a>(shelf: &'a Shelf, package_instance_id: &str) -> Option<&'a StoredPackage> {
    shelf.packages.iter().map(|stored| &**stored).find(|stored| stored.package.instance_id == package_instance_id)
}

fn same(known: &Package, given: &Package) -> Result<(), PackageError> {
    let order = |id: &Option<String>| id.clone().unwrap_or_else(|| "none".to_owned());
    let fields = |package: &Package| {
        [
            ("quota", package.quota.to_string()),
            ("begin", package.valid_from.to_string()),
            ("end", package.valid_until.to_string()),
            ("order id", order(&package.order_id)),
            ("order line id", order(&package.order_line_id)),
        ]
    };
    let mut pairs = fields(known).into_iter().zip(fields(given));
    match pairs.find(|(known, given)| known != given) {
        None => Ok(()),
        Some(((field, known), (_, value))) => {
            let package_instance_id = given.instance_id.clone();
            Err(PackageError::Differs { package_instance_id, field, known, given: value })
        }
    }
}
