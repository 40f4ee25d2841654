//! The usage of an instance, as a meter has added it up, and for packages as their book knows them.

use super::subscription::UsageInfo;
use crate::metering::package::{PackageBook, PackageError};
use crate::metering::{Meter, MeteringError, ShownTotal};
use crate::timestamp::Timestamp;

impl Meter {
    /// Returns the usage of an instance in the cycle of now, as the marketplace asks for it in `queryInstance` (V1.0 and
    /// V2.0), ready for [`Description::with_usage`](crate::callback::subscription::Description::with_usage).
    ///
    /// * Of a pay-per-use instance, which is one billing item, the running total of all its usage, without a related
    ///   instance. That of packages counts as well.
    /// * Of a package one entry for each pay-per-use instance whose usage
    ///   [named it](crate::metering::Usage::with_package), with that instance as the related one; zero where it was not
    ///   used in this cycle.
    /// * Of an instance without any usage one entry of zero. Whether it is a package, only a book knows:
    ///   [`PackageBook::usage_info`] names the related instances of a package that was not used yet as well.
    ///
    /// The statistical time is that of the call. All that was recorded counts, whether it was delivered or not, and also after
    /// its records were deleted. It reads totals only, and so takes no longer for an instance with millions of records.
    ///
    /// ```
    /// use koogallery::callback::subscription::{AccessInfo, Description};
    /// use koogallery::metering::{Meter, MeteringError};
    ///
    /// # async fn describe(meter: Meter, instance_id: &str) -> Result<Description, MeteringError> {
    /// let mut description = Description::new(AccessInfo::new("https://shop.example.com"));
    /// description.usage = meter.usage_info(instance_id).await?;
    /// # Ok(description)
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A total is larger than the 99,999,999.9999 that the answer can hold ([`MeteringError::TotalTooLarge`]): no number is
    /// better than a wrong one. Or the store failed.
    pub async fn usage_info(&self, instance_id: &str) -> Result<Vec<UsageInfo>, MeteringError> {
        let (totals, now) = self.shown_totals(instance_id).await?;
        Ok(infos(totals, now))
    }
}

impl PackageBook {
    /// Returns the usage of an instance as [`Meter::usage_info`] does, and of a package of the book one entry for each
    /// pay-per-use instance that it covers, also where nothing was deducted yet.
    ///
    /// ```
    /// # use koogallery::metering::package::MemoryPackageStore;
    /// # use koogallery::metering::{MemoryUsageStore, Meter};
    /// use koogallery::metering::package::{Package, PackageBook};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// # let usage = MemoryUsageStore::new();
    /// # let packages = MemoryPackageStore::new(&usage);
    /// let book = PackageBook::new(Meter::new(usage), packages);
    /// let (begin, end) = ("20260101000000".parse()?, "20270101000000".parse()?);
    /// book.add(Package::new("package-1", "inst-0001", 1000.into(), begin, end)).await?;
    /// let usage = book.usage_info("package-1").await?;
    /// assert_eq!(usage[0].related_instance_id.as_deref(), Some("inst-0001"));
    /// assert_eq!(usage[0].usage_value, 0.into());
    /// # Ok(())
    /// # }
    /// # futures_util::FutureExt::now_or_never(example()).unwrap().unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Meter::usage_info`].
    pub async fn usage_info(&self, instance_id: &str) -> Result<Vec<UsageInfo>, PackageError> {
        let (totals, now) = self.shown_totals(instance_id).await?;
        Ok(infos(totals, now))
    }
}

fn infos(totals: Vec<ShownTotal>, now: Timestamp) -> Vec<UsageInfo> {
    let info = |total: ShownTotal| {
        let mut info = UsageInfo::new(total.usage, now);
        info.related_instance_id = total.related_instance_id;
        info
    };
    totals.into_iter().map(info).collect()
}
