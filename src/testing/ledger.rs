//! The suites for ledgers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::{HOUR, NOW, SECOND, SHORT, Time, later, ok, yield_now};
use crate::lease::Lease;
use crate::ledger::{Effect, Instance, LeaseOutcome, Ledger, LedgerError, OrderKey, State, Step, StepStatus, Target};
use crate::timestamp::Timestamp;

/// Checks the rules of a [`Ledger`]; `make` returns a new, empty ledger at every call.
///
/// # Panics
///
/// A rule is broken, or the ledger fails.
pub async fn ledger<L: Ledger>(make: impl AsyncFn() -> L) {
    the_id_of_an_order_is_fixed_before_any_work(&make().await).await;
    purchases_differ_by_every_part_of_their_key(&make().await).await;
    a_purchase_is_stored_with_its_key(&make().await).await;
    a_lease_excludes_others_until_it_ends(&make().await).await;
    every_lease_has_a_greater_number(&make().await).await;
    steps_are_done_once(&make().await).await;
    a_call_from_before_undoes_nothing(&make().await).await;
    a_status_that_was_cut_off_is_unsettled(&make().await).await;
    an_unfinished_instance_can_only_be_finished_or_released(&make().await).await;
    texts_are_kept_as_they_are(&make().await).await;
    instances_are_listed_in_pages(&make().await).await;
    let one = make().await;
    copies_at_the_same_time_get_one_lease([&one, &one]).await;
}

/// Checks the rules of a [`Ledger`] that several processes share; `open` opens the same ledger at every call. It is
/// empty at first, and not dropped until the suite is done.
///
/// # Panics
///
/// A rule is broken, or the ledger fails.
pub async fn shared_ledger<L: Ledger>(open: impl AsyncFn() -> L) {
    everything_is_kept_over_a_restart(&open).await;
    let (one, other) = (open().await, open().await);
    let ledgers: [&dyn Ledger; 2] = [&one, &other];
    copies_at_the_same_time_get_one_lease(ledgers).await;
    orders_at_the_same_time_get_different_ids(ledgers).await;
    a_step_is_done_once_by_many_at_the_same_time(ledgers).await;
}

/// Checks that a [`Ledger`] that several machines share decides about leases by its own clock, whatever time the caller
/// has; `open` opens the same ledger at every call. It is empty at first.
///
/// # Panics
///
/// A rule is broken, or the ledger fails.
pub async fn replicated_ledger<L: Ledger>(open: impl AsyncFn() -> L) {
    let (one, other) = (open().await, open().await);
    let ledgers: [&dyn Ledger; 2] = [&one, &other];
    for (index, ahead) in [4 * SECOND, 30 * SECOND, 24 * HOUR].into_iter().enumerate() {
        let (id, fast) = (format!("skewed{index}"), later(ahead));
        let step = create(OrderKey::new(&*id), &id);
        begin(ledgers[0], &step, Lease::new(1, 3 * SECOND), NOW).await;
        let outcome = begin(ledgers[1], &step, lease(2), fast).await;
        let is_held = matches!(outcome, LeaseOutcome::Busy { lease_left, .. } if lease_left <= 3 * SECOND);
        assert!(is_held, "a caller that is {ahead:?} ahead takes no lease: {outcome:?}");
        let found = status(ledgers[1], &step, fast).await;
        let is_held = matches!(found, StepStatus::Open { lease_left, .. } if !lease_left.is_zero());
        assert!(is_held, "a caller that is {ahead:?} ahead sees the lease: {found:?}");

        // One that is ahead keeps it for no longer than it says.
        abandon(ledgers[0], &id, lease(1)).await;
        begin(ledgers[1], &step, Lease::new(2, SHORT), fast).await;
        let outcome = begin_when_over(ledgers[0], &step, lease(3), Time::from(NOW)).await;
        assert!(matches!(outcome, LeaseOutcome::Run(_)), "a lease ends after its duration: {outcome:?}");
        ok("extend", ledgers[0].extend(&id, Lease::new(3, SHORT), fast).await);
        let outcome = begin_when_over(ledgers[1], &step, lease(4), Time::from(NOW)).await;
        assert!(matches!(outcome, LeaseOutcome::Run(_)), "an extended lease ends after its duration: {outcome:?}");
        complete(ledgers[1], &step, &id, lease(4)).await;
    }
}

pub(super) fn lease(holder: u128) -> Lease {
    Lease::new(holder, HOUR)
}

pub(super) fn create(order: OrderKey, id: &str) -> Step {
    let effect = Effect::Create { product_id: Some("P1".to_owned()), expire_time: None };
    Step::new(Target::Purchase { order, proposed_id: id.to_owned() }, effect)
}

pub(super) fn renew(id: &str, key: &str, expire_time: Timestamp) -> Step {
    Step::on(id, Effect::Renew { key: key.to_owned(), expire_time, product_id: None, unfreezes: false })
}

pub(super) fn note(id: &str, key: &str) -> Step {
    Step::on(id, Effect::Note { key: key.to_owned() })
}

pub(super) async fn status(ledger: &dyn Ledger, step: &Step, now: Timestamp) -> StepStatus {
    ok("status", ledger.status(step, now).await)
}

pub(super) async fn begin(ledger: &dyn Ledger, step: &Step, lease: Lease, now: Timestamp) -> LeaseOutcome {
    ok("begin", ledger.begin(step, lease, now).await)
}

/// Begins once a short lease of another holder is over, for which it waits as a service does.
async fn begin_when_over(ledger: &dyn Ledger, step: &Step, lease: Lease, time: Time) -> LeaseOutcome {
    let attempt = async |now| match status(ledger, step, now).await {
        StepStatus::Open { lease_left, .. } if !lease_left.is_zero() => {
            // Its end is rounded up to a millisecond, and the clock down.
            let most = SHORT + Duration::from_millis(1);
            assert!(lease_left <= most, "no more is left of a lease than its duration: {lease_left:?}");
            None
        }
        _ => Some(begin(ledger, step, lease, now).await),
    };
    time.when_over(attempt).await
}

async fn complete(ledger: &dyn Ledger, step: &Step, id: &str, lease: Lease) -> Arc<Instance> {
    complete_at(ledger, step, id, lease, NOW).await
}

pub(super) async fn complete_at(
    ledger: &dyn Ledger,
    step: &Step,
    id: &str,
    lease: Lease,
    now: Timestamp,
) -> Arc<Instance> {
    ok("complete", ledger.complete(step, id, lease, now).await)
}

async fn abandon(ledger: &dyn Ledger, id: &str, lease: Lease) {
    ok("abandon", ledger.abandon(id, lease).await);
}

pub(super) async fn instance(ledger: &dyn Ledger, id: &str) -> Arc<Instance> {
    ok("instance", ledger.instance(id).await).unwrap_or_else(|| panic!("instance {id:?} is missing"))
}

/// Does a step as a service does.
async fn perform(ledger: &dyn Ledger, step: &Step) -> LeaseOutcome {
    perform_at(ledger, step, NOW).await
}

pub(super) async fn perform_at(ledger: &dyn Ledger, step: &Step, now: Timestamp) -> LeaseOutcome {
    let outcome = begin(ledger, step, lease(7), now).await;
    if let LeaseOutcome::Run(instance) = &outcome {
        complete_at(ledger, step, &instance.instance_id, lease(7), now).await;
    }
    outcome
}

async fn the_id_of_an_order_is_fixed_before_any_work(ledger: &dyn Ledger) {
    let first = create(OrderKey::new("CS1"), "first");
    assert_eq!(status(ledger, &first, NOW).await, StepStatus::Unknown, "status of an order that was not seen before");
    let outcome = begin(ledger, &first, lease(1), NOW).await;
    let LeaseOutcome::Run(instance) = &outcome else {
        panic!("begin of a new order grants the lease, not {outcome:?}")
    };
    assert_eq!(instance.handler_runs, 0, "begin returns the instance as it was before the step");
    let second = create(OrderKey::new("CS1"), "second");
    let outcome = begin(ledger, &second, lease(2), NOW).await;
    let LeaseOutcome::Busy { instance, .. } = &outcome else {
        panic!("an order under a lease is busy, not {outcome:?}")
    };
    let seen = (instance.instance_id.as_str(), instance.state);
    assert_eq!(seen, ("first", State::Creating), "the first proposed id is kept");

    abandon(ledger, "first", lease(1)).await;
    let outcome = begin(ledger, &second, lease(2), NOW).await;
    let LeaseOutcome::Run(instance) = &outcome else { panic!("an abandoned step can be begun, not {outcome:?}") };
    assert_eq!((instance.instance_id.as_str(), instance.handler_runs), ("first", 1), "an abandoned run counts");
    let done = complete(ledger, &second, "first", lease(2)).await;
    let stored = (done.state, done.product_id.as_deref(), done.handler_runs);
    assert_eq!(stored, (State::Active, Some("P1"), 2), "complete returns the instance after the step");
    assert_eq!(status(ledger, &first, NOW).await, StepStatus::Done(done), "status of a completed order");
    let outcome = begin(ledger, &first, lease(3), NOW).await;
    assert!(matches!(outcome, LeaseOutcome::Done(_)), "a completed order is done, not {outcome:?}");
    assert_eq!(instance_count(ledger).await, 1, "one order has one instance");
}

async fn instance_count(ledger: &dyn Ledger) -> usize {
    ok("instances", ledger.instances(None, 1000).await).len()
}

async fn purchases_differ_by_every_part_of_their_key(ledger: &dyn Ledger) {
    let orders = [
        OrderKey::new("CS1"),
        OrderKey::new("CS1").with_order_line("1"),
        OrderKey::new("CS1").with_product("1"),
        OrderKey::new("CS1").with_order_line("1").with_product("1"),
        OrderKey::new("cs1"),
    ];
    for (index, order) in orders.iter().enumerate() {
        let outcome = perform(ledger, &create(order.clone(), &format!("id{index}"))).await;
        assert!(matches!(outcome, LeaseOutcome::Run(_)), "{order:?} is another purchase, not {outcome:?}");
    }
    for (index, order) in orders.iter().enumerate() {
        let stored = instance(ledger, &format!("id{index}")).await;
        assert_eq!(&stored.order, order, "the order of an instance is kept");
    }
    let taken = create(OrderKey::new("CS2"), "id0");
    assert_eq!(begin(ledger, &taken, lease(1), NOW).await, LeaseOutcome::IdTaken, "an id belongs to one instance");
    assert_eq!(
        status(ledger, &taken, NOW).await,
        StepStatus::Unknown,
        "nothing is stored for an order whose id is taken"
    );
    let outcome = perform(ledger, &create(OrderKey::new("CS2"), "another")).await;
    assert!(matches!(outcome, LeaseOutcome::Run(_)), "an order may propose another id, not {outcome:?}");
}

async fn a_purchase_is_stored_with_its_key(ledger: &dyn Ledger) {
    let purchase = create(OrderKey::new("CS1").with_order_line("L1"), "id");
    let key = note("id", purchase.key().unwrap_or_default());
    assert_eq!(status(ledger, &key, NOW).await, StepStatus::Unknown, "status of a note on an unknown instance");
    begin(ledger, &purchase, lease(1), NOW).await;
    for step in [&purchase, &Step::on("id", Effect::Release)] {
        let found = status(ledger, &key, NOW).await;
        assert!(matches!(found, StepStatus::Done(_)), "begin stores the key of a new purchase: {found:?}");
        // There is no lease any more after the first round.
        let _ = ledger.abandon("id", lease(1)).await;
        begin(ledger, step, lease(1), NOW).await;
        complete(ledger, step, "id", lease(1)).await;
    }
    let found = status(ledger, &key, NOW).await;
    let StepStatus::Done(instance) = &found else { panic!("a stored key stays, also after a release: {found:?}") };
    assert_eq!(instance.state, State::Released, "state after a release");

    perform(ledger, &create(OrderKey::new("CS2"), "other")).await;
    let seen = note("other", "seen");
    let found = status(ledger, &seen, NOW).await;
    assert!(matches!(found, StepStatus::Open { .. }), "a key belongs to one instance: {found:?}");
    let outcome = perform(ledger, &seen).await;
    assert!(matches!(outcome, LeaseOutcome::Run(_)), "a new note is run, not {outcome:?}");
    let outcome = perform(ledger, &seen).await;
    let LeaseOutcome::Done(instance) = &outcome else { panic!("a note is done once, not {outcome:?}") };
    let stored = (instance.state, instance.product_id.as_deref());
    assert_eq!(stored, (State::Active, Some("P1")), "a note changes nothing else");
}

async fn a_lease_excludes_others_until_it_ends(ledger: &dyn Ledger) {
    let step = create(OrderKey::new("CS1"), "id");
    let time = Time::from(NOW);
    begin(ledger, &step, Lease::new(1, SHORT), time.now()).await;
    ok("extend", ledger.extend("id", lease(1), time.now()).await);
    std::thread::sleep(2 * SHORT);
    let is_most = |left: Duration| left > HOUR - 60 * SECOND && left <= HOUR;
    let outcome = begin(ledger, &step, lease(2), time.now()).await;
    let LeaseOutcome::Busy { lease_left, .. } = outcome else { panic!("an extended lease holds, not {outcome:?}") };
    assert!(is_most(lease_left), "what is left of a lease of an hour: {lease_left:?}");
    let found = status(ledger, &step, time.now()).await;
    let StepStatus::Open { lease_left, .. } = found else { panic!("a step at work is not done: {found:?}") };
    assert!(is_most(lease_left), "the status has what is left of a lease of an hour: {lease_left:?}");
    ok("extend", ledger.extend("id", Lease::new(1, SHORT), time.now()).await);
    let outcome = begin_when_over(ledger, &step, lease(2), time).await;
    assert!(matches!(outcome, LeaseOutcome::Run(_)), "a lease is over at its end, not {outcome:?}");

    let lost = |outcome: &Result<(), LedgerError>| matches!(outcome, Err(LedgerError::LeaseLost(_)));
    let extended = ledger.extend("id", lease(1), NOW).await;
    assert!(lost(&extended), "extend by a former holder: {extended:?}");
    let abandoned = ledger.abandon("id", lease(1)).await;
    assert!(lost(&abandoned), "abandon by a former holder: {abandoned:?}");
    let completed = ledger.complete(&step, "id", lease(1), NOW).await.map(|_| ());
    assert!(lost(&completed), "complete by a former holder: {completed:?}");
    assert_eq!(instance(ledger, "id").await.state, State::Creating, "a former holder changes nothing");
    complete(ledger, &step, "id", lease(2)).await;

    let extended = ledger.extend("id", lease(2), NOW).await;
    assert!(lost(&extended), "complete ends the lease: {extended:?}");
    let extended = ledger.extend("nobody", lease(2), NOW).await;
    assert!(lost(&extended), "an unknown instance has no lease: {extended:?}");

    // Without another holder, a lease that is over can still be used.
    let freeze = Step::on("id", Effect::Freeze);
    begin(ledger, &freeze, Lease::new(3, SHORT), NOW).await;
    std::thread::sleep(2 * SHORT);
    ok("extend", ledger.extend("id", Lease::new(3, SHORT), later(2 * SHORT)).await);
    std::thread::sleep(2 * SHORT);
    let found = status(ledger, &freeze, later(HOUR)).await;
    let is_free = matches!(found, StepStatus::Open { lease_left: Duration::ZERO, .. });
    assert!(is_free, "nothing is left of a lease that is over: {found:?}");
    let done = ok("complete", ledger.complete(&freeze, "id", lease(3), later(HOUR)).await);
    assert_eq!(done.state, State::Frozen, "a holder that was late but had no successor may complete");
}

/// By the number, whatever a handler writes to can refuse a holder that has been succeeded.
async fn every_lease_has_a_greater_number(ledger: &dyn Ledger) {
    let step = create(OrderKey::new("CS1"), "id");
    begin(ledger, &step, Lease::new(1, SHORT), NOW).await;
    let outcome = begin_when_over(ledger, &step, lease(2), Time::from(NOW)).await;
    let LeaseOutcome::Run(instance) = &outcome else { panic!("a lease is over at its end, not {outcome:?}") };
    assert_eq!(instance.handler_runs, 1, "a lease that ended counts");
    abandon(ledger, "id", lease(2)).await;
    let outcome = perform(ledger, &step).await;
    let LeaseOutcome::Run(instance) = &outcome else { panic!("an abandoned step can be begun, not {outcome:?}") };
    assert_eq!(instance.handler_runs, 2, "an abandoned lease counts");
    let outcome = perform(ledger, &renew("id", "a", later(HOUR))).await;
    let LeaseOutcome::Run(instance) = &outcome else { panic!("a renewal can be begun, not {outcome:?}") };
    assert_eq!(instance.handler_runs, 3, "a lease of another step counts");
}

async fn steps_are_done_once(ledger: &dyn Ledger) {
    perform(ledger, &create(OrderKey::new("CS1"), "id")).await;
    let expiry = |days: u32| later(24 * HOUR * days);
    let upgrade =
        |key: &str| Step::on("id", Effect::Upgrade { key: key.to_owned(), product_id: Some("P2".to_owned()) });
    for (step, runs) in [
        (renew("id", "a", expiry(30)), true),
        (renew("id", "b", expiry(10)), true),
        (renew("id", "a", expiry(30)), false),
        (Step::on("id", Effect::Unfreeze), false),
        (Step::on("id", Effect::Freeze), true),
        (Step::on("id", Effect::Freeze), false),
        (Step::on("id", Effect::Unfreeze), true),
        (upgrade("a"), false),
        (upgrade("c"), true),
    ] {
        let outcome = perform(ledger, &step).await;
        assert_eq!(matches!(outcome, LeaseOutcome::Run(_)), runs, "{step:?} after the steps before it: {outcome:?}");
    }
    let stored = instance(ledger, "id").await;
    assert_eq!(stored.expire_time, Some(expiry(10)), "a late copy of a renewal does not move the expiry again");
    assert_eq!(stored.product_id.as_deref(), Some("P2"), "product after an upgrade");
    assert_eq!(stored.handler_runs, 6, "every run counts");

    let release = Step::on("id", Effect::Release);
    let outcome = perform(ledger, &release).await;
    assert!(matches!(outcome, LeaseOutcome::Run(_)), "a first release is run, not {outcome:?}");
    let outcome = perform(ledger, &release).await;
    assert!(matches!(outcome, LeaseOutcome::Done(_)), "a second release is done, not {outcome:?}");
    for id in ["id", "nobody"] {
        let outcome = perform(ledger, &renew(id, "d", expiry(1))).await;
        assert_eq!(outcome, LeaseOutcome::Unknown, "a released or unknown instance has no renewals");
    }
    assert_eq!(ok("instance", ledger.instance("nobody").await), None, "an unknown instance");
}

async fn a_call_from_before_undoes_nothing(ledger: &dyn Ledger) {
    perform(ledger, &create(OrderKey::new("CS1"), "id").with_signed_at(later(100 * SECOND))).await;
    let end_freeze = |key: &str| {
        let (key, expire_time) = (key.to_owned(), later(HOUR));
        Effect::Renew { key, expire_time, product_id: None, unfreezes: true }
    };
    for (effect, signed_at, is_run, state) in [
        (Effect::Freeze, Some(10), true, State::Frozen),
        (Effect::Unfreeze, Some(9), false, State::Frozen),
        (Effect::Unfreeze, Some(10), true, State::Active),
        (Effect::Freeze, Some(9), false, State::Active),
        // Is so already, which is noted.
        (Effect::Unfreeze, Some(12), true, State::Active),
        (Effect::Unfreeze, Some(12), false, State::Active),
        (Effect::Freeze, Some(11), false, State::Active),
        (Effect::Freeze, None, true, State::Frozen),
        (Effect::Unfreeze, Some(9), false, State::Frozen),
        (end_freeze("older"), Some(9), true, State::Frozen),
        (end_freeze("newer"), Some(20), true, State::Active),
        (Effect::Freeze, Some(15), false, State::Active),
        (Effect::Release, Some(15), false, State::Active),
        (Effect::Release, Some(30), true, State::Released),
        (Effect::Release, Some(15), false, State::Released),
    ] {
        let step = Step::on("id", effect).with_signed_at(signed_at.map(|seconds| later(seconds * SECOND)));
        let found = status(ledger, &step, NOW).await;
        assert_eq!(matches!(found, StepStatus::Open { .. }), is_run, "status of {step:?}: {found:?}");
        let outcome = perform(ledger, &step).await;
        assert_eq!(matches!(outcome, LeaseOutcome::Run(_)), is_run, "{step:?} after the steps before it: {outcome:?}");
        assert_eq!(instance(ledger, "id").await.state, state, "state after {step:?}");
    }
    let stored = instance(ledger, "id").await;
    assert_eq!(stored.expire_time, Some(later(HOUR)), "a renewal from before a freeze renews all the same");
    assert_eq!(stored.status_signed_at, Some(later(30 * SECOND)), "time of the last change of the status");
}

async fn a_status_that_was_cut_off_is_unsettled(ledger: &dyn Ledger) {
    perform(ledger, &create(OrderKey::new("CS1"), "id")).await;
    let at = |seconds| later(seconds * SECOND);
    let freeze = Step::on("id", Effect::Freeze).with_signed_at(at(10));
    perform(ledger, &Step::on("id", Effect::Unfreeze).with_signed_at(at(5))).await;
    begin(ledger, &freeze, lease(1), NOW).await;
    assert!(instance(ledger, "id").await.status_unsettled, "a freeze that has begun leaves the status open");
    abandon(ledger, "id", lease(1)).await;
    perform(ledger, &renew("id", "a", later(HOUR))).await;
    let stored = instance(ledger, "id").await;
    assert_eq!((stored.state, stored.status_unsettled), (State::Active, true), "nothing else settles it");
    // Active already, but perhaps not in the seller's system.
    let copy = Step::on("id", Effect::Unfreeze).with_signed_at(at(5));
    let found = status(ledger, &copy, NOW).await;
    assert!(matches!(found, StepStatus::Done(_)), "a copy of the last change settles nothing: {found:?}");
    for signed_at in [None, Some(at(10)), Some(at(20))] {
        let unfreeze = Step::on("id", Effect::Unfreeze).with_signed_at(signed_at);
        assert!(!unfreeze.confirms(&stored), "an unsettled status is not confirmed");
        let found = status(ledger, &unfreeze, NOW).await;
        assert!(matches!(found, StepStatus::Open { .. }), "an unsettled status is open: {found:?}");
    }
    let unfreeze = Step::on("id", Effect::Unfreeze).with_signed_at(at(20));
    let outcome = perform(ledger, &unfreeze).await;
    let LeaseOutcome::Run(before) = &outcome else { panic!("an unsettled status is settled: {outcome:?}") };
    assert!(before.status_unsettled, "begin returns the instance as it was before the step");
    assert!(!instance(ledger, "id").await.status_unsettled, "a status that was changed is settled");
    // As a repeat of the call, for which no handler runs.
    let again = Step::on("id", Effect::Unfreeze).with_signed_at(at(30));
    begin(ledger, &again, lease(2), NOW).await;
    assert!(!instance(ledger, "id").await.status_unsettled, "what only confirms the status leaves it settled");
    abandon(ledger, "id", lease(2)).await;
}

async fn an_unfinished_instance_can_only_be_finished_or_released(ledger: &dyn Ledger) {
    let step = create(OrderKey::new("CS1"), "id");
    begin(ledger, &step, lease(1), NOW).await;
    abandon(ledger, "id", lease(1)).await;
    let outcome = perform(ledger, &Step::on("id", Effect::Freeze)).await;
    assert!(matches!(outcome, LeaseOutcome::NotCreated(_)), "an unfinished instance is not frozen: {outcome:?}");
    let outcome = perform(ledger, &Step::on("id", Effect::Release)).await;
    assert!(matches!(outcome, LeaseOutcome::Run(_)), "an unfinished instance can be released: {outcome:?}");
    let outcome = perform(ledger, &step).await;
    assert!(matches!(outcome, LeaseOutcome::Done(_)), "a released order is not revived: {outcome:?}");
}

async fn texts_are_kept_as_they_are(ledger: &dyn Ledger) {
    let long = "x".repeat(200);
    for (index, text) in ["a'b\"c", "%_\\", "编号", "A", "a", " a ", &long].into_iter().enumerate() {
        let order = OrderKey::new(text).with_order_line(text).with_product(text);
        let outcome = perform(ledger, &create(order.clone(), text)).await;
        assert!(matches!(outcome, LeaseOutcome::Run(_)), "{text:?} is another id: {outcome:?}");
        let outcome = perform(ledger, &renew(text, text, later(HOUR))).await;
        assert!(matches!(outcome, LeaseOutcome::Run(_)), "{text:?} is another key: {outcome:?}");
        let found = instance(ledger, text).await;
        assert_eq!((found.instance_id.as_str(), &found.order), (text, &order), "ids are kept as they are");
        assert_eq!(instance_count(ledger).await, index + 1, "ids are compared byte by byte");
    }
}

async fn instances_are_listed_in_pages(ledger: &dyn Ledger) {
    assert_eq!(instance_count(ledger).await, 0, "a new ledger is empty");
    let mut ids: Vec<String> = (0..25).map(|index| format!("id{index:02}")).collect();
    ids.extend(["ID".to_owned(), "id-".to_owned(), "编".to_owned()]);
    for (index, id) in ids.iter().enumerate() {
        perform(ledger, &create(OrderKey::new(format!("CS{index}")), id)).await;
    }
    let mut listed: Vec<String> = Vec::new();
    loop {
        let page = ok("instances", ledger.instances(listed.last().map(String::as_str), 10).await);
        assert!(page.len() <= 10, "a page has at most the number of instances asked for");
        if page.is_empty() {
            break;
        }
        listed.extend(page.iter().map(|instance| instance.instance_id.clone()));
        assert!(listed.len() <= ids.len(), "a page begins after the id asked for: {listed:?}");
    }
    ids.sort();
    assert_eq!(listed, ids, "pages are in the order of the bytes of ids");
    assert_eq!(ok("instances", ledger.instances(None, 0).await), [], "a page of no instances");
}

async fn copies_at_the_same_time_get_one_lease(ledgers: [&dyn Ledger; 2]) {
    let tries = (0..40).map(|index| async move {
        let step = create(OrderKey::new("copies"), &format!("copy{index}"));
        begin(ledgers[index % 2], &step, lease(index as u128), NOW).await
    });
    let begun = join_all(tries).await;
    let running = begun.iter().filter(|outcome| matches!(outcome, LeaseOutcome::Run(_))).count();
    assert_eq!(running, 1, "one copy of an order gets the lease: {begun:?}");
    let busy = begun.iter().filter(|outcome| matches!(outcome, LeaseOutcome::Busy { .. })).count();
    assert_eq!(busy, 39, "the other copies of an order are busy: {begun:?}");
    let listed = ok("instances", ledgers[0].instances(None, 1000).await);
    let of_order = listed.iter().filter(|instance| instance.order.order_id == "copies").count();
    assert_eq!(of_order, 1, "copies of an order have one instance: {listed:?}");
}

async fn orders_at_the_same_time_get_different_ids(ledgers: [&dyn Ledger; 2]) {
    let tries = (0..40).map(|index| async move {
        let step = create(OrderKey::new(format!("rival{index}")), "wanted");
        begin(ledgers[index % 2], &step, lease(index as u128), NOW).await
    });
    let begun = join_all(tries).await;
    let running = begun.iter().filter(|outcome| matches!(outcome, LeaseOutcome::Run(_))).count();
    assert_eq!(running, 1, "one of the orders that propose an id gets it: {begun:?}");
    let refused = begun.iter().filter(|outcome| **outcome == LeaseOutcome::IdTaken).count();
    assert_eq!(refused, 39, "the others have to propose another id: {begun:?}");
}

/// A holder that waited for the instance must also see the key that was stored with it.
async fn a_step_is_done_once_by_many_at_the_same_time(ledgers: [&dyn Ledger; 2]) {
    perform(ledgers[0], &create(OrderKey::new("many"), "many")).await;
    for round in 0..20 {
        let tries = (0..8).map(|index| async move {
            let (ledger, lease) = (ledgers[index % 2], lease(index as u128));
            let step = renew("many", &format!("renewal{round}"), NOW);
            loop {
                match begin(ledger, &step, lease, NOW).await {
                    LeaseOutcome::Run(_) => {
                        complete(ledger, &step, "many", lease).await;
                        return true;
                    }
                    LeaseOutcome::Done(_) => return false,
                    LeaseOutcome::Busy { .. } => yield_now().await,
                    outcome => panic!("begin of a renewal: {outcome:?}"),
                }
            }
        });
        let runs = join_all(tries).await.into_iter().filter(|is_run| *is_run).count();
        assert_eq!(runs, 1, "a renewal is run once, in round {round}");
    }
    assert_eq!(instance(ledgers[1], "many").await.handler_runs, 21, "every run counts once");
}

async fn everything_is_kept_over_a_restart<L: Ledger>(open: &impl AsyncFn() -> L) {
    let order = OrderKey::new("kept").with_order_line("1").with_product("P");
    {
        let ledger = open().await;
        perform(&ledger, &create(order.clone(), "kept")).await;
        perform(&ledger, &renew("kept", "a", later(HOUR))).await;
        perform(&ledger, &Step::on("kept", Effect::Freeze).with_signed_at(later(SECOND))).await;
        begin(&ledger, &note("kept", "leased"), lease(9), NOW).await;
    }
    let ledger = open().await;
    let found = status(&ledger, &create(order.clone(), "other"), NOW).await;
    let StepStatus::Done(instance) = &found else { panic!("an order is kept: {found:?}") };
    assert_eq!((instance.instance_id.as_str(), &instance.order), ("kept", &order), "ids are kept");
    let stored = (instance.state, instance.expire_time, instance.handler_runs);
    assert_eq!(stored, (State::Frozen, Some(later(HOUR)), 4), "state, expiry and runs are kept");
    assert_eq!(instance.status_signed_at, Some(later(SECOND)), "the time of the last change of the status is kept");
    let outcome = perform(&ledger, &renew("kept", "a", later(HOUR))).await;
    assert!(matches!(outcome, LeaseOutcome::Done(_)), "keys are kept: {outcome:?}");
    let outcome = begin(&ledger, &note("kept", "leased"), lease(8), NOW).await;
    assert!(matches!(outcome, LeaseOutcome::Busy { .. }), "leases are kept: {outcome:?}");
    abandon(&ledger, "kept", lease(9)).await;
}
