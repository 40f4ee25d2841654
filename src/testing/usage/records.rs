//! Records: leased, settled, corrected, listed and deleted.

use super::*;

pub(super) async fn records_are_leased_once(store: &dyn UsageStore) {
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

pub(super) async fn records_are_as_their_outcome_says(store: &dyn UsageStore) {
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

pub(super) async fn a_former_holder_only_delivers(store: &dyn UsageStore) {
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

pub(super) async fn a_record_is_corrected_under_its_number(store: &dyn UsageStore) {
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
        let corrected = store.correct(&record.metering_sn, correction.clone(), Cycle::Never, now).await;
        assert_eq!(ok("correct", corrected), is_correctable, "correction of a record that is {}", record.instance_id);
    }
    assert!(
        !ok("correct", store.correct("unknown", correction, Cycle::Never, now).await),
        "correction of an unknown record"
    );
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

pub(super) async fn records_are_listed_in_pages(store: &dyn UsageStore) {
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

pub(super) async fn old_records_and_ids_are_deleted(store: &dyn UsageStore) {
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
