//! Every scope of a shared ledger behaves as a ledger of its own does.

use std::sync::Arc;

use futures_util::FutureExt as _;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{Family, Scoped};
use crate::ledger::{Effect, Lease, Ledger, MemoryLedger, OrderKey, Step, Target};
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
    Look(Step),
    Begin(Step),
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
    (order, id(), proptest::option::of(select(&["p", "q"][..]))).prop_map(|((order, line, product), id, told)| {
        let mut order = OrderKey::new(order);
        order.order_line_id = line.then(|| "l".to_owned());
        order.product_id = product.map(str::to_owned);
        let effect = Effect::Create { product_id: told.map(str::to_owned), expire_time: None };
        Step { target: Target::Purchase { order, proposed_id: id.to_owned() }, effect }
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
        2 => step().prop_map(Call::Look),
        3 => step().prop_map(Call::Begin),
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
            Call::Look(step) => format!("{:?}", ledger.look(step).await),
            Call::Begin(step) => format!("{:?}", ledger.begin(step, lease, now).await),
            Call::Do(step) => {
                let begin = ledger.begin(step, lease, now).await;
                let done = match begin.as_ref().ok().and_then(|begin| begin.instance()) {
                    Some(instance) => Some(ledger.complete(step, &instance.instance_id, lease, now).await),
                    None => None,
                };
                format!("{begin:?} {done:?}")
            }
            Call::Complete(step, id) => format!("{:?}", ledger.complete(step, id, lease, now).await),
            Call::Extend(id) => format!("{:?}", ledger.extend(id, lease).await),
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
            let lease = Lease { holder, until: Timestamp::from_unix_millis(1_000) };
            let expected = answer(alone, &call, lease);
            prop_assert_ne!(&expected, "", "the memory ledger waits for nothing");
            prop_assert_eq!(answer(scoped, &call, lease), expected, "{:?}", call);
        }
        for (scoped, alone) in &scopes {
            let all = Call::Instances(None, usize::MAX);
            let lease = Lease { holder: 0, until: Timestamp::from_unix_millis(0) };
            prop_assert_eq!(answer(scoped, &all, lease), answer(alone, &all, lease));
        }
    }
}
