//! The suites for usage stores.

mod recording;
mod records;
mod totals;

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
    recording::usage_adds_up_per_instance_and_period(&make().await).await;
    recording::usage_with_an_id_counts_once(&make().await).await;
    recording::late_usage_counts_after_the_record_of_its_time(&make().await).await;
    recording::packages_share_the_time_of_their_instance(&make().await).await;
    recording::a_large_sum_makes_several_records(&make().await).await;
    recording::a_closed_instance_is_reported_up_to_its_end(&make().await).await;
    recording::records_of_the_same_times_get_different_numbers(&make().await).await;
    records::records_are_leased_once(&make().await).await;
    records::records_are_as_their_outcome_says(&make().await).await;
    records::a_former_holder_only_delivers(&make().await).await;
    records::a_record_is_corrected_under_its_number(&make().await).await;
    records::records_are_listed_in_pages(&make().await).await;
    records::old_records_and_ids_are_deleted(&make().await).await;
    totals::running_totals_have_all_usage_and_stay(&make().await).await;
    totals::usage_counts_in_the_cycle_of_its_time(&make().await).await;
    totals::a_renewal_begins_a_cycle_once(&make().await).await;
    totals::a_statement_has_what_was_delivered_and_what_was_not(&make().await).await;
    totals::a_corrected_package_takes_the_usage_over(&make().await).await;
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
