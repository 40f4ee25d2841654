//! The suite for ledgers from which old records can be deleted.

use std::time::Duration;

use futures_util::future::join_all;

use super::ledger::{begin, complete_at, create, instance, lease, note, perform_at, renew, status};
use super::{HOUR, NOW, SHORT, later, ok};
use crate::lease::Lease;
use crate::ledger::{Effect, LeaseOutcome, OrderKey, PrunableLedger, Pruned, Step, StepStatus};
use crate::timestamp::Timestamp;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// More than the suites make.
const MANY: usize = 1000;

/// Checks the rules of a [`PrunableLedger`]; `make` returns a new, empty ledger at every call.
///
/// # Panics
///
/// A rule is broken, or the ledger fails.
pub async fn prunable_ledger<L: PrunableLedger>(make: impl AsyncFn() -> L) {
    only_what_was_released_before_the_time_is_deleted(&make().await).await;
    a_purchase_of_what_is_deleted_is_a_new_one(&make().await).await;
    old_keys_are_deleted_but_those_of_purchases(&make().await).await;
    a_call_deletes_no_more_than_its_limit(&make().await).await;
    what_is_under_a_lease_is_not_deleted(&make().await).await;
    several_may_delete_at_the_same_time(&make().await).await;
}

async fn prune(ledger: &dyn PrunableLedger, before: Timestamp, limit: usize, now: Timestamp) -> Pruned {
    ok("prune", ledger.prune(before, limit, now).await)
}

async fn buy(ledger: &dyn PrunableLedger, id: &str, now: Timestamp) {
    perform_at(ledger, &create(OrderKey::new(format!("CS-{id}")), id), now).await;
}

async fn release(ledger: &dyn PrunableLedger, id: &str, now: Timestamp) {
    perform_at(ledger, &Step::on(id, Effect::Release), now).await;
}

async fn ids(ledger: &dyn PrunableLedger) -> Vec<String> {
    let listed = ok("instances", ledger.instances(None, MANY).await);
    listed.iter().map(|instance| instance.instance_id.clone()).collect()
}

async fn only_what_was_released_before_the_time_is_deleted(ledger: &dyn PrunableLedger) {
    for id in ["active", "frozen", "released-1", "released-2", "released-3"] {
        buy(ledger, id, NOW).await;
    }
    let creating = create(OrderKey::new("CS-creating"), "creating");
    begin(ledger, &creating, lease(1), NOW).await;
    ok("abandon", ledger.abandon("creating", lease(1)).await);
    perform_at(ledger, &Step::on("frozen", Effect::Freeze), NOW).await;
    perform_at(ledger, &renew("released-1", "a", later(HOUR)), NOW).await;
    for (id, days) in [("released-1", 1), ("released-2", 2), ("released-3", 3)] {
        release(ledger, id, later(DAY * days)).await;
    }
    // Noting something later does not move the time of release.
    perform_at(ledger, &note("released-1", "n"), later(DAY * 9)).await;

    let now = later(DAY * 10);
    assert_eq!(prune(ledger, NOW, MANY, now).await, Pruned::default(), "nothing is as old as the ledger");
    // Of the first: its purchase, a renewal and a note.
    let pruned = prune(ledger, later(DAY * 2), MANY, now).await;
    assert_eq!(pruned, Pruned::new(1, 3, false), "what was released before the time, and its keys");
    let kept = ["active", "creating", "frozen", "released-2", "released-3"];
    assert_eq!(ids(ledger).await, kept, "what is in use, and what was released at the time or after it, is kept");
    let pruned = prune(ledger, now, MANY, now).await;
    assert_eq!(pruned, Pruned::new(2, 2, false), "what was released before a later time");
    assert_eq!(ids(ledger).await, kept[..3], "what is in use is kept, however old");
    assert_eq!(prune(ledger, now, MANY, now).await, Pruned::default(), "everything was deleted already");
}

async fn a_purchase_of_what_is_deleted_is_a_new_one(ledger: &dyn PrunableLedger) {
    buy(ledger, "first", NOW).await;
    release(ledger, "first", NOW).await;
    let (again, freed) = (create(OrderKey::new("CS-first"), "second"), Step::on("first", Effect::Release));
    for step in [&again, &freed] {
        let found = status(ledger, step, NOW).await;
        assert!(matches!(found, StepStatus::Done(_)), "{step:?} is answered until it is deleted: {found:?}");
    }
    prune(ledger, later(HOUR), MANY, later(HOUR)).await;
    for step in [&again, &freed] {
        assert_eq!(status(ledger, step, NOW).await, StepStatus::Unknown, "{step:?} is unknown once it is deleted");
    }
    let outcome = perform_at(ledger, &again, NOW).await;
    assert!(matches!(outcome, LeaseOutcome::Run(_)), "the purchase is a new one: {outcome:?}");
    assert_eq!(instance(ledger, "second").await.handler_runs, 1, "runs of the new instance");
    let key = note("second", again.key().unwrap_or_default());
    assert!(matches!(status(ledger, &key, NOW).await, StepStatus::Done(_)), "the key of the new purchase is stored");
    let outcome = perform_at(ledger, &create(OrderKey::new("CS3"), "first"), NOW).await;
    assert!(matches!(outcome, LeaseOutcome::Run(_)), "the id of a deleted instance is free: {outcome:?}");
}

async fn old_keys_are_deleted_but_those_of_purchases(ledger: &dyn PrunableLedger) {
    buy(ledger, "id", NOW).await;
    let (old, recent) = (renew("id", "old", later(HOUR)), note("id", "recent"));
    perform_at(ledger, &old, later(DAY)).await;
    perform_at(ledger, &recent, later(DAY * 2)).await;
    let before = instance(ledger, "id").await;
    let pruned = prune(ledger, later(DAY * 2), MANY, later(DAY * 3)).await;
    assert_eq!(pruned, Pruned::new(0, 1, false), "one step was done before the time");
    let found = status(ledger, &old, NOW).await;
    assert!(matches!(found, StepStatus::Open { .. }), "an old key is deleted: {found:?}");
    let purchase = create(OrderKey::new("CS-id"), "id");
    for step in [&recent, &note("id", purchase.key().unwrap_or_default()), &purchase] {
        let found = status(ledger, step, NOW).await;
        assert!(matches!(found, StepStatus::Done(_)), "{step:?} is kept: {found:?}");
    }
    assert_eq!(instance(ledger, "id").await, before, "the instance stays as it is");
}

async fn a_call_deletes_no_more_than_its_limit(ledger: &dyn PrunableLedger) {
    for index in 0..5 {
        let id = format!("id{index}");
        buy(ledger, &id, NOW).await;
        release(ledger, &id, NOW).await;
    }
    buy(ledger, "active", NOW).await;
    for key in ["a", "b", "c"] {
        perform_at(ledger, &note("active", key), NOW).await;
    }
    let now = later(HOUR);
    let pruned = [prune(ledger, now, 2, now).await, prune(ledger, now, 2, now).await, prune(ledger, now, 2, now).await];
    let expected = [Pruned::new(2, 4, true), Pruned::new(2, 3, true), Pruned::new(1, 1, false)];
    assert_eq!(pruned, expected, "at most two instances with their keys, and two keys besides");
    assert_eq!(ids(ledger).await, ["active"], "all are deleted in the end");
}

async fn what_is_under_a_lease_is_not_deleted(ledger: &dyn PrunableLedger) {
    for id in ["busy", "left"] {
        buy(ledger, id, NOW).await;
        release(ledger, id, NOW).await;
    }
    let (now, step) = (later(DAY), note("busy", "n"));
    begin(ledger, &step, lease(1), now).await;
    // As a process that ended leaves it.
    begin(ledger, &note("left", "n"), Lease::new(2, SHORT), NOW).await;
    std::thread::sleep(2 * SHORT);
    assert_eq!(prune(ledger, now, MANY, now).await.instances, 1, "a lease that is over protects nothing");
    assert_eq!(ids(ledger).await, ["busy"], "an instance at work is kept");
    let outcome = ledger.complete(&step, "busy", lease(1), now).await;
    assert!(outcome.is_ok(), "the work goes on: {outcome:?}");
    let (pruned, now) = (prune(ledger, now, MANY, now).await, later(DAY * 2));
    assert_eq!(pruned.instances, 1, "an instance is deleted once the work on it is done");

    // An old step of an instance that is in use.
    buy(ledger, "id", NOW).await;
    let renewal = renew("id", "a", later(HOUR));
    begin(ledger, &renewal, lease(3), NOW).await;
    prune(ledger, now, MANY, now).await;
    complete_at(ledger, &renewal, "id", lease(3), now).await;
    prune(ledger, now, MANY, now).await;
    let found = status(ledger, &renewal, now).await;
    assert!(matches!(found, StepStatus::Done(_)), "a step is as old as its end: {found:?}");
}

async fn several_may_delete_at_the_same_time(ledger: &dyn PrunableLedger) {
    let ids_of = |index: usize| format!("id{index:02}");
    for index in 0..24 {
        buy(ledger, &ids_of(index), NOW).await;
        release(ledger, &ids_of(index), NOW).await;
    }
    let now = later(DAY);
    let deletions = (0..8).map(|_| async move { prune(ledger, now, 5, now).await.instances });
    // Purchases that are repeated meanwhile are done before or new.
    let repeats = (0..24).map(|index| async move {
        let step = create(OrderKey::new(format!("CS-{}", ids_of(index))), &format!("new-{index}"));
        begin(ledger, &step, lease(100 + index as u128), now).await
    });
    let (deleted, repeated) = futures_util::future::join(join_all(deletions), join_all(repeats)).await;
    let mut deleted: usize = deleted.iter().sum();
    while let more @ 1.. = prune(ledger, now, 5, now).await.instances {
        deleted += more;
    }
    assert_eq!(deleted, 24, "every instance is deleted once");
    let made = repeated.iter().filter(|outcome| matches!(outcome, LeaseOutcome::Run(_))).count();
    let is_known = |outcome: &LeaseOutcome| {
        matches!(outcome, LeaseOutcome::Run(_) | LeaseOutcome::Done(_) | LeaseOutcome::IdTaken)
    };
    assert!(repeated.iter().all(is_known), "a purchase is done, or a new one: {repeated:?}");
    assert_eq!(ids(ledger).await.len(), made, "new instances are kept");
}
