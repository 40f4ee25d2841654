//! Every scope of a shared ledger behaves as a ledger of its own does.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Family, Scoped};
use crate::lease::Lease;
use crate::ledger::{
    Effect, LeaseOutcome, Ledger, LedgerError, MemoryLedger, OrderKey, State, Step, StepStatus, Target,
};
use crate::tenant::TenantName;
use crate::timestamp::Timestamp;

const FAMILIES: [Family; 4] = [Family::Subscriptions, Family::Licenses, Family::Codes, Family::Notices];
const TENANTS: [Option<&str>; 3] = [None, Some("a"), Some("a-b")];

/// Few enough that they meet, and such as could be taken for those of another scope.
const IDS: [&str; 22] = [
    "a",
    "b",
    "-",
    "~",
    "a/l",
    ",a/l",
    "/l",
    "a,b",
    ",",
    ",,",
    ",a",
    "code:a",
    "code:",
    "code:code:a",
    "license,a",
    "orders,a",
    "@a,a",
    "@a,orders,a",
    "@a-b,a",
    "@a,code:a",
    "code:\u{10FFFF}",
    ",\u{10FFFF}",
];

#[derive(Clone, Debug)]
enum Call {
    StepStatus(Step),
    LeaseOutcome(Step),
    /// Begins and completes.
    Do(Step),
    Complete(Step, &'static str),
    Extend(&'static str),
    Abandon(&'static str),
    Instance(&'static str),
    Instances(Option<&'static str>, usize),
}

fn id() -> impl Strategy<Value = &'static str> {
    select(&IDS[..])
}

fn purchase() -> impl Strategy<Value = Step> {
    let order = (id(), any::<bool>(), proptest::option::of(select(&["p", "q"][..])));
    (order, id(), proptest::option::of(select(&["p", "q"][..]))).prop_map(|((order, line, product), id, of_effect)| {
        let mut order = OrderKey::new(order);
        order.order_line_id = line.then(|| "l".to_owned());
        order.product_id = product.map(str::to_owned);
        let effect = Effect::Create { product_id: of_effect.map(str::to_owned), expire_time: None };
        Step::new(Target::Purchase { order, proposed_id: id.to_owned() }, effect)
    })
}

fn step() -> impl Strategy<Value = Step> {
    let renewal = Effect::Renew {
        key: "renew".to_owned(),
        expire_time: Timestamp::from_unix_millis(7),
        product_id: Some("q".to_owned()),
        unfreezes: true,
    };
    let effects = vec![renewal, Effect::Freeze, Effect::Unfreeze, Effect::Release];
    prop_oneof![2 => purchase(), 1 => (id(), select(effects)).prop_map(|(id, effect)| Step::on(id, effect))]
}

fn call() -> impl Strategy<Value = Call> {
    prop_oneof![
        2 => step().prop_map(Call::StepStatus),
        3 => step().prop_map(Call::LeaseOutcome),
        5 => step().prop_map(Call::Do),
        2 => (step(), id()).prop_map(|(step, id)| Call::Complete(step, id)),
        1 => id().prop_map(Call::Extend),
        2 => id().prop_map(Call::Abandon),
        1 => id().prop_map(Call::Instance),
        1 => (proptest::option::of(id()), 0_usize..5).prop_map(|(after, limit)| Call::Instances(after, limit)),
    ]
}

fn answer(ledger: &dyn Ledger, call: &Call, lease: Lease) -> String {
    let now = Timestamp::from_unix_millis(0);
    let answer = async {
        match call {
            Call::StepStatus(step) => format!("{:?}", ledger.status(step, now).await),
            Call::LeaseOutcome(step) => format!("{:?}", ledger.begin(step, lease, now).await),
            Call::Do(step) => {
                let begin = ledger.begin(step, lease, now).await;
                let done = match begin.as_ref().ok().and_then(|begin| begin.instance()) {
                    Some(instance) => Some(ledger.complete(step, &instance.instance_id, lease, now).await),
                    None => None,
                };
                format!("{begin:?} {done:?}")
            }
            Call::Complete(step, id) => format!("{:?}", ledger.complete(step, id, lease, now).await),
            Call::Extend(id) => format!("{:?}", ledger.extend(id, lease, now).await),
            Call::Abandon(id) => format!("{:?}", ledger.abandon(id, lease).await),
            Call::Instance(id) => format!("{:?}", ledger.instance(id).await),
            Call::Instances(after, limit) => format!("{:?}", ledger.instances(*after, *limit).await),
        }
    };
    answer.now_or_never().unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_scope_is_a_ledger_of_its_own(calls in vec((0..12_usize, 1..4_u128, call()), 1..60)) {
        let shared = Arc::new(MemoryLedger::new());
        let scopes: Vec<_> = TENANTS
            .iter()
            .flat_map(|tenant| FAMILIES.map(|family| (tenant.map(|name| TenantName::new(name).unwrap()), family)))
            .map(|(tenant, family)| {
                (Scoped::new(Arc::clone(&shared) as Arc<dyn Ledger>, tenant.as_ref(), family), MemoryLedger::new())
            })
            .collect();
        for (index, holder, call) in calls {
            let (scoped, alone) = &scopes[index];
            // No two runs draw the same number.
            let holder = holder + 10 * index as u128;
            let lease = Lease::new(holder, Duration::from_secs(1));
            let expected = answer(alone, &call, lease);
            prop_assert_ne!(&expected, "", "the memory ledger waits for nothing");
            prop_assert_eq!(answer(scoped, &call, lease), expected, "{:?}", call);
        }
        for (scoped, alone) in &scopes {
            let all = Call::Instances(None, usize::MAX);
            let lease = Lease::new(0, Duration::ZERO);
            prop_assert_eq!(answer(scoped, &all, lease), answer(alone, &all, lease));
        }
    }
}

const LEASE: Lease = Lease::new(1, Duration::from_secs(1));
const NOW: Timestamp = Timestamp::from_unix_millis(0);

fn buy(order: &str, id: &str) -> Step {
    let order = OrderKey::new(order).with_order_line("l");
    let effect = Effect::Create { product_id: None, expire_time: None };
    Step::new(Target::Purchase { order, proposed_id: id.to_owned() }, effect)
}

/// A ledger with an instance and a notice as they were made before there were scopes, both left unfinished.
fn old_ledger() -> Arc<MemoryLedger> {
    let ledger = Arc::new(MemoryLedger::new());
    for (order, id) in [("o", "i"), ("n", "n/l")] {
        assert!(matches!(ledger.begin(&buy(order, id), LEASE, NOW).now_or_never(), Some(Ok(LeaseOutcome::Run(_)))));
        ledger.forget_notes(id);
        ledger.abandon(id, LEASE).now_or_never().unwrap().unwrap();
    }
    ledger
}

#[test]
fn what_is_from_before_is_held_and_finished_as_what_it_is() {
    for (family, order, id) in [(Family::Licenses, "o", "i"), (Family::Notices, "n", "n/l")] {
        let scoped = Scoped::new(old_ledger(), None, family);
        let now = |step: &Step| scoped.begin(step, LEASE, NOW).now_or_never().unwrap().unwrap();
        let LeaseOutcome::Run(instance) = now(&buy(order, "other")) else { panic!() };
        assert_eq!((instance.instance_id.as_str(), instance.order.order_id.as_str()), (id, order));
        assert!(matches!(now(&buy(order, "third")), LeaseOutcome::Busy { .. }));
        scoped.extend(id, LEASE, NOW).now_or_never().unwrap().unwrap();
        scoped.abandon(id, LEASE).now_or_never().unwrap().unwrap();
        let lost = scoped.extend(id, LEASE, NOW).now_or_never().unwrap();
        assert!(matches!(&lost, Err(LedgerError::LeaseLost(lost)) if lost == id), "{lost:?}");
        assert!(matches!(now(&buy(order, "other")), LeaseOutcome::Run(_)));
        let done = scoped.complete(&buy(order, "other"), id, LEASE, NOW).now_or_never().unwrap().unwrap();
        assert_eq!((done.instance_id.as_str(), done.state), (id, State::Active));
        assert!(matches!(now(&buy(order, "other")), LeaseOutcome::Done(_)), "still known as what it is");
    }
}

#[test]
fn a_purchase_takes_no_lease_from_a_notice_that_stands_in_its_place() {
    let ledger = old_ledger();
    let subscriptions = Scoped::new(Arc::clone(&ledger) as Arc<dyn Ledger>, None, Family::Subscriptions);
    let begin = subscriptions.begin(&buy("n", "new"), LEASE, NOW).now_or_never().unwrap().unwrap();
    let LeaseOutcome::Run(instance) = begin else { panic!("{begin:?}") };
    assert_eq!((instance.instance_id.as_str(), instance.order.order_id.as_str()), ("new", "n"));
    let notices = Scoped::new(ledger, None, Family::Notices);
    let other = Lease { holder: 2, ..LEASE };
    let begin = notices.begin(&buy("n", "n/l"), other, NOW).now_or_never().unwrap().unwrap();
    assert!(matches!(begin, LeaseOutcome::Run(_)), "{begin:?}");
    subscriptions.complete(&buy("n", "new"), "new", LEASE, NOW).now_or_never().unwrap().unwrap();
    let status = subscriptions.status(&buy("n", "third"), NOW).now_or_never().unwrap().unwrap();
    assert!(matches!(status, StepStatus::Done(instance) if instance.instance_id == "new"));
}

#[test]
fn a_subscription_that_is_known_costs_no_more_to_find() {
    let ledger = Arc::new(MemoryLedger::new());
    let subscriptions = Scoped::new(Arc::clone(&ledger) as Arc<dyn Ledger>, None, Family::Subscriptions);
    let step = buy("CS2501010000ABCDE", "5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d");
    assert!(matches!(answer(&subscriptions, &Call::Do(step.clone()), LEASE), done if done.contains("Active")));
    for step in [step, Step::on("5d2f7c1e-8a34-4b90-9c61-0e7f3a2b4c5d", Effect::Unfreeze)] {
        let alone = allocation_counter::measure(|| {
            assert!(matches!(ledger.status(&step, NOW).now_or_never(), Some(Ok(StepStatus::Done(_)))));
        });
        let scoped = allocation_counter::measure(|| {
            assert!(matches!(subscriptions.status(&step, NOW).now_or_never(), Some(Ok(StepStatus::Done(_)))));
        });
        assert_eq!(scoped.count_total, alone.count_total);
    }
}
