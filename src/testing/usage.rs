//! The suites for usage stores.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::{HOUR, MINUTE, NOW, SECOND, SHORT, Time, later, ok};
use crate::amount::Amount;
use crate::lease::Lease;
use crate::metering::{
    Correction, Cycle, Entry, Period, RecordOutcome, RecordRefusal, RecordState, Recorded, RunningTotal, StatementLine,
    StatementMonth, Status, StoredRecord, Usage, UsageStore, UsageSum,
};
use crate::open_api::push_usage::{RecordCode, UsageRecord};
use crate::timestamp::{CHINA, Timestamp};

/// Checks the rules of a [`UsageStore`]; `make` returns a new, empty store at every call.
///
/// # Panics
///
/// A rule is broken, or the store fails.
pub async fn usage_store<S: UsageStore>(make: impl AsyncFn() -> S) {
    usage_adds_up_per_instance_and_period(&make().await).await;
    usage_with_an_id_counts_once(&make().await).await;
    late_usage_counts_after_the_record_of_its_time(&make().await).await;
    packages_share_the_time_of_their_instance(&make().await).await;
    a_large_sum_makes_several_records(&make().await).await;
    a_closed_instance_is_reported_up_to_its_end(&make().await).await;
    records_of_the_same_times_get_different_numbers(&make().await).await;
    records_are_leased_once(&make().await).await;
    records_are_as_their_outcome_says(&make().await).await;
    a_former_holder_only_delivers(&make().await).await;
    a_record_is_corrected_under_its_number(&make().await).await;
    records_are_listed_in_pages(&make().await).await;
    old_records_and_ids_are_deleted(&make().await).await;
    running_totals_have_all_usage_and_stay(&make().await).await;
    usage_counts_in_the_cycle_of_its_time(&make().await).await;
    a_renewal_begins_a_cycle_once(&make().await).await;
    a_statement_has_what_was_delivered_and_what_was_not(&make().await).await;
}

/// Checks the rules of a [`UsageStore`] that several processes share; `open` opens the same store at every call. It is
/// empty at first.
///
/// # Panics
///
/// A rule is broken, or the store fails.
pub async fn shared_usage_store<S: UsageStore>(open: impl AsyncFn() -> S) {
    {
        let store = open().await;
        record(&store, vec![entry("kept", 15_000, NOW), entry("kept", 5, NOW)]).await;
        record(&store, vec![with_id(entry("kept", 5, NOW), "kept-id")]).await;
        record(&store, vec![entry("closed", 20_000, NOW)]).await;
        ok("close_instance", store.close_instance("closed", later(SECOND)).await);
        claim(&store, 1, later(SECOND), 9).await;
    }
    let (one, other) = (open().await, open().await);
    let status = status(&one).await;
    let counts = (status.open.records, status.open.usage, status.pending.records, status.pending.usage);
    assert_eq!(counts, (1, amount(15_010), 1, amount(20_000)), "sums and records are kept over a restart");
    assert_eq!(claim(&one, 2, later(SECOND), 9).await, [], "leases are kept over a restart");
    let repeated = record(&other, vec![with_id(entry("kept", 5, NOW), "kept-id")]).await;
    assert_eq!(repeated, [Recorded::Repeated], "ids of usage are kept over a restart");

    let kept = totals(&one, "kept").await;
    assert_eq!(kept, [(None, 0, 15_010)], "running totals are kept over a restart");

    let stores: [&dyn UsageStore; 2] = [&one, &other];
    let recordings = (0..100).map(|index| async move {
        let usage = with_id(entry(&format!("many{}", index % 10), 1, NOW), &format!("id{}", index % 50));
        record(stores[index % 2], vec![usage]).await[0] == Recorded::First
    });
    let firsts = join_all(recordings).await.into_iter().filter(|is_first| *is_first).count();
    assert_eq!(firsts, 50, "of two recordings with the same id at the same time, one counts");
    let many = join_all((0..10).map(async |index| totals(&one, &format!("many{index}")).await)).await;
    let many: i64 = many.iter().flatten().map(|(_, _, amount)| amount).sum();
    assert_eq!(many, 50, "a repeated id adds nothing to running totals, also at the same time");
    let closings = stores.map(|store| async move { ok("close_periods", store.close_periods(end()).await) });
    assert_eq!(join_all(closings).await.into_iter().sum::<usize>(), 11, "every sum makes one record");
    let claims = (0..8).map(|index| async move { claim(stores[index % 2], 10 + index as u128, end(), 2).await });
    let mut numbers: Vec<String> =
        join_all(claims).await.into_iter().flatten().map(|record| record.metering_sn).collect();
    let count = numbers.len();
    numbers.sort();
    numbers.dedup();
    assert_eq!((count, numbers.len()), (11, 11), "every record is leased to one holder");
}

/// Checks that a [`UsageStore`] that several machines share decides about leases by its own clock, whatever time the
/// caller has; `open` opens the same store at every call. It is empty at first.
///
/// # Panics
///
/// A rule is broken, or the store fails.
pub async fn replicated_usage_store<S: UsageStore>(open: impl AsyncFn() -> S) {
    let (one, other) = (open().await, open().await);
    records_of(&one, &["a"]).await;
    ok("claim", one.claim(Lease::new(1, 3 * SECOND), end(), 9).await);
    for ahead in [4 * SECOND, 30 * SECOND, 24 * HOUR] {
        let fast = end().saturating_add(ahead);
        assert_eq!(claim(&other, 2, fast, 9).await, [], "a caller that is {ahead:?} ahead takes no lease");
    }
    let record = in_state(&one, RecordState::Pending).await.remove(0).record;
    settle(&one, 1, &record, RecordOutcome::Held { at: end() }).await;
    let fast = end().saturating_add(24 * HOUR);
    ok("claim_held", other.claim_held(Lease::new(2, SHORT), fast, 9).await);
    let held = async |holder, now| ok("claim_held", one.claim_held(lease(holder), now, 9).await);
    let attempt = async |now| Some(held(3, now).await).filter(|claimed| !claimed.is_empty());
    let claimed = Time::from(end()).when_over(attempt).await;
    assert_eq!(claimed.len(), 1, "one that is ahead keeps a record for no longer than it says");
    assert_eq!(held(4, fast).await, [], "a caller that is ahead takes no lease on a held record");
}

/// End of the hour of [`NOW`].
fn end() -> Timestamp {
    Period::Hourly.around(NOW).1
}

/// [`NOW`] in whole seconds, as records have it.
fn begin() -> Timestamp {
    Timestamp::from_unix_millis(NOW.as_unix_millis() / 1000 * 1000)
}

fn amount(ten_thousandths: i64) -> Amount {
    Amount::from_ten_thousandths(ten_thousandths)
}

fn entry(instance_id: &str, ten_thousandths: i64, at: Timestamp) -> Entry {
    let usage = Usage::new(instance_id, amount(ten_thousandths)).with_time(at);
    ok("usage of the suite", usage.check(at, Period::Hourly, Cycle::Never))
}

fn with_id(mut entry: Entry, usage_id: &str) -> Entry {
    entry.usage.usage_id = Some(usage_id.to_owned());
    entry
}

fn lease(holder: u128) -> Lease {
    Lease::new(holder, 2 * HOUR)
}

fn refusal(code: &str) -> RecordRefusal {
    let mut refusal = RecordRefusal::new(RecordCode::new(code));
    refusal.description = Some("说明".to_owned());
    refusal
}

async fn record(store: &dyn UsageStore, entries: Vec<Entry>) -> Vec<Recorded> {
    ok("record", store.record(entries).await)
}

async fn status(store: &dyn UsageStore) -> Status {
    ok("status", store.status(NOW).await)
}

/// The running totals of an instance or package: related instance, begin of the cycle in milliseconds, amount.
async fn totals(store: &dyn UsageStore, instance_id: &str) -> Vec<(Option<String>, i64, i64)> {
    let totals = ok("totals", store.totals(instance_id).await);
    let parts =
        |total: RunningTotal| (total.related_instance_id, total.cycle_begin.as_unix_millis(), total.ten_thousandths);
    totals.into_iter().map(parts).collect()
}

async fn claim(store: &dyn UsageStore, holder: u128, now: Timestamp, limit: usize) -> Vec<UsageRecord> {
    ok("claim", store.claim(lease(holder), now, limit).await)
}

/// Claims all records once the short leases of another holder are over.
async fn claim_when_over(store: &dyn UsageStore, holder: u128, records: usize) -> Vec<UsageRecord> {
    let attempt = async |now| Some(claim(store, holder, now, 9).await).filter(|claimed| !claimed.is_empty());
    let claimed = Time::from(end()).when_over(attempt).await;
    assert_eq!(claimed.len(), records, "leases of one time are over at one time");
    claimed
}

async fn settle(store: &dyn UsageStore, holder: u128, record: &UsageRecord, outcome: RecordOutcome) {
    let outcomes = vec![(record.metering_sn.clone(), outcome)];
    ok("settle", store.settle(lease(holder), end(), outcomes).await);
}

async fn in_state(store: &dyn UsageStore, state: RecordState) -> Vec<StoredRecord> {
    ok("records", store.records(state, None, 100).await)
}

/// Makes one record for each instance, due at [`end`].
async fn records_of(store: &dyn UsageStore, instances: &[&str]) {
    record(store, instances.iter().map(|id| entry(id, 10_000, NOW)).collect()).await;
    assert_eq!(ok("close_periods", store.close_periods(end()).await), instances.len(), "records of sums");
}

fn of_package(mut entry: Entry, package: &str) -> Entry {
    entry.usage.package_instance_id = Some(package.to_owned());
    entry
}

async fn usage_adds_up_per_instance_and_period(store: &dyn UsageStore) {
    assert_eq!(status(store).await, Status::default(), "a new store is empty");
    let entries = vec![entry("a", 1000, NOW), entry("a", 2000, NOW), entry("b", 70_000, NOW)];
    assert_eq!(record(store, entries).await, [Recorded::First; 3], "usage without an id is always new");
    record(store, vec![entry("a", 10_000, end())]).await;
    let open = status(store).await.open;
    assert_eq!((open.records, open.usage), (3, amount(83_000)), "sums per instance and period");

    let before = Timestamp::from_unix_millis(end().as_unix_millis() - 1);
    assert_eq!(ok("close_periods", store.close_periods(before).await), 0, "no period is over");
    assert_eq!(ok("close_periods", store.close_periods(end()).await), 2, "two sums are over");
    assert_eq!(ok("close_periods", store.close_periods(end()).await), 0, "a sum makes its records once");
    assert_eq!(claim(store, 1, before, 9).await, [], "records are due when they are made");
    let mut claimed = claim(store, 1, end(), 9).await;
    claimed.sort_by(|one, other| one.instance_id.cmp(&other.instance_id));
    let expected = [("a", 3000), ("b", 70_000)].map(|(id, ten_thousandths)| {
        let drafts = UsageSum::into_drafts(vec![UsageSum::new(NOW, ten_thousandths)], end());
        drafts[0].to_record(id, end())
    });
    assert_eq!(claimed, expected, "records are made by the rules of `UsageSum::into_drafts`");

    let status = status(store).await;
    assert_eq!((status.open.records, status.open.usage), (1, amount(10_000)), "the period that is not over");
    assert_eq!((status.pending.records, status.pending.usage), (2, amount(73_000)), "records to be sent");
    assert_eq!(status.oldest, Some(begin()), "begin of the oldest record");
}

async fn usage_with_an_id_counts_once(store: &dyn UsageStore) {
    let usage = |id: &str| with_id(entry("a", 10_000, NOW), id);
    let recorded = record(store, vec![usage("1"), usage("1"), usage("2"), usage(" 1")]).await;
    let expected = [Recorded::First, Recorded::Repeated, Recorded::First, Recorded::First];
    assert_eq!(recorded, expected, "an id counts once, also among usages recorded together");
    let other_instance = with_id(entry("b", 10_000, NOW), "1");
    assert_eq!(record(store, vec![other_instance]).await, [Recorded::Repeated], "an id is the same for all instances");
    ok("close_periods", store.close_periods(end()).await);
    let claimed = claim(store, 1, end(), 9).await;
    settle(store, 1, &claimed[0], RecordOutcome::Delivered).await;
    assert_eq!(record(store, vec![usage("1")]).await, [Recorded::Repeated], "an id counts once, also after delivery");
    let status = status(store).await;
    assert_eq!((status.open.usage, status.delivered.usage), (Amount::ZERO, amount(30_000)), "usage that counts");
}

async fn late_usage_counts_after_the_record_of_its_time(store: &dyn UsageStore) {
    records_of(store, &["a"]).await;
    record(store, vec![entry("a", 50_000, NOW), entry("other", 1, NOW)]).await;
    assert_eq!(ok("close_periods", store.close_periods(end()).await), 1, "the time of late usage was reported");
    let next_end = Period::Hourly.around(end()).1;
    assert_eq!(ok("close_periods", store.close_periods(next_end).await), 1, "late usage counts in the next period");
    let claimed = claim(store, 1, next_end, 9).await;
    let late = claimed.iter().find(|record| record.usage_value == amount(50_000));
    let times = late.map(|record| (record.begin_time, record.end_time));
    assert_eq!(times, Some((end(), next_end)), "late usage counts from the end of the record of its time");
}

async fn packages_share_the_time_of_their_instance(store: &dyn UsageStore) {
    let named = |package: &str| of_package(entry("a", 10_000, NOW), package);
    record(store, vec![named("p1"), named("p2"), named("p1"), entry("a", 10_000, NOW)]).await;
    assert_eq!(status(store).await.open.records, 3, "sums per package");
    assert_eq!(ok("close_periods", store.close_periods(end()).await), 3, "a record per package");
    let mut claimed = claim(store, 1, end(), 9).await;
    claimed.sort_by_key(|record| record.begin_time);
    assert_eq!((claimed[0].begin_time, claimed[2].end_time), (begin(), end()), "records cover the time of the sums");
    assert!(claimed.windows(2).all(|pair| pair[0].end_time == pair[1].begin_time), "without overlap: {claimed:?}");
    let amounts: BTreeMap<_, _> =
        claimed.iter().map(|record| (record.relate_pkg_instance.as_deref(), record.usage_value)).collect();
    let expected = BTreeMap::from([(None, amount(10_000)), (Some("p1"), amount(20_000)), (Some("p2"), amount(10_000))]);
    assert_eq!(amounts, expected, "usage per package");
}

async fn a_large_sum_makes_several_records(store: &dyn UsageStore) {
    let largest = 999_999_999_999;
    record(store, (0..3).map(|_| entry("a", largest, NOW)).collect()).await;
    assert_eq!(ok("close_periods", store.close_periods(end()).await), 3, "a sum that is too large for a record");
    let claimed = claim(store, 1, end(), 9).await;
    assert!(claimed.iter().all(|record| record.usage_value == amount(largest)), "no usage is lost: {claimed:?}");
}

async fn a_closed_instance_is_reported_up_to_its_end(store: &dyn UsageStore) {
    record(store, vec![entry("a", 10_000, NOW), entry("b", 1, NOW), entry("a", 1, end())]).await;
    let closed_at = later(90 * SECOND);
    assert_eq!(ok("close_instance", store.close_instance("a", closed_at).await), 2, "every sum of the instance");
    assert_eq!(ok("close_instance", store.close_instance("a", closed_at).await), 0, "a sum makes its records once");
    assert_eq!(status(store).await.open.records, 1, "sums of other instances stay open");
    let claimed = claim(store, 1, closed_at, 9).await;
    let first = claimed.iter().find(|record| record.usage_value == amount(10_000));
    let times = first.map(|record| (record.begin_time, record.end_time.as_unix_millis() / 1000));
    assert_eq!(times, Some((begin(), closed_at.as_unix_millis() / 1000)), "a record ends with its instance");

    record(store, vec![entry("a", 20_000, NOW)]).await;
    ok("close_periods", store.close_periods(end()).await);
    let claimed = claim(store, 2, end(), 9).await;
    let late = claimed.iter().find(|record| record.usage_value == amount(20_000));
    let is_after =
        late.is_some_and(|record| record.begin_time.as_unix_millis() / 1000 >= closed_at.as_unix_millis() / 1000);
    assert!(is_after, "usage that comes later is not lost: {claimed:?}");
}

async fn records_of_the_same_times_get_different_numbers(store: &dyn UsageStore) {
    for _ in 0..3 {
        record(store, vec![entry("a", 10_000, NOW)]).await;
        assert_eq!(ok("close_instance", store.close_instance("a", NOW).await), 1, "a record of an instant");
    }
    let claimed = claim(store, 1, NOW, 9).await;
    let numbers: BTreeMap<_, _> =
        claimed.iter().map(|record| (&record.metering_sn, (record.begin_time, record.end_time))).collect();
    let mut times: Vec<_> = numbers.values().collect();
    times.sort();
    times.dedup();
    assert_eq!((claimed.len(), numbers.len(), times.len()), (3, 3, 3), "no record replaces another: {claimed:?}");
}

async fn records_are_leased_once(store: &dyn UsageStore) {
    records_of(store, &["a", "b", "c", "d", "e"]).await;
    let (first, second) = (claim(store, 1, end(), 2).await, claim(store, 2, end(), 9).await);
    assert_eq!((first.len(), second.len()), (2, 3), "every record is leased once");
    assert!(first.iter().all(|record| !second.contains(record)), "every record is leased to one holder");
    assert_eq!(claim(store, 3, end().saturating_add(HOUR), 9).await, [], "leases hold until their end");
    for record in first.iter().chain(&second) {
        let holder = if first.contains(record) { 1 } else { 2 };
        settle(store, holder, record, RecordOutcome::Retry { at: end(), refusal: None }).await;
    }
    ok("claim", store.claim(Lease::new(3, SHORT), end(), 9).await);
    claim_when_over(store, 4, 5).await;
    let attempts: Vec<_> = in_state(store, RecordState::Pending).await.iter().map(|stored| stored.attempts).collect();
    assert_eq!(attempts, [3; 5], "every lease is an attempt");
}

async fn records_are_as_their_outcome_says(store: &dyn UsageStore) {
    records_of(store, &["delivered", "retried", "too_early", "held", "fix", "dead"]).await;
    let retry_at = end().saturating_add(SECOND);
    for record in claim(store, 1, end(), 9).await {
        let outcome = match record.instance_id.as_str() {
            "delivered" => RecordOutcome::Delivered,
            "retried" => RecordOutcome::Retry { at: retry_at, refusal: None },
            "too_early" => RecordOutcome::Retry { at: retry_at, refusal: Some(refusal("016")) },
            "held" => RecordOutcome::Held { at: retry_at },
            "fix" => RecordOutcome::Fix(refusal("015")),
            _ => RecordOutcome::Dead(refusal("012")),
        };
        settle(store, 1, &record, outcome).await;
    }
    let found = |stored: Vec<StoredRecord>| -> BTreeMap<String, Option<RecordRefusal>> {
        stored.into_iter().map(|stored| (stored.record.instance_id, stored.refusal)).collect()
    };
    for (state, expected) in [
        (RecordState::Delivered, vec![("delivered", None)]),
        (RecordState::Pending, vec![("retried", None), ("too_early", Some(refusal("016")))]),
        (RecordState::Held, vec![("held", None)]),
        (RecordState::Fix, vec![("fix", Some(refusal("015")))]),
        (RecordState::Dead, vec![("dead", Some(refusal("012")))]),
    ] {
        let expected = expected.into_iter().map(|(id, refusal)| (id.to_owned(), refusal)).collect();
        assert_eq!(found(in_state(store, state).await), expected, "records in the state {state}");
    }
    let status = ok("status", store.status(end()).await);
    let counts = [&status.pending, &status.delivered, &status.held, &status.fix, &status.dead, &status.at_risk];
    let counts = counts.map(|total| total.records);
    assert_eq!(counts, [2, 1, 1, 1, 1, 4], "totals; all but delivered and dead records are at risk");
    assert_eq!(status.at_risk.usage, amount(40_000), "usage at risk");
    assert_eq!(status.delivered.usage, amount(10_000), "usage delivered");
    let status = ok("status", store.status(begin()).await);
    assert_eq!(status.at_risk.records, 0, "no record begins before the time of risk");

    assert_eq!(claim(store, 2, end(), 9).await, [], "a retry is not due before its time");
    assert_eq!(claim(store, 2, retry_at, 9).await.len(), 2, "a retry is due at its time");
    let held = async |holder, now| ok("claim_held", store.claim_held(lease(holder), now, 9).await);
    assert_eq!(held(2, end()).await, [], "a held record is not due before its time");
    let leased = held(2, retry_at).await;
    let leased: Vec<_> =
        leased.iter().map(|stored| (&*stored.record.instance_id, stored.state, stored.attempts)).collect();
    assert_eq!(leased, [("held", RecordState::Held, 2)], "a held record is due at its time, and stays held");
    assert_eq!(held(3, retry_at).await, [], "a held record is leased once");
}

async fn a_former_holder_only_delivers(store: &dyn UsageStore) {
    records_of(store, &["a"]).await;
    let claimed = ok("claim", store.claim(Lease::new(1, SHORT), end(), 9).await);
    assert_eq!(claim_when_over(store, 2, 1).await, claimed, "the first lease is over");
    settle(store, 1, &claimed[0], RecordOutcome::Dead(refusal("012"))).await;
    let pending = in_state(store, RecordState::Pending).await;
    assert_eq!(pending.len(), 1, "a former holder does not refuse a record");
    settle(store, 1, &claimed[0], RecordOutcome::Delivered).await;
    assert_eq!(in_state(store, RecordState::Delivered).await.len(), 1, "a former holder delivers a record");
    settle(store, 2, &claimed[0], RecordOutcome::Fix(refusal("015"))).await;
    settle(store, 2, &claimed[0], RecordOutcome::Delivered).await;
    let delivered = status(store).await.delivered;
    assert_eq!((delivered.records, delivered.usage), (1, amount(10_000)), "a delivered record never changes");
}

async fn a_record_is_corrected_under_its_number(store: &dyn UsageStore) {
    records_of(store, &["delivered", "pending", "held", "fix", "dead"]).await;
    let records = claim(store, 1, end(), 9).await;
    for record in &records {
        let outcome = match record.instance_id.as_str() {
            "delivered" => RecordOutcome::Delivered,
            "pending" => RecordOutcome::Retry { at: end(), refusal: None },
            "held" => RecordOutcome::Held { at: later(2 * HOUR) },
            "fix" => RecordOutcome::Fix(refusal("017")),
            _ => RecordOutcome::Dead(refusal("012")),
        };
        settle(store, 1, record, outcome).await;
    }
    let correction = Correction {
        begin_time: Some(begin().saturating_add(SECOND)),
        end_time: Some(end().saturating_sub(SECOND)),
        package_instance_id: Some("p1".to_owned()),
    };
    let now = end().saturating_add(SECOND);
    for record in &records {
        let is_correctable = matches!(record.instance_id.as_str(), "held" | "fix" | "dead");
        let corrected = store.correct(&record.metering_sn, correction.clone(), now).await;
        assert_eq!(ok("correct", corrected), is_correctable, "correction of a record that is {}", record.instance_id);
    }
    assert!(!ok("correct", store.correct("unknown", correction, now).await), "correction of an unknown record");
    let again = claim(store, 2, now, 9).await;
    assert_eq!(again.len(), 4, "corrected records are due at once");
    for record in again {
        let before = records.iter().find(|before| before.metering_sn == record.metering_sn).cloned();
        let mut expected = before.unwrap_or_else(|| panic!("a corrected record has another number: {record:?}"));
        if record.instance_id != "pending" {
            expected.begin_time = begin().saturating_add(SECOND);
            expected.end_time = end().saturating_sub(SECOND);
            expected.relate_pkg_instance = Some("p1".to_owned());
        }
        assert_eq!(record, expected, "a correction changes what it names");
    }
}

async fn records_are_listed_in_pages(store: &dyn UsageStore) {
    let instances: Vec<String> = (0..25).map(|index| format!("i{index}")).collect();
    records_of(store, &instances.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut listed: Vec<String> = Vec::new();
    loop {
        let after = listed.last().map(String::as_str);
        let page = ok("records", store.records(RecordState::Pending, after, 10).await);
        assert!(page.len() <= 10, "a page has at most the number of records asked for");
        if page.is_empty() {
            break;
        }
        listed.extend(page.into_iter().map(|stored| stored.record.metering_sn));
        assert!(listed.len() <= 25, "a page begins after the number asked for: {listed:?}");
    }
    assert_eq!(listed.len(), 25, "pages hold all records");
    assert!(listed.is_sorted(), "pages are in the order of numbers: {listed:?}");
}

async fn old_records_and_ids_are_deleted(store: &dyn UsageStore) {
    record(store, vec![with_id(entry("a", 10_000, NOW), "id"), entry("b", 10_000, NOW)]).await;
    ok("close_periods", store.close_periods(end()).await);
    let claimed = claim(store, 1, end(), 9).await;
    let [delivered, left] = &claimed[..] else { panic!("two records were made, not {claimed:?}") };
    settle(store, 1, delivered, RecordOutcome::Delivered).await;
    settle(store, 1, left, RecordOutcome::Dead(refusal("012"))).await;
    assert_eq!(ok("forget", store.forget(NOW).await), 0, "nothing is older than this");
    let mut deleted = 0;
    while let more @ 1.. = ok("forget", store.forget(end().saturating_add(SECOND)).await) {
        deleted += more;
    }
    assert_eq!(deleted, 2, "a delivered record and an id are deleted");
    assert_eq!(in_state(store, RecordState::Delivered).await, [], "the delivered record is deleted");
    assert_eq!(in_state(store, RecordState::Dead).await.len(), 1, "a refused record stays");
    assert_eq!(status(store).await.delivered.records, 1, "deleted records stay in the total");
    let again = record(store, vec![with_id(entry("a", 10_000, end()), "id")]).await;
    assert_eq!(again, [Recorded::First], "a deleted id counts again");
}

async fn running_totals_have_all_usage_and_stay(store: &dyn UsageStore) {
    assert_eq!(totals(store, "a").await, [], "an unknown instance has no totals");
    let of_p = |instance_id: &str, ten_thousandths| of_package(entry(instance_id, ten_thousandths, NOW), "p");
    let entries = vec![entry("a", 1, NOW), with_id(of_p("a", 20), "id"), with_id(of_p("a", 20), "id"), of_p("b", 300)];
    record(store, entries).await;
    record(store, vec![with_id(of_p("a", 20), "id"), entry("a", 4000, end())]).await;
    let of_a = [(None, 0, 4021)];
    let of_p = [(Some("a".to_owned()), 0, 20), (Some("b".to_owned()), 0, 300)];
    assert_eq!(totals(store, "a").await, of_a, "a total has each usage of its instance once");
    assert_eq!(totals(store, "p").await, of_p, "a package has a total for each instance");

    ok("close_periods", store.close_periods(end()).await);
    for record in claim(store, 1, end(), 9).await {
        settle(store, 1, &record, RecordOutcome::Delivered).await;
    }
    while ok("forget", store.forget(end().saturating_add(SECOND)).await) > 0 {}
    assert_eq!(in_state(store, RecordState::Delivered).await, [], "delivered records are deleted");
    assert_eq!((totals(store, "a").await, totals(store, "p").await), (of_a.into(), of_p.into()), "totals stay");
    record(store, vec![entry("a", 50_000, NOW)]).await;
    assert_eq!(totals(store, "a").await, [(None, 0, 54_021)], "late usage counts as well");
}

async fn usage_counts_in_the_cycle_of_its_time(store: &dyn UsageStore) {
    // From the beginning of a month in Beijing.
    let midnight = Timestamp::from_unix_millis(1_738_339_200_000);
    let (before, month) = (Timestamp::from_unix_millis(midnight.as_unix_millis() - 1), 1_735_660_800_000);
    let monthly = |ten_thousandths, at| {
        let mut entry = of_package(entry("a", ten_thousandths, at), "p");
        entry.cycle = Cycle::Monthly { day: 1, zone: CHINA };
        entry
    };
    record(store, vec![monthly(1, NOW), monthly(20, before), monthly(300, midnight)]).await;
    ok("close_periods", store.close_periods(midnight).await);
    record(store, vec![monthly(4000, before)]).await;
    let begins = [month, midnight.as_unix_millis()];
    let expected = |related: Option<&str>| {
        begins.into_iter().zip([4021, 300]).map(|(begin, amount)| (related.map(str::to_owned), begin, amount)).collect()
    };
    let (of_instance, of_package): (Vec<_>, Vec<_>) = (expected(None), expected(Some("a")));
    assert_eq!(totals(store, "a").await, of_instance, "usage counts in the cycle of its time, also if it is late");
    assert_eq!(totals(store, "p").await, of_package, "a package has the cycles of its usage");
}

async fn a_renewal_begins_a_cycle_once(store: &dyn UsageStore) {
    let renewed = |ten_thousandths, at| {
        let mut entry = of_package(entry("a", ten_thousandths, at), "p");
        entry.cycle = Cycle::AtRenewal;
        entry
    };
    let before = Timestamp::from_unix_millis(end().as_unix_millis() - 1);
    record(store, vec![renewed(1, NOW)]).await;
    for (instance_id, at, is_new) in
        [("p", end(), true), ("p", end(), false), ("a", later(2 * HOUR), true), ("a", later(HOUR), true)]
    {
        let begun = ok("begin_cycle", store.begin_cycle(instance_id, at).await);
        assert_eq!(begun, is_new, "a cycle of {instance_id} begins once");
    }
    record(store, vec![renewed(20, before), renewed(300, end()), renewed(4000, later(HOUR))]).await;
    record(store, vec![renewed(50_000, later(3 * HOUR)), renewed(600_000, later(90 * MINUTE))]).await;
    let [first, second] = [HOUR, 2 * HOUR].map(|time| later(time).as_unix_millis());
    let of_instance = [(None, 0, 321), (None, first, 604_000), (None, second, 50_000)];
    assert_eq!(totals(store, "a").await, of_instance, "usage counts from the last renewal before it");
    let (begin, related) = (end().as_unix_millis(), || Some("a".to_owned()));
    let of_package = [(None, begin, 0), (related(), 0, 21), (related(), begin, 654_300)];
    assert_eq!(totals(store, "p").await, of_package, "a package has cycles of its own");
    assert!(!ok("begin_cycle", store.begin_cycle("p", end()).await), "a cycle with usage begins once");
    assert_eq!(totals(store, "p").await, of_package, "a repeated renewal changes nothing");
}

async fn a_statement_has_what_was_delivered_and_what_was_not(store: &dyn UsageStore) {
    let month: StatementMonth = ok("month", "2025-01".parse());
    let last = Timestamp::from_unix_millis(month.end().as_unix_millis() - 1);
    let of_page =
        async |after: Option<&StatementLine>, limit| ok("statement", store.statement(month, after, limit).await);
    assert_eq!(of_page(None, 9).await, [], "a new store has an empty statement");
    let in_p = |entry| of_package(entry, "p");
    let entries = vec![entry("a", 1, NOW), in_p(entry("a", 20, NOW)), entry("b", 300, NOW), entry("c", 4000, NOW)];
    record(store, entries).await;
    record(store, vec![entry("a", 1, end()), entry("d", 70_000, last), entry("a", 9, month.end())]).await;
    ok("close_periods", store.close_periods(Period::Hourly.around(end()).1).await);
    for record in claim(store, 1, later(2 * HOUR), 9).await {
        let outcome = match record.instance_id.as_str() {
            "a" => RecordOutcome::Delivered,
            "b" => RecordOutcome::Dead(refusal("012")),
            _ => RecordOutcome::Held { at: later(3 * HOUR) },
        };
        // Delivered twice, as by a former holder.
        for _ in 0..2 {
            settle(store, 1, &record, outcome.clone()).await;
        }
    }
    while ok("forget", store.forget(end().saturating_add(SECOND)).await) > 0 {}
    let line = |instance_id: &str, package: Option<&str>| {
        let mut line = StatementLine { instance_id: instance_id.to_owned(), ..StatementLine::default() };
        line.package_instance_id = package.map(str::to_owned);
        line
    };
    let expected = [
        StatementLine { delivered_records: 2, delivered_usage: amount(2), ..line("a", None) },
        StatementLine { delivered_records: 1, delivered_usage: amount(20), ..line("a", Some("p")) },
        StatementLine { refused_records: 1, refused_usage: amount(300), ..line("b", None) },
        StatementLine { waiting_records: 1, waiting_usage: amount(4000), ..line("c", None) },
        StatementLine { waiting_records: 1, waiting_usage: amount(70_000), ..line("d", None) },
    ];
    assert_eq!(of_page(None, 9).await, expected, "a statement has its month, also what was deleted");
    let mut paged: Vec<StatementLine> = Vec::new();
    while let Some(line) = of_page(paged.last(), 1).await.pop() {
        paged.push(line);
        assert!(paged.len() <= 5, "a page begins after the line asked for: {paged:?}");
    }
    assert_eq!(paged, expected, "pages hold all lines");
}
