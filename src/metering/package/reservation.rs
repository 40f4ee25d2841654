//! An amount held for a job.

use std::time::Duration;

use super::{Consumed, PackageBook, PackageError, StoredReservation};
use crate::amount::Amount;

/// An open reservation, made by [`PackageBook::reserve`].
///
/// It is stored, and survives the process. A dropped one stays open until its lease is over; then it ends by itself, and
/// a commit fails. Clones are the same reservation.
///
#[cfg_attr(feature = "sqlite", doc = "```no_run")]
#[cfg_attr(not(feature = "sqlite"), doc = "```ignore")]
/// # async fn render() -> u32 { 7 }
/// # async fn example(book: koogallery::metering::package::PackageBook) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use koogallery::metering::Usage;
///
/// let most = Usage::new("inst-0001", 10.into()).with_id("job-4711");
/// let reservation = book.reserve(most, Duration::from_secs(600)).await?;
/// let pages = render().await;
/// reservation.commit(pages.into()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a reservation holds its amount until it is committed or canceled, or its lease is over"]
pub struct Reservation {
    book: PackageBook,
    stored: StoredReservation,
}

impl Reservation {
    pub(super) const fn new(book: PackageBook, stored: StoredReservation) -> Self {
        Self { book, stored }
    }

    /// Returns its id, which is that of the usage that it becomes.
    pub fn id(&self) -> &str {
        &self.stored.id
    }

    /// Returns it as it is stored, with amount, parts and end.
    pub const fn stored(&self) -> &StoredReservation {
        &self.stored
    }

    /// Records the actual amount at the time of use of the reservation, and frees the rest. If it is more than was
    /// reserved, the packages bear what they can of it, by the rules of [`PackageBook::record`].
    ///
    /// Committing again, with whatever amount, adds nothing and returns the same parts.
    ///
    /// # Errors
    ///
    /// The amount is not above zero ([cancel](Self::cancel) instead) or too large; the packages cannot bear what exceeds
    /// the reservation; it was canceled, or its lease was over ([`PackageError::Settled`]: record the usage without it);
    /// or the store failed. It stays as it was, so keep a clone to try again.
    pub async fn commit(self, actual: Amount) -> Result<Consumed, PackageError> {
        self.book.commit(&self.stored, actual).await
    }

    /// Frees the whole amount. Does nothing if it was canceled or is over.
    ///
    /// # Errors
    ///
    /// It was committed, or the store failed.
    ///
    /// ```
    /// use koogallery::metering::package::{PackageBook, PackageError};
    ///
    /// /// Frees what jobs that were given up hold, and shows the figures.
    /// async fn free(book: &PackageBook) -> Result<(), PackageError> {
    ///     for open in book.reservations("inst-0001").await? {
    ///         println!("{:?}", open.stored());
    ///         open.cancel().await?;
    ///     }
    ///     println!("{:?}", book.status().await?);
    ///     Ok(())
    /// }
    /// ```
    pub async fn cancel(self) -> Result<(), PackageError> {
        self.book.cancel(&self.stored).await
    }

    /// Lets the lease last for at least so long from now.
    ///
    /// # Errors
    ///
    /// It is not open any more, the lease is invalid, or the store failed.
    pub async fn extend(&mut self, lease: Duration) -> Result<(), PackageError> {
        self.stored = self.book.extend_reservation(&self.stored, lease).await?;
        Ok(())
    }
}
