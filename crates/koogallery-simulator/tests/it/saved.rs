//! A marketplace that is saved and goes on elsewhere.

use std::time::Duration;

use koogallery::open_api::query_order::PeriodType;
use koogallery::protocol::Protocol;
use koogallery_simulator::{LineSpec, Marketplace, OpenApiServer, OrderSpec, StateError, SubscriptionState};

use crate::good::{self, Good};

#[tokio::test]
async fn a_marketplace_goes_on_where_it_was() {
    for protocol in [Protocol::SaasV2, Protocol::SaasV1, Protocol::LicenseCode] {
        let good = Good::of(protocol.into());
        // With other nonces, since the seller remembers those of the first.
        let start = |seed| Marketplace::builder(good.service.clone(), good::keys()).seed(seed).build();
        let first = start(7);
        let line = LineSpec::on_demand_package("P1", PeriodType::Month, 1).with_quota("OFFI1", "0.5".parse().unwrap());
        let order = first.place_order(OrderSpec::new(line.with_linear_value(3)));
        let sold = first.buy(protocol, &order, 0).await.unwrap();
        first.renew(&sold.instance_id, PeriodType::Month, 1).await.unwrap();
        first.advance(Duration::from_secs(5 * 86_400));
        let saved = first.save();

        let second = start(8);
        second.restore(&saved).unwrap();
        assert_eq!(format!("{:?}", second.subscriptions()), format!("{:?}", first.subscriptions()));
        assert_eq!(second.open_api().instances(), first.open_api().instances());
        assert_eq!(
            format!("{:?}", second.open_api().order(&order.order_id)),
            format!("{:?}", first.open_api().order(&order.order_id))
        );
        assert_eq!(second.open_api().license(&sold.instance_id), first.open_api().license(&sold.instance_id));
        assert!(second.now().abs_diff(first.now()) < Duration::from_secs(60));
        // The same once more changes nothing.
        second.restore(&saved).unwrap();
        assert_eq!(second.subscriptions().len(), 1);
        assert!(second.now().abs_diff(first.now()) < Duration::from_secs(60));
        // It knows also what it needs to go on.
        let cancelled = second.cancel_renewal(&sold.instance_id).await.unwrap();
        assert_eq!(cancelled.expire_time, sold.expire_time);
        second.pass(Duration::from_secs(60 * 86_400)).await;
        assert_eq!(second.subscription(&sold.instance_id).unwrap().state, SubscriptionState::Released);
    }
}

#[tokio::test(start_paused = true)]
async fn a_calendar_that_is_moved_too_far_stops_and_can_be_restored() {
    for protocol in [Protocol::SaasV2, Protocol::LicenseCode] {
        let good = Good::of(protocol.into());
        let start = || Marketplace::builder(good.service.clone(), good::keys()).build();
        let marketplace = start();
        marketplace.advance(Duration::MAX);
        let order = marketplace.place_order(OrderSpec::new(LineSpec::period("P1", PeriodType::Day, 1)));
        marketplace.buy(protocol, &order, 0).await.unwrap();
        marketplace.pass(Duration::MAX).await;
        assert_eq!(marketplace.now(), "99990101000000".parse().unwrap());
        start().restore(&marketplace.save()).unwrap();
    }
}

#[test]
fn what_is_no_state_is_refused() {
    let open_api = OpenApiServer::builder().build();
    for text in ["", "{}", "[]", r#"{"version":1}"#] {
        assert!(matches!(open_api.restore(text), Err(StateError::Unreadable(_))), "{text}");
    }
    assert!(matches!(open_api.restore(r#"{"version":2,"x":[]}"#), Err(StateError::Version(2))));
    open_api.restore(&open_api.save()).unwrap();
}
