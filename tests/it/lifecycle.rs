//! The life of instances in both protocols, in process, under a clock that stands still.

use std::time::Duration;

use koogallery::callback::subscription::*;

use crate::support::*;

#[tokio::test]
async fn the_life_of_a_v2_instance() {
    let stage = Stage::new();
    let created = stage.post(&purchase("CS1", "biz-1")).await;
    assert_eq!((created.code.as_str(), created.instance_id()), ("000000", "biz-1"));
    let again = stage.post(&purchase("CS1", "biz-2")).await;
    assert_eq!((again.code.as_str(), again.instance_id()), ("000000", "biz-1"), "the first id stays");
    assert_eq!(stage.seller.runs(), 1);

    let query = stage.post(r#"{"activity":"queryInstance","instanceId":"biz-1"}"#).await;
    let info = &query.json["info"][0];
    assert_eq!(info["instanceId"], "biz-1");
    assert_eq!(info["appInfo"]["userName"], "admin", "plain text in V2.0");
    assert_eq!(info["appInfo"]["memo"], "欢迎");

    let renewal = r#"{"activity":"refreshInstance","expireTime":"20270101000000","instanceId":"biz-1","orderId":"CS2","orderLineId":"CS2-1","scene":"RENEWAL"}"#;
    for _ in 0..2 {
        assert_eq!(stage.post(renewal).await.code, "000000");
    }
    let Event::Renew(event) = stage.seller.last() else { panic!() };
    assert_eq!(event.expire_time.to_string(), "20270101000000");
    let backwards = renewal.replace("2027", "2026").replace("RENEWAL", "UNSUBSCRIBE_RENEWAL_PERIOD");
    assert_eq!(stage.post(&backwards).await.code, "000000");
    assert_eq!(stage.post(renewal).await.code, "000000", "a late copy of the renewal");
    let instance = stage.service.ledger().unwrap().instance("biz-1").await.unwrap().unwrap();
    assert_eq!(instance.expire_time.unwrap().to_string(), "20260101000000", "and not applied again");

    for (status, runs) in [("FREEZE", 4), ("FREEZE", 4), ("UNFREEZE", 5), ("UNFREEZE", 5), ("FREEZE", 6), ("NORMAL", 7)]
    {
        let body = format!(r#"{{"activity":"updateInstanceStatus","instanceId":"biz-1","status":"{status}"}}"#);
        assert_eq!(stage.post(&body).await.code, "000000");
        assert_eq!(stage.seller.runs(), runs, "{status}");
    }

    let upgrade = r#"{"activity":"upgradeInstance","instanceId":"biz-1","orderId":"CS3","orderLineId":"CS3-1"}"#;
    let check =
        r#"{"activity":"changeInstanceCheck","instanceId":"biz-1","productInfo":{"productId":"P2","linearValue":5}}"#;
    for body in [upgrade, upgrade, check] {
        assert_eq!(stage.post(body).await.code, "000000");
    }
    assert_eq!(stage.seller.runs(), 9);

    let release = r#"{"activity":"releaseInstance","instanceId":"biz-1"}"#;
    for _ in 0..2 {
        assert_eq!(stage.post(release).await.code, "000000");
    }
    assert_eq!(stage.seller.runs(), 10);
    for body in [renewal, upgrade, check, r#"{"activity":"queryInstance","instanceId":"biz-1"}"#] {
        assert_eq!(stage.post(&body.replace("CS", "CX")).await.code, "000003");
    }
    let revived = stage.post(&purchase("CS1", "biz-9")).await;
    assert_eq!((revived.code.as_str(), revived.instance_id()), ("000000", "biz-1"));
    assert_eq!(stage.seller.runs(), 10, "nothing is revived");
}

#[tokio::test]
async fn the_life_of_a_v1_instance() {
    let stage = Stage::new();
    let created = stage.get(&v1_purchase("CS1", "biz-1")).await;
    assert_eq!((created.code.as_str(), created.instance_id()), ("000000", "biz-1"));
    assert_eq!(created.json["encryptType"], "1");
    assert_eq!(created.json["appInfo"]["frontEndUrl"], "https://app.example.com/biz-1");
    assert_eq!(stage.decrypted(&created.json["appInfo"]["userName"]), "admin");
    let Event::Create(event) = stage.seller.last() else { panic!() };
    let details = event.details.unwrap();
    assert_eq!(details.customer.unwrap().customer_name.unwrap().expose(), "测 +");
    assert_eq!(details.expire_time.unwrap().to_string(), "20260101000000");

    // The buyer opens the resource page: same id, access data of today.
    stage.seller.describe_as(Description::new(AccessInfo::new("https://moved.example.com")));
    let again = stage.get(&v1_purchase("CS1", "biz-2")).await;
    assert_eq!(
        (again.instance_id(), &again.json["appInfo"]["frontEndUrl"]),
        ("biz-1", &"https://moved.example.com".into())
    );
    assert_eq!(stage.seller.runs(), 1);

    let renewal = "activity=refreshInstance&expireTime=20270102000000&instanceId=biz-1&orderId=CS2&periodNumber=1&periodType=year";
    for (parameters, runs) in [
        (renewal, 2),
        (renewal, 2),
        ("activity=expireInstance&instanceId=biz-1&orderId=CS1", 3),
        ("activity=expireInstance&instanceId=biz-1", 3),
        ("activity=instanceStatus&instanceId=biz-1&instanceStatus=NORMAL", 4),
        ("activity=instanceStatus&instanceId=biz-1&instanceStatus=FREEZE", 5),
        ("activity=upgrade&amount=20&instanceId=biz-1&orderId=CS3&productId=OFFI02&skuCode=sku-2", 6),
        ("activity=upgrade&amount=20&instanceId=biz-1&orderId=CS3&productId=OFFI02&skuCode=sku-2", 6),
    ] {
        assert_eq!(stage.get(parameters).await.code, "000000", "{parameters}");
        assert_eq!(stage.seller.runs(), runs, "{parameters}");
    }
    let query = stage.get("activity=queryInstance&instanceId=biz-1%2Cnobody").await;
    assert_eq!(query.json["info"].as_array().unwrap().len(), 1);

    // A renewal in the freeze period unfreezes, for V1.0 has no call of its own for that.
    assert_eq!(stage.get(&renewal.replace("CS2", "CS4").replace("2027", "2028")).await.code, "000000");
    assert_eq!(stage.seller.runs(), 8);
    assert!(matches!(stage.seller.last(), Event::Unfreeze(_)));

    // A refunded renewal moves the expiry back.
    let refund = format!("{}&orderAmount=-99.5", renewal.replace("CS2", "CS5").replace("2027", "2026"));
    assert_eq!(stage.get(&refund).await.code, "000000");
    let Event::Renew(event) = stage.seller.last() else { panic!() };
    assert_eq!(event.scene, RenewalScene::UnsubscribeRenewalPeriod);
    assert_eq!(event.expire_time.to_string(), "20260102000000");

    for _ in 0..2 {
        assert_eq!(
            stage.get("activity=releaseInstance&instanceId=biz-1&orderId=CS1&orderAmount=0").await.code,
            "000000"
        );
    }
    assert_eq!(stage.seller.runs(), 10);
    let revived = stage.get(&v1_purchase("CS1", "biz-3")).await;
    assert_eq!((revived.code.as_str(), revived.instance_id()), ("000000", "biz-1"));
    assert!(revived.json.get("appInfo").is_none(), "nobody gets into a released instance");
    assert_eq!(stage.seller.runs(), 10);
}

/// The seller's code may have frozen it before it failed, and the ledger does not know.
#[tokio::test]
async fn a_freeze_that_failed_is_undone_by_the_next_call() {
    for (mood, code) in [(Mood::Failing, "000005"), (Mood::Panicking, "000005")] {
        let stage = Stage::new();
        stage.post(&purchase("CS1", "v2")).await;
        stage.get(&v1_purchase("CS2", "v1")).await;
        stage.seller.set(mood);
        let status = |status| format!(r#"{{"activity":"updateInstanceStatus","instanceId":"v2","status":"{status}"}}"#);
        assert_eq!(stage.post(&status("FREEZE")).await.code, code);
        assert_eq!(stage.get("activity=expireInstance&instanceId=v1").await.code, code);
        stage.seller.set(Mood::Willing);
        assert_eq!(stage.seller.runs(), 4);

        stage.clock.advance(Duration::from_secs(1));
        for _ in 0..2 {
            assert_eq!(stage.post(&status("UNFREEZE")).await.code, "000000");
            assert_eq!(stage.seller.runs(), 5, "active already by the ledger, and repeated");
            let Event::Unfreeze(event) = stage.seller.last() else { panic!() };
            assert_eq!(event.instance_id, "v2");
            stage.clock.advance(Duration::from_secs(1));
        }

        let renewal = "activity=refreshInstance&expireTime=20270102000000&instanceId=v1&periodNumber=1&periodType=year";
        for (order, runs) in [("CS3", 7), ("CS3", 7), ("CS4", 8)] {
            assert_eq!(stage.get(&format!("{renewal}&orderId={order}")).await.code, "000000");
            assert_eq!(stage.seller.runs(), runs, "the first renewal makes it usable, the second finds it so");
        }
    }
}

#[tokio::test]
async fn purchases_are_distinguished_by_line_and_product() {
    let stage = Stage::new();
    let line = |line: &str| purchase("CS1", &format!("biz-{line}")).replace("-000001", line);
    assert_eq!(stage.post(&line("-1")).await.instance_id(), "biz--1");
    assert_eq!(stage.post(&line("-2")).await.instance_id(), "biz--2");
    let product = |product: &str, business: &str| {
        line("-3").replace("biz--3", business).replace('}', &format!(r#","productId":"{product}"}}"#))
    };
    assert_eq!(stage.post(&product("P1", "p1")).await.instance_id(), "p1");
    assert_eq!(stage.post(&product("P2", "p2")).await.instance_id(), "p2");
    assert_eq!(stage.post(&product("P1", "p3")).await.instance_id(), "p1");

    let v1 = |product: &str, business: &str| {
        v1_purchase("CS9", business).replace("chargingMode=1", "chargingMode=0").replace("OFFI01", product)
    };
    assert_eq!(stage.get(&v1("P1", "v1")).await.instance_id(), "v1");
    assert_eq!(stage.get(&v1("P2", "v2")).await.instance_id(), "v2");
    assert_eq!(stage.get(&v1("P1", "v3")).await.instance_id(), "v1");
    let period = |product: &str, business: &str| v1_purchase("CS10", business).replace("OFFI01", product);
    assert_eq!(stage.get(&period("P1", "w1")).await.instance_id(), "w1");
    assert_eq!(stage.get(&period("P2", "w2")).await.instance_id(), "w1", "a period order makes one instance");
}

#[tokio::test]
async fn a_business_id_that_cannot_serve_is_replaced() {
    let stage = Stage::new();
    assert_eq!(stage.post(&purchase("CS1", "same")).await.instance_id(), "same");
    let other = stage.post(&purchase("CS2", "same")).await;
    assert_eq!(other.code, "000000");
    assert_ne!(other.instance_id(), "same", "two orders never share an instance");
    let commas = stage.post(&purchase("CS3", "a,b")).await;
    assert!(!commas.instance_id().contains(','), "a query could not name it");
    let again = stage.post(&purchase("CS3", "c,d")).await;
    assert_eq!(again.instance_id(), commas.instance_id());
}

#[tokio::test]
async fn instances_that_do_not_exist_are_not_acted_on() {
    let stage = Stage::new();
    for body in [
        r#"{"activity":"queryInstance","instanceId":"no"}"#,
        r#"{"activity":"refreshInstance","expireTime":"20270101000000","instanceId":"no","orderId":"CS2","orderLineId":"CS2-1","scene":"RENEWAL"}"#,
        r#"{"activity":"updateInstanceStatus","instanceId":"no","status":"FREEZE"}"#,
        r#"{"activity":"releaseInstance","instanceId":"no"}"#,
        r#"{"activity":"upgradeInstance","instanceId":"no","orderId":"CS3","orderLineId":"CS3-1"}"#,
        r#"{"activity":"changeInstanceCheck","instanceId":"no","productInfo":{}}"#,
    ] {
        assert_eq!(stage.post(body).await.code, "000003", "{body}");
    }
    for parameters in [
        "activity=refreshInstance&expireTime=20270102000000&instanceId=no&orderId=CS2",
        "activity=expireInstance&instanceId=no",
        "activity=releaseInstance&instanceId=no",
        "activity=upgrade&instanceId=no&orderId=CS3&productId=P&skuCode=S",
        "activity=instanceStatus&instanceId=no&instanceStatus=FREEZE",
        "activity=queryInstance&instanceId=no",
    ] {
        assert_eq!(stage.get(parameters).await.code, "000003", "{parameters}");
    }
    assert_eq!(stage.seller.runs(), 0);
}
