//! Recording, and what becomes of sums.

use super::*;

pub(super) async fn usage_adds_up_per_instance_and_period(store: &dyn UsageStore) {
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

pub(super) async fn usage_with_an_id_counts_once(store: &dyn UsageStore) {
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

pub(super) async fn late_usage_counts_after_the_record_of_its_time(store: &dyn UsageStore) {
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

pub(super) async fn packages_share_the_time_of_their_instance(store: &dyn UsageStore) {
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

    let bought_late = of_package(entry("b", 10_000, later(10 * MINUTE)), "a");
    record(store, vec![bought_late, of_package(entry("b", 10_000, NOW), "z")]).await;
    ok("close_periods", store.close_periods(end()).await);
    let of_b = claim(store, 2, end(), 9).await;
    let begins: BTreeMap<_, _> =
        of_b.iter().map(|record| (record.relate_pkg_instance.as_deref(), record.begin_time)).collect();
    let expected = BTreeMap::from([(Some("a"), begin().saturating_add(10 * MINUTE)), (Some("z"), begin())]);
    assert_eq!(begins, expected, "a record begins with the first usage of its package");
}

pub(super) async fn a_large_sum_makes_several_records(store: &dyn UsageStore) {
    let largest = 999_999_999_999;
    record(store, (0..3).map(|_| entry("a", largest, NOW)).collect()).await;
    assert_eq!(ok("close_periods", store.close_periods(end()).await), 3, "a sum that is too large for a record");
    let claimed = claim(store, 1, end(), 9).await;
    assert!(claimed.iter().all(|record| record.usage_value == amount(largest)), "no usage is lost: {claimed:?}");
}

pub(super) async fn a_closed_instance_is_reported_up_to_its_end(store: &dyn UsageStore) {
    record(store, vec![entry("a", 10_000, NOW), entry("b", 1, NOW), entry("a", 1, end())]).await;
    let closed_at = later(90 * SECOND);
    assert_eq!(ok("close_instance", store.close_instance("a", closed_at).await), 2, "every sum of the instance");
    assert_eq!(ok("close_instance", store.close_instance("a", closed_at).await), 0, "a sum makes its records once");
    assert_eq!(status(store).await.open.records, 1, "sums of other instances stay open");
    let claimed = claim(store, 1, closed_at, 9).await;
    let first = claimed.iter().find(|record| record.usage_value == amount(10_000));
    let times = first.map(|record| (record.begin_time, record.end_time.as_unix_millis() / 1000));
    assert_eq!(times, Some((begin(), closed_at.as_unix_millis() / 1000)), "a record ends with its instance");
    record(store, vec![entry("c", 1, NOW)]).await;
    ok("close_instance", store.close_instance("c", end().saturating_add(HOUR)).await);
    let claimed_late = claim(store, 3, end(), 9).await;
    let times: Vec<_> = claimed_late.iter().map(|record| (record.end_time, record.record_time)).collect();
    assert_eq!(times, [(end(), end())], "a record of a period that ended before its instance has that end and time");

    record(store, vec![entry("a", 20_000, NOW)]).await;
    ok("close_periods", store.close_periods(end()).await);
    let claimed = claim(store, 2, end(), 9).await;
    let late = claimed.iter().find(|record| record.usage_value == amount(20_000));
    let is_after =
        late.is_some_and(|record| record.begin_time.as_unix_millis() / 1000 >= closed_at.as_unix_millis() / 1000);
    assert!(is_after, "usage that comes later is not lost: {claimed:?}");
}

pub(super) async fn records_of_the_same_times_get_different_numbers(store: &dyn UsageStore) {
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
