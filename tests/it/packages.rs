//! Packages: whatever is used, reserved and canceled, what was recorded is what the packages and the customer bear; and the
//! marketplace's events keep the book.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use koogallery::amount::Amount;
use koogallery::callback::packages::Packages;
use koogallery::callback::subscription::{
    Freeze, FreezeReason, Purchase, Release, Renewal, SubscriptionHandler as _, Unfreeze,
};
use koogallery::clock::ManualClock;
use koogallery::metering::package::{
    Consumed, Consumption, Package, PackageBook, PackageError, PackageState, Reservation, SqlitePackageStore,
    WhenUsedUp,
};
use koogallery::metering::{Cycle, Meter, Recorded, SqliteUsageStore, Usage};
use koogallery::sqlite::Database;
use koogallery::testing::AcceptAll;
use koogallery::timestamp::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::NOW;

fn later(seconds: u64) -> Timestamp {
    NOW.saturating_add(Duration::from_secs(seconds))
}

fn units(amount: Amount) -> i64 {
    i64::try_from(amount.ten_thousandths().unwrap()).unwrap()
}

fn amount(units: i64) -> Amount {
    Amount::from_ten_thousandths(units)
}

async fn open(path: &std::path::Path, clock: &Arc<ManualClock>) -> (Meter, PackageBook) {
    let usage = SqliteUsageStore::new(&Database::open(path).unwrap()).await.unwrap();
    let packages = SqlitePackageStore::new(&usage).await.unwrap();
    let meter = Meter::new(usage).with_clock(Arc::clone(clock)).with_cycle(Cycle::AtRenewal);
    (meter.clone(), PackageBook::new(meter, packages))
}

#[derive(Clone, Debug)]
enum Action {
    Add {
        number: u8,
        quota: i64,
        from: u64,
        lasts: u64,
    },
    Record {
        units: i64,
        id: Option<u8>,
    },
    Reserve {
        units: i64,
        id: u8,
        lease: u64,
    },
    Commit {
        id: u8,
        units: i64,
    },
    Cancel {
        id: u8,
    },
    End {
        number: u8,
    },
    Wait {
        seconds: u64,
    },
    /// The running totals of a package, or of the instance, begin at zero.
    Renew {
        number: Option<u8>,
    },
    /// The process dies: what it held in memory is gone.
    Kill,
}

fn action() -> impl Strategy<Value = Action> {
    let units = 1..60_000_i64;
    let id = 0..12_u8;
    prop_oneof![
        2 => (0..6_u8, 1..90_000_i64, 0..400_u64, 1..900_u64)
            .prop_map(|(number, quota, from, lasts)| Action::Add { number, quota, from, lasts }),
        6 => (units.clone(), proptest::option::of(id.clone())).prop_map(|(units, id)| Action::Record { units, id }),
        4 => (units.clone(), id.clone(), 1..300_u64)
            .prop_map(|(units, id, lease)| Action::Reserve { units, id, lease }),
        4 => (id.clone(), units).prop_map(|(id, units)| Action::Commit { id, units }),
        1 => id.prop_map(|id| Action::Cancel { id }),
        1 => (0..6_u8).prop_map(|number| Action::End { number }),
        2 => (1..200_u64).prop_map(|seconds| Action::Wait { seconds }),
        1 => proptest::option::of(0..6_u8).prop_map(|number| Action::Renew { number }),
        1 => Just(Action::Kill),
    ]
}

/// What there should be, by rules as simple as they can be.
#[derive(Default)]
struct Model {
    packages: BTreeMap<u8, Known>,
    /// By id: what it holds of each package, its end, its time of use and its amount.
    open: BTreeMap<u8, Held>,
    committed: BTreeMap<u8, Vec<(Option<u8>, i64)>>,
    recorded_ids: Vec<u8>,
    settled: Vec<u8>,
    recorded: i64,
    paid_per_use: i64,
    /// The begins of cycles of a package, or of the instance.
    renewals: BTreeMap<Option<u8>, Vec<u64>>,
    /// What was used of a package, or of the instance, in the cycle that begins then.
    totals: BTreeMap<(Option<u8>, Option<u64>), i64>,
}

struct Known {
    quota: i64,
    used: i64,
    from: u64,
    until: u64,
    is_ended: bool,
}

struct Held {
    parts: Vec<(Option<u8>, i64)>,
    ends: u64,
    at: u64,
    amount: i64,
}

impl Model {
    fn left(&self, number: u8) -> i64 {
        let known = &self.packages[&number];
        let held = self.open.values().flat_map(|held| &held.parts).filter(|part| part.0 == Some(number));
        known.quota - known.used - held.map(|part| part.1).sum::<i64>()
    }

    fn pass(&mut self, now: u64) {
        let over: Vec<u8> = self.open.iter().filter(|(_, held)| held.ends <= now).map(|(id, _)| *id).collect();
        for id in over {
            self.open.remove(&id);
            self.settled.push(id);
        }
    }

    fn split(&self, at: u64, wanted: i64, pays: bool) -> Option<Vec<(Option<u8>, i64)>> {
        let is_valid = |known: &Known| !known.is_ended && known.from <= at && at < known.until;
        let mut order: Vec<u8> =
            self.packages.iter().filter(|(_, known)| is_valid(known)).map(|(number, _)| *number).collect();
        order.sort_by_key(|number| (self.packages[number].until, *number));
        let (mut parts, mut rest) = (vec![], wanted);
        for number in order {
            let part = rest.min(self.left(number));
            if part > 0 {
                parts.push((Some(number), part));
                rest -= part;
            }
        }
        if rest > 0 {
            if !pays {
                return None;
            }
            parts.push((None, rest));
        }
        Some(parts)
    }

    fn use_up(&mut self, parts: &[(Option<u8>, i64)], at: u64) {
        for (number, units) in parts {
            self.recorded += units;
            *self.totals.entry((None, self.cycle(None, at))).or_default() += units;
            match number {
                Some(known) => {
                    self.packages.get_mut(known).unwrap().used += units;
                    *self.totals.entry((*number, self.cycle(*number, at))).or_default() += units;
                }
                None => self.paid_per_use += units,
            }
        }
    }

    /// The begin of the cycle in which a time lies.
    fn cycle(&self, owner: Option<u8>, at: u64) -> Option<u64> {
        self.renewals.get(&owner).into_iter().flatten().copied().filter(|begin| *begin <= at).max()
    }
}

fn parts(consumed: &Consumed) -> Vec<(Option<u8>, i64)> {
    let number = |id: &String| id.strip_prefix('p').unwrap().parse().unwrap();
    let part = |part: &koogallery::metering::package::Part| {
        (part.package_instance_id.as_ref().map(number), units(part.amount))
    };
    consumed.parts.iter().map(part).collect()
}

async fn follow(actions: Vec<Action>, pays: bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("packages.db");
    let clock = Arc::new(ManualClock::new(NOW));
    let rule = if pays { WhenUsedUp::PayPerUse } else { WhenUsedUp::Stop };
    let (mut meter, mut book) = open(&path, &clock).await;
    let mut model = Model::default();
    let mut handles: BTreeMap<u8, Reservation> = BTreeMap::new();
    let mut now = 0;
    for action in actions {
        let rules = book.clone().when_used_up(rule);
        model.pass(now);
        match action {
            Action::Add { number, quota, from, lasts } => {
                let package = Package::new(format!("p{number}"), "i", amount(quota), later(from), later(from + lasts));
                let added = book.add(package).await;
                match model.packages.get(&number) {
                    None => {
                        added.unwrap();
                        let known = Known { quota, used: 0, from, until: from + lasts, is_ended: false };
                        model.packages.insert(number, known);
                    }
                    Some(known) if (known.quota, known.from, known.until) == (quota, from, from + lasts) => {
                        added.unwrap();
                    }
                    Some(_) => assert!(matches!(added, Err(PackageError::Differs { .. })), "{added:?}"),
                }
            }
            Action::Record { units, id } => {
                let mut usage = Usage::new("i", amount(units));
                usage.usage_id = id.map(|id| format!("u{id}"));
                let outcome = rules.record(usage).await;
                if id.is_some_and(|id| model.recorded_ids.contains(&id)) {
                    assert_eq!(outcome.unwrap().recorded, Recorded::Repeated);
                    continue;
                }
                match model.split(now, units, pays) {
                    None => assert!(
                        matches!(outcome, Err(PackageError::UsedUp { .. } | PackageError::NoPackage(_))),
                        "{outcome:?}"
                    ),
                    Some(expected) => {
                        assert_eq!(parts(&outcome.unwrap()), expected);
                        model.use_up(&expected, now);
                        model.recorded_ids.extend(id);
                    }
                }
            }
            Action::Reserve { units, id, lease } => {
                let usage = Usage::new("i", amount(units)).with_id(format!("u{id}"));
                let outcome = rules.reserve(usage, Duration::from_secs(lease)).await;
                if model.recorded_ids.contains(&id) {
                    assert!(matches!(outcome, Err(PackageError::AlreadyRecorded(_))), "{outcome:?}");
                } else if let Some(held) = model.open.get(&id) {
                    assert_eq!(outcome.is_ok(), held.amount == units, "{outcome:?}");
                } else {
                    match model.split(now, units, pays) {
                        None => assert!(outcome.is_err(), "{outcome:?}"),
                        Some(parts) => {
                            handles.insert(id, outcome.unwrap());
                            model.open.insert(id, Held { parts, ends: now + lease, at: now, amount: units });
                            model.settled.retain(|settled| *settled != id);
                        }
                    }
                }
            }
            Action::Commit { id, units: actual } => {
                let Some(handle) = handles.get(&id).cloned() else { continue };
                // By the rules of the book that reserved.
                let outcome = handle.commit(amount(actual)).await;
                if let Some(parts_then) = model.committed.get(&id) {
                    let again = outcome.unwrap();
                    assert_eq!((again.recorded, parts(&again)), (Recorded::Repeated, parts_then.clone()));
                } else if model.settled.contains(&id) {
                    assert!(matches!(outcome, Err(PackageError::Settled { .. })), "{outcome:?}");
                } else if model.recorded_ids.contains(&id) {
                    assert_eq!(outcome.unwrap().recorded, Recorded::Repeated);
                    model.open.remove(&id);
                    model.settled.push(id);
                } else {
                    let held = model.open.remove(&id).unwrap();
                    let mut rest = actual;
                    let mut expected: Vec<(Option<u8>, i64)> = vec![];
                    for (number, units) in held.parts.iter().filter(|part| part.0.is_some()) {
                        let part = rest.min(*units);
                        if part > 0 {
                            expected.push((*number, part));
                            rest -= part;
                        }
                    }
                    // Deducted first, so that the rest finds what is left.
                    model.use_up(&expected, held.at);
                    let more = if rest > 0 { model.split(held.at, rest, pays) } else { Some(vec![]) };
                    let Some(more) = more else {
                        assert!(outcome.is_err(), "{outcome:?}");
                        let undone: Vec<_> = expected.iter().map(|(number, units)| (*number, -units)).collect();
                        model.use_up(&undone, held.at);
                        model.open.insert(id, held);
                        continue;
                    };
                    model.use_up(&more, held.at);
                    for part in more {
                        match expected.iter_mut().find(|known| known.0 == part.0) {
                            Some(known) => known.1 += part.1,
                            None => expected.push(part),
                        }
                    }
                    assert_eq!(parts(&outcome.unwrap()), expected);
                    model.committed.insert(id, expected);
                    model.recorded_ids.push(id);
                }
            }
            Action::Cancel { id } => {
                let Some(handle) = handles.get(&id).cloned() else { continue };
                let outcome = handle.cancel().await;
                if model.committed.contains_key(&id) {
                    assert!(matches!(outcome, Err(PackageError::Settled { .. })), "{outcome:?}");
                } else {
                    outcome.unwrap();
                    if model.open.remove(&id).is_some() {
                        model.settled.push(id);
                    }
                }
            }
            Action::End { number } => {
                let outcome = book.end(&format!("p{number}")).await;
                match model.packages.get_mut(&number) {
                    Some(known) => {
                        outcome.unwrap();
                        known.is_ended = true;
                    }
                    None => assert!(matches!(outcome, Err(PackageError::UnknownPackage(_))), "{outcome:?}"),
                }
            }
            Action::Wait { seconds } => {
                now += seconds;
                clock.set(later(now));
            }
            Action::Renew { number } => {
                let name = number.map_or_else(|| "i".to_owned(), |number| format!("p{number}"));
                meter.begin_cycle(&name, later(now)).await.unwrap();
                model.renewals.entry(number).or_default().push(now);
            }
            Action::Kill => {
                (meter, book) = open(&path, &clock).await;
                let found = book.clone().when_used_up(rule).reservations("i").await.unwrap();
                let ids: Vec<String> = found.iter().map(|found| found.id().to_owned()).collect();
                let mut expected: Vec<String> = model.open.keys().map(|id| format!("u{id}")).collect();
                expected.sort();
                assert_eq!(ids, expected, "open reservations are found again");
                handles.retain(|id, _| !model.open.contains_key(id));
                let rules = book.clone().when_used_up(rule);
                for reservation in rules.reservations("i").await.unwrap() {
                    handles.insert(reservation.id()[1..].parse().unwrap(), reservation);
                }
            }
        }
    }

    model.pass(now);
    let mut used = 0;
    for stored in book.packages("i").await.unwrap() {
        let number: u8 = stored.package.instance_id[1..].parse().unwrap();
        let known = &model.packages[&number];
        let reserved = known.quota - known.used - model.left(number);
        assert_eq!((units(stored.used), units(stored.reserved)), (known.used, reserved), "{number}");
        assert!(known.used + reserved <= known.quota, "package {number} is overdrawn");
        used += known.used;
    }
    assert_eq!(used + model.paid_per_use, model.recorded, "the parts are the whole");
    assert_eq!(units(meter.status().await.unwrap().open.usage), model.recorded, "what was borne was recorded");
    for owner in [None].into_iter().chain(model.packages.keys().copied().map(Some)) {
        let name = owner.map_or_else(|| "i".to_owned(), |number| format!("p{number}"));
        let shown: i64 = meter.usage_info(&name).await.unwrap().iter().map(|info| units(info.usage_value)).sum();
        let expected = model.totals.get(&(owner, model.cycle(owner, now))).copied().unwrap_or_default();
        assert_eq!(shown, expected, "the running total of {name}");
    }
    // The longest lease.
    clock.set(later(now + 301));
    let packages = book.packages("i").await.unwrap();
    assert!(packages.iter().all(|stored| stored.reserved == Amount::ZERO), "a reservation is left");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_parts_are_the_whole_whatever_happens(
        actions in proptest::collection::vec(action(), 1..80),
        pays in select(vec![false, true]),
    ) {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(follow(actions, pays));
    }
}

#[tokio::test]
async fn the_marketplaces_events_keep_the_book() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(NOW));
    let (_, book) = open(&folder.path().join("packages.db"), &clock).await;
    let bought = |purchase: &Purchase| {
        let is_package = purchase.instance_id.starts_with("pkg");
        is_package.then(|| {
            let package = Package::new(&purchase.instance_id, "inst", 10.into(), NOW, later(3600));
            package.with_order(&purchase.order_id, purchase.order_line_id.clone())
        })
    };
    let handler = Packages::new(AcceptAll::new(), book.clone(), bought);
    // One order of 30 packages, each of them twice, since a handler may run again.
    for line in (0..30).chain(0..30) {
        let mut purchase = Purchase::new(format!("pkg{line}"), "CS1");
        purchase.order_line_id = Some(format!("CS1-{line:06}"));
        handler.create(purchase).await.unwrap();
    }
    handler.create(Purchase::new("inst", "CS2")).await.unwrap();
    let mut test = Purchase::new("pkg-test", "CS3");
    test.test_call = true;
    handler.create(test).await.unwrap();
    assert_eq!(book.packages("inst").await.unwrap().len(), 30);
    assert_eq!(book.left("inst").await.unwrap(), 300.into());

    let consumed = book.record(Usage::new("inst", 15.into())).await.unwrap();
    let borne: Vec<_> = consumed.parts.iter().map(|part| part.package_instance_id.as_deref().unwrap()).collect();
    assert_eq!(borne, ["pkg0", "pkg1"], "in the order of the order lines");

    handler.renew(Renewal::new("pkg2", "CS4", later(7200))).await.unwrap();
    handler.renew(Renewal::new("inst", "CS4", later(7200))).await.unwrap();
    handler.freeze(Freeze::new("pkg3", FreezeReason::Expired)).await.unwrap();
    handler.freeze(Freeze::new("pkg4", FreezeReason::Unspecified)).await.unwrap();
    handler.unfreeze(Unfreeze::new("pkg4")).await.unwrap();
    for _ in 0..2 {
        handler.release(Release::new("pkg5")).await.unwrap();
    }
    // A retry of what was released does not bring it back.
    handler.create(Purchase::new("pkg5", "CS1")).await.unwrap();
    handler.unfreeze(Unfreeze::new("pkg5")).await.unwrap();
    let state = async |id: &str| {
        let stored = book.package(id).await.unwrap().remove(0);
        (stored.state, stored.valid_until)
    };
    assert_eq!(state("pkg2").await, (PackageState::Active, later(7200)));
    assert_eq!(state("pkg3").await, (PackageState::Frozen, later(3600)));
    assert_eq!(state("pkg4").await, (PackageState::Active, later(3600)));
    assert_eq!(state("pkg5").await, (PackageState::Ended, later(3600)));
    clock.set(later(3600));
    assert_eq!(book.left("inst").await.unwrap(), 10.into(), "only the renewed one is valid");
    let by_begin = book.with_consumption(Consumption::EarliestBegin);
    assert_eq!(by_begin.left("inst").await.unwrap(), 10.into());

    let wrong = Packages::new(AcceptAll::new(), by_begin, |_: &Purchase| {
        Some(Package::new("another", "inst", 10.into(), NOW, later(3600)))
    });
    let error = wrong.create(Purchase::new("pkg-x", "CS5")).await.unwrap_err();
    assert!(format!("{error:?}").contains("not the instance"), "{error:?}");
}
