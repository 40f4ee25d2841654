//! The suites for package stores.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::{HOUR, MINUTE, NOW, SECOND, SHORT, Time, later, ok};
use crate::amount::Amount;
use crate::clock::ManualClock;
use crate::lease::Lease;
use crate::metering::package::{
    Consumed, Package, PackageBook, PackageError, PackageState, PackageStatus, PackageStore, ReservationState,
    WhenUsedUp,
};
use crate::metering::{Meter, Recorded, Usage, UsageStore};
use crate::timestamp::Timestamp;

/// Checks the rules of a [`PackageStore`]; `make` returns a new, empty store at every call, and the usage store on the
/// same database.
///
/// # Panics
///
/// A rule is broken, or a store fails.
pub async fn package_store<U: UsageStore, P: PackageStore>(make: impl AsyncFn() -> (U, P)) {
    let desk = async || {
        let (usage, packages) = make().await;
        Desk::new(usage, packages)
    };
    a_package_is_added_once(&desk().await).await;
    usage_is_split_exactly_and_names_its_packages(&desk().await).await;
    usage_beyond_the_packages_is_refused_as_a_whole(&desk().await).await;
    usage_beyond_the_packages_is_paid_per_use(&desk().await).await;
    usage_with_an_id_is_deducted_once(&desk().await).await;
    usage_that_was_refused_among_others_can_be_recorded_later(&desk().await).await;
    only_packages_that_are_active_and_valid_are_used(&desk().await).await;
    renewals_and_quotas_are_set(&desk().await).await;
    a_package_covers_several_instances(&desk().await).await;
    a_package_names_its_instances_before_it_is_used(&desk().await).await;
    a_reservation_holds_its_amount(&desk().await).await;
    a_reservation_is_committed_once(&desk().await).await;
    a_reservation_that_does_not_suffice_takes_more(&desk().await).await;
    a_reservation_outlasts_its_package(&desk().await).await;
    a_reservation_ends_with_its_lease(&desk().await).await;
    old_reservations_are_deleted(&desk().await).await;
    the_figures_are_those_of_what_is_valid(&desk().await).await;
}

/// Checks the rules of a [`PackageStore`] that several processes share; `open` opens the same stores at every call. They
/// are empty at first.
///
/// # Panics
///
/// A rule is broken, or a store fails.
pub async fn shared_package_store<U: UsageStore, P: PackageStore>(open: impl AsyncFn() -> (U, P)) {
    let desk = async || {
        let (usage, packages) = open().await;
        Desk::new(usage, packages)
    };
    {
        let one = desk().await;
        one.add("p", "i", 10).await;
        one.record("i", 3, "kept").await;
        let reservation = one.book.reserve(usage("i", 4).with_id("job"), HOUR).await;
        let _ = ok("reserve", reservation);
    }
    let (one, other) = (desk().await, desk().await);
    assert_eq!(one.state("p").await, (3.into(), 4.into()), "packages are kept over a restart");
    assert_eq!(other.record("i", 3, "kept").await.recorded, Recorded::Repeated, "usage ids are kept over a restart");
    let mut found = ok("reservations", other.book.reservations("i").await);
    assert_eq!(found.len(), 1, "reservations are found after a restart");
    let committed = ok("commit", found.remove(0).commit(4.into()).await);
    assert_eq!(committed.recorded, Recorded::First);

    // More than there is, by many callers at once, some by reservation.
    for number in 0..3 {
        one.add(&format!("q{number}"), "many", 40).await;
    }
    let desks = [&one, &other];
    let calls = (0..32).map(|caller: usize| async move {
        let mut recorded = 0;
        for call in 0..6 {
            let wanted = u32::try_from((caller + call) % 3).unwrap_or(0) + 1;
            let usage = usage("many", wanted).with_id(format!("{caller} {call}"));
            let book = &desks[caller % 2].book;
            let outcome = if caller.is_multiple_of(4) {
                match book.reserve(usage, HOUR).await {
                    Ok(reservation) if call % 3 == 0 => {
                        ok("cancel", reservation.cancel().await);
                        continue;
                    }
                    Ok(reservation) => reservation.commit(wanted.into()).await,
                    Err(error) => Err(error),
                }
            } else {
                book.record(usage).await
            };
            match outcome {
                Ok(consumed) => {
                    assert_eq!(consumed.recorded, Recorded::First);
                    assert_eq!(sum(&consumed), wanted.into(), "the parts are the whole");
                    recorded += wanted;
                }
                Err(PackageError::UsedUp { .. }) => {}
                Err(error) => panic!("record failed: {error}"),
            }
        }
        recorded
    });
    let recorded: u32 = join_all(calls).await.into_iter().sum();
    let packages = ok("packages", one.book.packages("many").await);
    let used: Amount = total(packages.iter().map(|stored| stored.used));
    assert_eq!(used, recorded.into(), "what was recorded is what was used");
    assert!(packages.iter().all(|stored| stored.reserved == Amount::ZERO), "no reservation is left");
    assert!(packages.iter().all(|stored| stored.used <= stored.quota), "no package is overdrawn");
    assert!(u32::try_from(used.to_integer().unwrap_or(0)).unwrap_or(0) > 110, "{used} of 120 are used");
    assert_eq!(total(one.delivered("many").await.into_values()), used, "what was used is reported");
}

/// Checks that a [`PackageStore`] that several machines share decides about leases by its own clock, whatever time the
/// caller has; `open` opens the same stores at every call. They are empty at first.
///
/// # Panics
///
/// A rule is broken, or a store fails.
pub async fn replicated_package_store<U: UsageStore, P: PackageStore>(open: impl AsyncFn() -> (U, P)) {
    let (usage_store, packages) = open().await;
    let one = Desk::new(usage_store, packages);
    one.add("p", "i", 10).await;
    let reservation = one.book.reserve(usage("i", 4), HOUR).await;
    let _ = ok("reserve", reservation);
    let (usage_store, packages) = open().await;
    let other = Desk::new(usage_store, packages);
    other.clock.set(later(2 * HOUR));
    let found = ok("reservations", other.book.reservations("i").await);
    assert_eq!(found.len(), 1, "a caller that is ahead ends no lease");
}

/// Stores in use.
struct Desk {
    usage: Arc<dyn UsageStore>,
    clock: Arc<ManualClock>,
    book: PackageBook,
}

impl Desk {
    fn new(usage: impl UsageStore, packages: impl PackageStore) -> Self {
        let (usage, clock): (Arc<dyn UsageStore>, _) = (Arc::new(usage), Arc::new(ManualClock::new(NOW)));
        let meter = Meter::new(Arc::clone(&usage)).with_clock(Arc::clone(&clock));
        Self { usage, clock, book: PackageBook::new(meter, packages) }
    }

    /// Adds a package that is valid for a day from an hour ago.
    async fn add(&self, id: &str, instance_id: &str, quota: u32) {
        ok("add", self.book.add(package(id, instance_id, quota)).await);
    }

    async fn record(&self, instance_id: &str, amount: u32, usage_id: &str) -> Consumed {
        ok("record", self.book.record(usage(instance_id, amount).with_id(usage_id)).await)
    }

    /// What is used and reserved of a package.
    async fn state(&self, id: &str) -> (Amount, Amount) {
        let stored = ok("package", self.book.package(id).await).remove(0);
        (stored.used, stored.reserved)
    }

    async fn left(&self, instance_id: &str) -> Amount {
        ok("left", self.book.left(instance_id).await)
    }

    /// The sums of an instance's records, by the packages that they name.
    async fn delivered(&self, instance_id: &str) -> BTreeMap<String, Amount> {
        let end = later(2 * 24 * HOUR);
        while ok("close_periods", self.usage.close_periods(end).await) > 0 {}
        let mut sums = BTreeMap::new();
        for record in ok("claim", self.usage.claim(Lease::new(1, HOUR), end, 1000).await) {
            if record.instance_id == instance_id {
                let sum = sums.entry(record.relate_pkg_instance.unwrap_or_default()).or_insert(Amount::ZERO);
                *sum = total([*sum, record.usage_value]);
            }
        }
        sums
    }

    async fn is_refused(&self, usage: Usage) -> PackageError {
        match self.book.record(usage).await {
            Ok(consumed) => panic!("usage was not refused: {consumed:?}"),
            Err(error) => error,
        }
    }
}

fn package(id: &str, instance_id: &str, quota: u32) -> Package {
    let begin = NOW.saturating_sub(HOUR);
    Package::new(id, instance_id, quota.into(), begin, later(24 * HOUR)).with_order("CS1", format!("CS1-{id}"))
}

fn usage(instance_id: &str, amount: u32) -> Usage {
    Usage::new(instance_id, amount.into())
}

fn total(amounts: impl IntoIterator<Item = Amount>) -> Amount {
    let units = amounts.into_iter().filter_map(Amount::ten_thousandths).sum::<i128>();
    Amount::from_ten_thousandths(i64::try_from(units).unwrap_or(i64::MAX))
}

fn sum(consumed: &Consumed) -> Amount {
    total(consumed.parts.iter().map(|part| part.amount))
}

fn parts(consumed: &Consumed) -> Vec<(&str, String)> {
    let parts = consumed.parts.iter();
    parts.map(|part| (part.package_instance_id.as_deref().unwrap_or_default(), part.amount.to_string())).collect()
}

fn named(parts: &[(&str, &str)]) -> BTreeMap<String, Amount> {
    parts.iter().map(|(id, text)| ((*id).to_owned(), text.parse().unwrap_or_default())).collect()
}

async fn a_package_is_added_once(desk: &Desk) {
    assert_eq!(ok("packages", desk.book.packages("i").await), [], "a new store is empty");
    assert_eq!(ok("package", desk.book.package("p").await), [], "an unknown package is none");
    for _ in 0..2 {
        desk.add("p", "i", 10).await;
    }
    let packages = ok("packages", desk.book.packages("i").await);
    let kept = packages.first().map(|stored| (stored.package.clone(), stored.state));
    assert_eq!(kept, Some((package("p", "i", 10), PackageState::Active)), "a package is kept as it was added");
    assert_eq!(packages.len(), 1, "a package that is added twice is one");
    let error = desk.book.add(package("p", "i", 11)).await;
    let text = error.map_or_else(|error| error.to_string(), |()| "added".to_owned());
    assert_eq!(text, "package \"p\" is known with another quota: 10, not 11", "what differs is named");
    desk.record("i", 4, "one").await;
    ok("end", desk.book.end("p").await);
    desk.add("p", "i", 10).await;
    assert_eq!(desk.state("p").await.0, 4.into(), "adding it again changes nothing");
    assert_eq!(desk.left("i").await, Amount::ZERO, "adding it again does not bring it back");
}

async fn usage_is_split_exactly_and_names_its_packages(desk: &Desk) {
    for (id, hours) in [("c", 30), ("a", 20), ("b", 10)] {
        let mut package = package(id, "i", 1);
        package.valid_until = later(hours * HOUR);
        ok("add", desk.book.add(package).await);
    }
    let record = async |amount: &str| {
        let usage = Usage::new("i", amount.parse().unwrap_or_default());
        ok("record", desk.book.record(usage).await)
    };
    let consumed = record("0.9999").await;
    assert_eq!(parts(&consumed), [("b", "0.9999".to_owned())], "the package that expires first is used first");
    let consumed = record("1.5").await;
    let expected = [("b", "0.0001".to_owned()), ("a", "1".to_owned()), ("c", "0.4999".to_owned())];
    assert_eq!(parts(&consumed), expected, "usage is split over as many packages as it takes");
    let records = desk.delivered("i").await;
    assert_eq!(records, named(&[("a", "1"), ("b", "1"), ("c", "0.4999")]), "records name the packages");
    assert_eq!(desk.left("i").await.to_string(), "0.5001");
}

async fn usage_beyond_the_packages_is_refused_as_a_whole(desk: &Desk) {
    let error = desk.is_refused(usage("i", 1)).await;
    assert!(matches!(error, PackageError::NoPackage(_)), "an instance without packages: {error}");
    desk.add("p", "i", 3).await;
    let error = desk.is_refused(usage("i", 4).with_id("much")).await;
    assert!(matches!(error, PackageError::UsedUp { left } if left == 3.into()), "what is left is named: {error}");
    assert_eq!(desk.state("p").await, (Amount::ZERO, Amount::ZERO), "refused usage is not deducted");
    let recorded = desk.record("i", 3, "much").await.recorded;
    assert_eq!(recorded, Recorded::First, "the id of refused usage is not taken");
    assert_eq!(desk.delivered("i").await, named(&[("p", "3")]), "refused usage is not recorded");
    for amount in ["0", "-1", "0.00001", "100000000"] {
        let error = desk.is_refused(Usage::new("i", amount.parse().unwrap_or_default())).await;
        assert!(matches!(error, PackageError::Metering(_)), "{amount}: {error}");
    }
}

async fn usage_beyond_the_packages_is_paid_per_use(desk: &Desk) {
    desk.add("p", "i", 3).await;
    let book = desk.book.clone().when_used_up(WhenUsedUp::PayPerUse);
    let consumed = ok("record", book.record(usage("i", 5)).await);
    assert_eq!(parts(&consumed), [("p", "3".to_owned()), ("", "2".to_owned())], "the rest is paid per use");
    let consumed = ok("record", book.record(usage("other", 1)).await);
    assert_eq!(consumed.paid_per_use(), 1.into(), "usage without packages is paid per use");
    assert_eq!(desk.delivered("i").await, named(&[("p", "3"), ("", "2")]));
}

async fn usage_with_an_id_is_deducted_once(desk: &Desk) {
    desk.add("a", "i", 1).await;
    desk.add("b", "i", 2).await;
    let first = desk.record("i", 3, "one").await;
    assert_eq!((first.recorded, first.parts.len()), (Recorded::First, 2));
    let repeated = desk.record("i", 3, "one").await;
    assert_eq!((repeated.recorded, repeated.parts.len()), (Recorded::Repeated, 0), "also when all is used up");
    desk.add("c", "i", 2).await;
    assert_eq!(desk.record("i", 3, "one").await.recorded, Recorded::Repeated);
    assert_eq!(desk.state("c").await.0, Amount::ZERO, "repeated usage is deducted from no other package");

    desk.add("d", "other", 5).await;
    let repeated = desk.record("other", 1, "one").await.recorded;
    assert_eq!(repeated, Recorded::Repeated, "an id counts once in the whole store");
    assert_eq!(desk.state("d").await.0, Amount::ZERO);
    assert_eq!(desk.delivered("i").await, named(&[("a", "1"), ("b", "2")]));
}

async fn usage_that_was_refused_among_others_can_be_recorded_later(desk: &Desk) {
    desk.add("p", "i", 10).await;
    desk.add("q", "j", 100).await;
    let all: Vec<(usize, &str)> = (0..16).map(|number| (number, if number % 4 == 3 { "j" } else { "i" })).collect();
    // Each twice, so that one of two calls with an id may be refused while the other is under way.
    let at_once = async || {
        let record = |(number, instance_id): (usize, &'static str)| {
            desk.book.record(usage(instance_id, 2).with_id(format!("call {number}")))
        };
        let calls = all.iter().chain(&all).map(|call| record(*call));
        let mut first = vec![0; all.len()];
        for (place, outcome) in join_all(calls).await.into_iter().enumerate() {
            match outcome {
                Ok(consumed) => first[place % all.len()] += usize::from(consumed.recorded == Recorded::First),
                Err(PackageError::UsedUp { .. }) => {}
                Err(error) => panic!("record failed: {error}"),
            }
        }
        first
    };
    let before = at_once().await;
    assert!(before.iter().all(|count| *count <= 1), "a usage id counts once");
    assert_eq!(before.iter().sum::<usize>(), 5 + 4, "what the packages can bear is recorded");
    desk.add("r", "i", 100).await;
    let after = at_once().await;
    assert!(before.iter().zip(&after).all(|(before, after)| before + after == 1), "a refused usage keeps no id");
    let used = [desk.state("p").await.0, desk.state("q").await.0, desk.state("r").await.0];
    assert_eq!(used, [10.into(), 8.into(), 14.into()]);
}

async fn only_packages_that_are_active_and_valid_are_used(desk: &Desk) {
    let valid = |id: &str, from: Timestamp, until: Timestamp| Package::new(id, "i", 1.into(), from, until);
    let tick = Timestamp::from_unix_millis(NOW.as_unix_millis() + 1);
    for package in [
        valid("over", NOW.saturating_sub(HOUR), NOW),
        valid("early", tick, later(HOUR)),
        valid("good", NOW, tick),
        valid("frozen", NOW, later(HOUR)),
        valid("ended", NOW, later(HOUR)),
    ] {
        ok("add", desk.book.add(package).await);
    }
    for _ in 0..2 {
        ok("freeze", desk.book.freeze("frozen").await);
        ok("end", desk.book.end("ended").await);
        ok("unfreeze", desk.book.unfreeze("ended").await);
    }
    assert_eq!(desk.left("i").await, 1.into(), "validity includes its begin, and not its end");
    let at = |at: Timestamp| usage("i", 1).with_time(at);
    let consumed = ok("record", desk.book.record(at(NOW)).await);
    assert_eq!(parts(&consumed), [("good", "1".to_owned())]);
    let late = ok("record", desk.book.record(at(NOW.saturating_sub(MINUTE))).await);
    assert_eq!(parts(&late), [("over", "1".to_owned())], "late usage is deducted from what was valid at its time");
    let error = desk.is_refused(at(NOW)).await;
    assert!(matches!(error, PackageError::UsedUp { left: Amount::ZERO }), "{error}");
    ok("unfreeze", desk.book.unfreeze("frozen").await);
    let consumed = ok("record", desk.book.record(at(NOW)).await);
    assert_eq!(parts(&consumed), [("frozen", "1".to_owned())]);

    ok("record", desk.book.record(at(tick).with_package("early")).await);
    let error = desk.is_refused(at(NOW).with_package("ended")).await;
    assert!(matches!(error, PackageError::UsedUp { .. }), "usage that names a package: {error}");
    let error = desk.is_refused(at(NOW).with_package("nobody")).await;
    assert!(matches!(error, PackageError::UnknownPackage(_)), "{error}");
    desk.add("foreign", "other", 5).await;
    let error = desk.is_refused(at(NOW).with_package("foreign")).await;
    assert!(matches!(error, PackageError::NotCovered { .. }), "{error}");
    let unknown = [desk.book.end("nobody").await, desk.book.extend("nobody", NOW).await];
    assert!(unknown.iter().all(|outcome| matches!(outcome, Err(PackageError::UnknownPackage(_)))), "{unknown:?}");
}

async fn renewals_and_quotas_are_set(desk: &Desk) {
    desk.add("p", "i", 5).await;
    for _ in 0..2 {
        ok("extend", desk.book.extend("p", later(48 * HOUR)).await);
        ok("set_quota", desk.book.set_quota("p", "i", 7.into()).await);
    }
    desk.add("p", "i", 5).await;
    let stored = ok("package", desk.book.package("p").await).remove(0);
    assert_eq!((stored.valid_until, stored.quota), (later(48 * HOUR), 7.into()), "adding it again keeps a renewal");
    desk.clock.set(later(30 * HOUR));
    desk.record("i", 6, "one").await;
    let error = desk.book.set_quota("p", "i", 5.into()).await;
    assert!(matches!(error, Err(PackageError::QuotaInUse { .. })), "{error:?}");
    let error = desk.book.set_quota("p", "other", 9.into()).await;
    assert!(matches!(error, Err(PackageError::NotCovered { .. })), "{error:?}");
    let error = desk.book.extend("p", NOW.saturating_sub(HOUR)).await;
    assert!(matches!(error, Err(PackageError::Validity { .. })), "{error:?}");
    ok("extend", desk.book.extend("p", later(HOUR)).await);
    assert_eq!(desk.left("i").await, Amount::ZERO, "a renewal that was canceled moves the end back");
}

async fn a_package_covers_several_instances(desk: &Desk) {
    desk.add("p", "storage", 5).await;
    desk.add("p", "traffic", 7).await;
    desk.record("traffic", 6, "one").await;
    let used = ok("package", desk.book.package("p").await);
    let used: Vec<_> = used.iter().map(|it| (&*it.package.pay_per_use_instance_id, it.used)).collect();
    assert_eq!(used, [("storage", Amount::ZERO), ("traffic", 6.into())], "each billing item has its quota");
    ok("end", desk.book.end("p").await);
    for instance in ["storage", "traffic"] {
        assert_eq!(desk.left(instance).await, Amount::ZERO, "a package ends for all of them");
    }
}

async fn a_package_names_its_instances_before_it_is_used(desk: &Desk) {
    let shown = async |instance_id: &str| {
        let infos = ok("usage_info", desk.book.usage_info(instance_id).await).into_iter();
        infos
            .map(|info| (info.related_instance_id.unwrap_or_default(), info.usage_value.to_string()))
            .collect::<Vec<_>>()
    };
    let row = |related: &str, usage: &str| (related.to_owned(), usage.to_owned());
    desk.add("p", "traffic", 7).await;
    desk.add("p", "storage", 5).await;
    assert_eq!(shown("p").await, [row("storage", "0"), row("traffic", "0")], "what it covers, although it is unused");
    desk.record("traffic", 6, "one").await;
    assert_eq!(shown("p").await, [row("storage", "0"), row("traffic", "6")]);
    assert_eq!(shown("traffic").await, [row("", "6")], "a pay-per-use instance has no related one");
    assert_eq!(shown("storage").await, [row("", "0")]);
    assert_eq!(shown("unknown").await, [row("", "0")]);
    ok("end", desk.book.end("p").await);
    assert_eq!(shown("p").await, [row("storage", "0"), row("traffic", "6")], "also when it is over");
}

async fn a_reservation_holds_its_amount(desk: &Desk) {
    desk.add("a", "i", 4).await;
    desk.add("b", "i", 4).await;
    let reserve = async |amount, id: &str| desk.book.reserve(usage("i", amount).with_id(id), HOUR).await;
    let reservation = ok("reserve", reserve(6, "job").await);
    assert_eq!(desk.left("i").await, 2.into(), "what is reserved is not left");
    let again = ok("reserve", reserve(6, "job").await);
    assert_eq!(again.stored(), reservation.stored(), "reserving again returns the reservation");
    assert_eq!(desk.left("i").await, 2.into(), "reserving again holds nothing more");
    let other = reserve(5, "job").await.map(drop);
    assert!(matches!(other, Err(PackageError::OtherReservation { .. })), "{other:?}");
    let error = desk.is_refused(usage("i", 3)).await;
    assert!(matches!(error, PackageError::UsedUp { .. }), "{error}");
    let error = reserve(3, "other").await.map(drop);
    assert!(matches!(error, Err(PackageError::UsedUp { .. })), "{error:?}");
    for _ in 0..2 {
        ok("cancel", reservation.clone().cancel().await);
    }
    assert_eq!(desk.left("i").await, 8.into(), "a canceled reservation holds nothing");
    let error = reservation.commit(1.into()).await;
    let is_canceled = matches!(error, Err(PackageError::Settled { state: ReservationState::Canceled, .. }));
    assert!(is_canceled, "{error:?}");
    ok("cancel", ok("reserve", reserve(8, "job").await).cancel().await);
    assert_eq!(desk.delivered("i").await, named(&[]), "a reservation is no usage");
    for lease in [Duration::ZERO, 20 * 24 * HOUR] {
        let error = desk.book.reserve(usage("i", 1), lease).await.map(drop);
        assert!(matches!(error, Err(PackageError::Lease(_))), "{error:?}");
    }
}

async fn a_reservation_is_committed_once(desk: &Desk) {
    desk.add("a", "i", 4).await;
    desk.add("b", "i", 4).await;
    let reservation = ok("reserve", desk.book.reserve(usage("i", 7).with_id("job"), HOUR).await);
    let actual: Amount = "5.25".parse().unwrap_or_default();
    let first = ok("commit", reservation.clone().commit(actual).await);
    assert_eq!(parts(&first), [("a", "4".to_owned()), ("b", "1.25".to_owned())]);
    assert_eq!(first.recorded, Recorded::First);
    let second = ok("commit", reservation.clone().commit(actual).await);
    assert_eq!((second.recorded, &second.parts), (Recorded::Repeated, &first.parts), "a commit can be repeated");
    assert_eq!(desk.left("i").await.to_string(), "2.75", "what was not used is left");
    let error = reservation.cancel().await;
    assert!(matches!(error, Err(PackageError::Settled { .. })), "what was used cannot be canceled: {error:?}");
    let repeated = desk.record("i", 1, "job").await.recorded;
    assert_eq!(repeated, Recorded::Repeated, "a reservation and its usage have one id");
    let error = desk.book.reserve(usage("i", 1).with_id("job"), HOUR).await.map(drop);
    assert!(matches!(error, Err(PackageError::AlreadyRecorded(_))), "{error:?}");

    let reservation = ok("reserve", desk.book.reserve(usage("i", 1).with_id("raced"), HOUR).await);
    desk.record("i", 1, "raced").await;
    let late = ok("commit", reservation.commit(1.into()).await);
    assert_eq!(late.recorded, Recorded::Repeated, "usage that was recorded beside its reservation counts once");
    assert_eq!(desk.left("i").await.to_string(), "1.75", "and its reservation holds nothing more");
    assert_eq!(desk.delivered("i").await, named(&[("a", "4"), ("b", "2.25")]));
}

async fn a_reservation_that_does_not_suffice_takes_more(desk: &Desk) {
    desk.add("a", "i", 4).await;
    let reservation = ok("reserve", desk.book.reserve(usage("i", 2).with_id("job"), HOUR).await);
    let error = reservation.clone().commit(5.into()).await;
    assert!(matches!(error, Err(PackageError::UsedUp { .. })), "{error:?}");
    assert_eq!(desk.state("a").await, (Amount::ZERO, 2.into()), "a failed commit changes nothing");
    desk.add("b", "i", 4).await;
    let consumed = ok("commit", reservation.commit(5.into()).await);
    assert_eq!(parts(&consumed), [("a", "4".to_owned()), ("b", "1".to_owned())], "each package has one part");
    let book = desk.book.clone().when_used_up(WhenUsedUp::PayPerUse);
    let reservation = ok("reserve", book.reserve(usage("i", 9), HOUR).await);
    assert_eq!(desk.left("i").await, Amount::ZERO);
    let consumed = ok("commit", reservation.commit(8.into()).await);
    assert_eq!(parts(&consumed), [("b", "3".to_owned()), ("", "5".to_owned())], "the rest is paid per use");
}

async fn a_reservation_outlasts_its_package(desk: &Desk) {
    desk.add("p", "i", 4).await;
    let reservation = ok("reserve", desk.book.reserve(usage("i", 3), 48 * HOUR).await);
    ok("end", desk.book.end("p").await);
    desk.clock.set(later(30 * HOUR));
    let consumed = ok("commit", reservation.commit(2.into()).await);
    assert_eq!(parts(&consumed), [("p", "2".to_owned())], "what was reserved may be used");
    assert_eq!(desk.state("p").await, (2.into(), Amount::ZERO));
}

async fn a_reservation_ends_with_its_lease(desk: &Desk) {
    desk.add("p", "i", 4).await;
    let kept = loop {
        let mut kept = ok("reserve", desk.book.reserve(usage("i", 1).with_id("kept"), SHORT).await);
        match kept.extend(HOUR).await {
            // On a busy machine the lease may be over by then.
            Err(PackageError::Settled { state: ReservationState::Over, .. }) => {}
            extended => {
                ok("extend", extended);
                break kept;
            }
        }
    };
    let lost = ok("reserve", desk.book.reserve(usage("i", 2).with_id("lost"), SHORT).await);
    let is_left = async |now| {
        desk.clock.set(now);
        (desk.left("i").await == 3.into()).then_some(())
    };
    Time::from(NOW).when_over(is_left).await;
    let error = lost.clone().commit(1.into()).await;
    let is_over = matches!(error, Err(PackageError::Settled { state: ReservationState::Over, .. }));
    assert!(is_over, "a reservation that is over is not committed: {error:?}");
    let mut late = lost.clone();
    let error = late.extend(HOUR).await;
    assert!(matches!(error, Err(PackageError::Settled { .. })), "nor extended: {error:?}");
    ok("cancel", lost.cancel().await);
    let open = ok("reservations", desk.book.reservations("i").await);
    let open: Vec<_> = open.iter().map(|reservation| reservation.id()).collect();
    assert_eq!(open, ["kept"], "one that was extended is open");
    ok("reserve", desk.book.reserve(usage("i", 3).with_id("lost"), HOUR).await.map(drop));
    ok("commit", kept.commit(1.into()).await);
}

async fn old_reservations_are_deleted(desk: &Desk) {
    let mut package = package("p", "i", 9);
    package.valid_until = later(90 * 24 * HOUR);
    ok("add", desk.book.add(package).await);
    let old = ok("reserve", desk.book.reserve(usage("i", 1).with_id("old"), HOUR).await);
    ok("cancel", old.clone().cancel().await);
    desk.clock.set(later(20 * 24 * HOUR));
    let _ = ok("reserve", desk.book.reserve(usage("i", 1).with_id("one"), HOUR).await);
    ok("cancel", old.clone().cancel().await);
    desk.clock.set(later(21 * 24 * HOUR + SECOND));
    let _ = ok("reserve", desk.book.reserve(usage("i", 1).with_id("two"), HOUR).await);
    let error = old.cancel().await;
    assert!(matches!(error, Err(PackageError::UnknownReservation(_))), "{error:?}");
}

async fn the_figures_are_those_of_what_is_valid(desk: &Desk) {
    assert_eq!(ok("status", desk.book.status().await), PackageStatus::default(), "there is no package");
    for (id, instance_id, quota) in
        [("a", "i", 10), ("b", "i", 20), ("b", "j", 5), ("frozen", "i", 7), ("over", "k", 9)]
    {
        desk.add(id, instance_id, quota).await;
    }
    ok("freeze", desk.book.freeze("frozen").await);
    ok("end", desk.book.end("over").await);
    desk.record("i", 12, "split").await;
    let job = ok("reserve", desk.book.reserve(usage("i", 3).with_id("job"), HOUR).await);
    let _ = ok("reserve", desk.book.reserve(usage("i", 1).with_id("short"), HOUR).await);
    ok("cancel", job.clone().cancel().await);
    let status = ok("status", desk.book.status().await);
    let numbers = (status.packages, status.used_up, status.reservations);
    assert_eq!(numbers, (3, 1, 1), "packages, those used up, open reservations");
    let amounts = (status.quota, status.used, status.reserved, status.left());
    assert_eq!(amounts, (35.into(), 12.into(), 1.into(), 22.into()), "quota, used, reserved, left");
    desk.clock.set(later(48 * HOUR));
    assert_eq!(ok("status", desk.book.status().await).packages, 0, "a package that is over does not count");
}
