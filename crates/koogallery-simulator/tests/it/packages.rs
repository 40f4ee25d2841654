//! Packages (套餐包) that the marketplace sells: up to 30 in one order.

use std::sync::Arc;
use std::time::Duration;

use koogallery::activity::Activity;
use koogallery::clock::ManualClock;
use koogallery::open_api::query_order::PeriodType;
use koogallery::protocol::Protocol;
use koogallery::timestamp::Timestamp;
use koogallery_simulator::{
    Instance, LifecycleError, LineSpec, Marketplace, OrderSpec, Subscription, SubscriptionState,
};

use crate::good::{self, Good};

/// 2025-01-02 03:04:05 UTC.
const NOW: Timestamp = Timestamp::from_unix_millis(1_735_787_045_000);
const PAY_PER_USE: &str = "OFFI000000000000000001";

fn marketplace(protocol: Protocol) -> Marketplace {
    let clock = Arc::new(ManualClock::new(NOW));
    let good = Good::at(protocol, Arc::clone(&clock));
    Marketplace::builder(good.service, good::keys()).virtual_time(clock).seed(7).build()
}

/// A package of a month; V1.0 tells lines apart by their products.
fn package(protocol: Protocol, number: u32) -> LineSpec {
    let product = match protocol {
        Protocol::SaasV1 => format!("OFFI-PACKAGE-{number}"),
        _ => "OFFI-PACKAGE".to_owned(),
    };
    LineSpec::on_demand_package(product, PeriodType::Month, 1).with_quota(PAY_PER_USE, 1000.into())
}

fn order(protocol: Protocol, packages: u32) -> OrderSpec {
    let first = OrderSpec::new(package(protocol, 1));
    (2..=packages).fold(first, |order, number| order.with_line(package(protocol, number)))
}

async fn sold(marketplace: &Marketplace, protocol: Protocol, packages: u32) -> Vec<Subscription> {
    let order = marketplace.place_order(order(protocol, packages));
    marketplace.buy_all(protocol, &order).await.unwrap()
}

fn instance(marketplace: &Marketplace, sold: &Subscription) -> Instance {
    marketplace.open_api().instance(&sold.instance_id).unwrap()
}

fn activities(marketplace: &Marketplace) -> Vec<Activity> {
    marketplace.take_log().iter().map(|attempt| attempt.activity).collect()
}

#[tokio::test]
async fn thirty_packages_of_one_order_are_thirty_instances() {
    for protocol in [Protocol::SaasV2, Protocol::SaasV1] {
        let marketplace = marketplace(protocol);
        let packages = sold(&marketplace, protocol, 30).await;
        let mut ids: Vec<_> = packages.iter().map(|sold| sold.instance_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 30, "{protocol}");
        assert!(packages.iter().all(|sold| sold.order.order_id == packages[0].order.order_id));
        let registered = instance(&marketplace, &packages[29]);
        assert_eq!(registered.quotas[0].amount, 1000.into());
        assert_eq!(registered.customer_id.as_deref(), Some("0123456789abcdef0123456789abcdef"));
        assert_eq!(packages[29].expire_time, Some("20250202155959".parse().unwrap()));

        let many = marketplace.place_order(order(protocol, 31));
        let error = marketplace.buy(protocol, &many, 0).await.unwrap_err();
        assert_eq!(error, LifecycleError::TooManyPackages(31));
        assert_eq!(error.to_string(), "the order has 31 packages, and 30 are sold in one order at most");
    }
}

#[tokio::test]
async fn two_lines_with_one_instance_are_an_error() {
    // V1.0 has no order line: two packages of one product look like a retry.
    let marketplace = marketplace(Protocol::SaasV1);
    let line = package(Protocol::SaasV1, 1);
    let order = marketplace.place_order(OrderSpec::new(line.clone()).with_line(line));
    let error = marketplace.buy_all(Protocol::SaasV1, &order).await.unwrap_err();
    let LifecycleError::SameInstance { line, other, .. } = error else { panic!("{error}") };
    assert_eq!((line, other), (order.order_line_id(1), order.order_line_id(0)));
    let again = marketplace.buy(Protocol::SaasV1, &order, 0).await.unwrap();
    assert_eq!(again.state, SubscriptionState::Active, "a line that is bought again is the same instance");
}

#[tokio::test]
async fn packages_are_renewed_and_released() {
    for protocol in [Protocol::SaasV2, Protocol::SaasV1] {
        let marketplace = marketplace(protocol);
        let package = sold(&marketplace, protocol, 1).await.remove(0);
        let renewed = marketplace.renew(&package.instance_id, PeriodType::Month, 1).await.unwrap();
        assert_eq!(renewed.expire_time, Some("20250302155959".parse().unwrap()));
        assert_eq!(instance(&marketplace, &package).quotas[0].amount, 2000.into(), "another quota was bought");
        marketplace.release(&package.instance_id).await.unwrap();
        assert_eq!(instance(&marketplace, &package).closed_at, Some(NOW));
    }
}

#[tokio::test]
async fn the_seller_is_called_about_an_expiry_as_the_guides_have_it() {
    for (protocol, reported) in [
        // The guide has no call about the state of packages.
        (Protocol::SaasV2, &[Activity::ReleaseInstance][..]),
        (Protocol::SaasV1, &[Activity::InstanceStatus, Activity::ReleaseInstance]),
    ] {
        let marketplace = marketplace(protocol);
        let package = sold(&marketplace, protocol, 1).await.remove(0);
        activities(&marketplace);
        let expiry = package.expire_time.unwrap();
        let later = |days: u64| expiry.saturating_add(Duration::from_secs(days * 86_400 + 1));
        marketplace.run_until(later(0)).await;
        assert_eq!(instance(&marketplace, &package).frozen_at, Some(expiry), "{protocol}");
        assert_eq!(marketplace.subscription(&package.instance_id).unwrap().state.as_str(), "frozen");
        marketplace.run_until(later(16)).await;
        assert_eq!(activities(&marketplace), reported, "{protocol}");
        assert!(instance(&marketplace, &package).closed_at.is_some());
    }
}

#[tokio::test]
async fn v1_freezes_pay_per_use_by_its_state() {
    let marketplace = marketplace(Protocol::SaasV1);
    let order = marketplace.place_order(OrderSpec::new(LineSpec::on_demand(PAY_PER_USE).needing_packages()));
    let sold = marketplace.buy(Protocol::SaasV1, &order, 0).await.unwrap();
    assert!(instance(&marketplace, &sold).needs_package);
    activities(&marketplace);
    marketplace.freeze(&sold.instance_id).await.unwrap();
    assert!(instance(&marketplace, &sold).frozen_at.is_some());
    let active = marketplace.unfreeze(&sold.instance_id).await.unwrap();
    assert_eq!((active.state, instance(&marketplace, &sold).frozen_at), (SubscriptionState::Active, None));
    let log = marketplace.take_log();
    let reported: Vec<_> = log.iter().map(|attempt| (attempt.activity, attempt.exchange.target.clone())).collect();
    assert!(
        reported[0].1.contains("instanceStatus=FREEZE") && reported[1].1.contains("instanceStatus=NORMAL"),
        "{reported:?}"
    );
    assert!(reported.iter().all(|(activity, _)| *activity == Activity::InstanceStatus));
}
