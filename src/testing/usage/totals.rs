//! Running totals and statements.

use super::*;

pub(super) async fn running_totals_have_all_usage_and_stay(store: &dyn UsageStore) {
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

pub(super) async fn usage_counts_in_the_cycle_of_its_time(store: &dyn UsageStore) {
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

pub(super) async fn a_renewal_begins_a_cycle_once(store: &dyn UsageStore) {
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

pub(super) async fn a_statement_has_what_was_delivered_and_what_was_not(store: &dyn UsageStore) {
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

pub(super) async fn a_corrected_package_takes_the_usage_over(store: &dyn UsageStore) {
    record(store, vec![of_package(entry("a", 70, NOW), "p"), of_package(entry("b", 5, NOW), "p")]).await;
    ok("close_periods", store.close_periods(end()).await);
    let (to_none, to_q) = (Correction::default(), correction_to("q"));
    for record in claim(store, 1, end(), 9).await {
        settle(store, 1, &record, RecordOutcome::Fix(refusal("017"))).await;
        let correction = if record.instance_id == "a" { &to_q } else { &to_none };
        for is_first in [true, false] {
            let corrected = store.correct(&record.metering_sn, correction.clone(), Cycle::Never, end()).await;
            assert_eq!(ok("correct", corrected), is_first, "a record is corrected once");
        }
    }
    let of_p = [(Some("a".to_owned()), 0, 0), (Some("b".to_owned()), 0, 5)];
    assert_eq!(totals(store, "p").await, of_p, "the former package has lost the usage of the record");
    assert_eq!(totals(store, "q").await, [(Some("a".to_owned()), 0, 70)], "the new one has it");
    assert_eq!(totals(store, "a").await, [(None, 0, 70)], "the instance has it as before");

    // From no package to one.
    record(store, vec![entry("c", 9, NOW)]).await;
    ok("close_periods", store.close_periods(end()).await);
    let of_c = claim(store, 2, end(), 9).await.into_iter().find(|record| record.instance_id == "c");
    let of_c = of_c.unwrap_or_else(|| panic!("usage of c has a record"));
    settle(store, 2, &of_c, RecordOutcome::Dead(refusal("012"))).await;
    ok("correct", store.correct(&of_c.metering_sn, correction_to("q"), Cycle::Never, end()).await);
    let of_q = [(Some("a".to_owned()), 0, 70), (Some("c".to_owned()), 0, 9)];
    assert_eq!(totals(store, "q").await, of_q, "a package has usage that had none before");

    // From a package, which was refunded perhaps, to none.
    let of_c = claim(store, 3, end(), 9).await.into_iter().find(|record| record.instance_id == "c");
    let of_c = of_c.unwrap_or_else(|| panic!("a corrected record is due"));
    settle(store, 3, &of_c, RecordOutcome::Fix(refusal("018"))).await;
    ok("correct", store.correct(&of_c.metering_sn, correction_to(""), Cycle::Never, end()).await);
    let again = claim(store, 4, end(), 9).await.into_iter().find(|record| record.instance_id == "c");
    assert_eq!(again.map(|record| record.relate_pkg_instance), Some(None), "a record that is corrected to no package");
    let of_q = [(Some("a".to_owned()), 0, 70), (Some("c".to_owned()), 0, 0)];
    assert_eq!(totals(store, "q").await, of_q, "the former package has lost it");
    assert_eq!(totals(store, "c").await, [(None, 0, 9)], "the instance has it as before");
    assert_eq!(totals(store, "").await, [], "no package has a total");
}

fn correction_to(package: &str) -> Correction {
    Correction { package_instance_id: Some(package.to_owned()), ..Correction::default() }
}
