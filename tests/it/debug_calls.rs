//! Calls of the debugging page and the dial test.

use koogallery::callback::DebugCalls;
use koogallery::callback::subscription::*;

use crate::support::*;

const V2_BODIES: [&str; 7] = [
    r#"{"activity":"newInstance","businessId":"b","orderId":"CS1","orderLineId":"CS1-1","testFlag":"1"}"#,
    r#"{"activity":"queryInstance","instanceId":"x,y","testFlag":"1"}"#,
    r#"{"activity":"refreshInstance","expireTime":"20270101000000000","instanceId":"x","orderId":"CS2","orderLineId":"CS2-1","scene":"TRIAL_TO_FORMAL","testFlag":1}"#,
    r#"{"activity":"updateInstanceStatus","instanceId":"x","status":"FREEZE","testFlag":"1"}"#,
    r#"{"activity":"releaseInstance","instanceId":"x","testFlag":"1"}"#,
    r#"{"activity":"upgradeInstance","instanceId":"x","orderId":"CS3","orderLineId":"CS3-1","testFlag":"1"}"#,
    r#"{"activity":"changeInstanceCheck","instanceId":"x","productInfo":"{\"skuCode\":\"s\"}","testFlag":"1"}"#,
];

const V1_QUERIES: [&str; 7] = [
    "activity=newInstance&businessId=b&customerId=c&orderId=CS1&productId=P&testFlag=1",
    "activity=queryInstance&instanceId=x%2Cy&testFlag=1",
    "activity=refreshInstance&expireTime=20270102000000&instanceId=x&orderId=CS2&productId=&trialToFormal=1&testFlag=1",
    "activity=expireInstance&instanceId=x&orderId=CS1&testFlag=1",
    "activity=releaseInstance&instanceId=x&orderId=CS1&testFlag=1",
    "activity=upgrade&instanceId=x&orderId=CS3&productId=P&skuCode=S&testFlag=1",
    "activity=instanceStatus&instanceId=x&instanceStatus=NORMAL&testFlag=1",
];

#[tokio::test]
async fn succeed_and_touch_nothing() {
    let stage = Stage::new();
    for body in V2_BODIES {
        let answer = stage.post(body).await;
        assert_eq!(answer.code, "000000", "{body}");
        match body.contains("newInstance") {
            true => assert_eq!(answer.instance_id(), "b"),
            false => assert!(answer.json.get("instanceId").is_none()),
        }
        if body.contains("queryInstance") {
            let ids: Vec<_> = answer.json["info"].as_array().unwrap().iter().map(|info| &info["instanceId"]).collect();
            assert_eq!(ids, ["x", "y"]);
        }
    }
    for query in V1_QUERIES {
        let answer = stage.get(query).await;
        assert_eq!(answer.code, "000000", "{query}");
        if query.contains("newInstance") {
            assert_eq!(answer.instance_id(), "b");
            assert!(answer.json["appInfo"]["frontEndUrl"].is_string(), "the debugging page demands it");
        }
    }
    assert_eq!(stage.seller.runs(), 0);
    assert!(stage.service.ledger().unwrap().instances(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn are_verified_and_checked_like_any_other() {
    let stage = Stage::new();
    let body = V2_BODIES[3];
    assert_eq!(stage.post_signed("signature=00&timestamp=1&nonce=n", body).await.code, "000001");
    for broken in [body.replace("FREEZE", "MELT"), body.replace("instanceId", "id"), body.replace(r#":"1""#, r#":"2""#)]
    {
        assert_eq!(stage.post(&broken).await.code, "000002", "{broken}");
    }
}

#[tokio::test]
async fn reach_the_handler_when_the_seller_asks_for_them() {
    let stage = Stage::with(|builder| builder.debug_calls(DebugCalls::Handle));
    for (index, body) in V2_BODIES.into_iter().enumerate() {
        assert_eq!(stage.post(body).await.code, "000000", "{body}");
        // The query runs `describe`, which is not among the events.
        assert_eq!(stage.seller.runs(), if index == 0 { 1 } else { index });
    }
    let Event::CheckChange(event) = stage.seller.last() else { panic!() };
    assert!(event.test_call);
    let created = stage.get(V1_QUERIES[0]).await;
    assert_eq!(created.json["appInfo"]["frontEndUrl"], "https://app.example.com/b");
    assert!(stage.service.ledger().unwrap().instances(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn without_the_flag_a_call_is_real() {
    let stage = Stage::new();
    for (order, flag) in [("CS1", r#""0""#), ("CS2", r#""""#), ("CS3", "null"), ("CS4", "0")] {
        let body = purchase(order, order).replace('}', &format!(r#","testFlag":{flag}}}"#));
        assert_eq!(stage.post(&body).await.code, "000000", "{body}");
    }
    assert_eq!(stage.seller.runs(), 4);
    for flag in [r#""yes""#, "11", "0.1", "[]"] {
        let body = purchase("CS5", "b").replace('}', &format!(r#","testFlag":{flag}}}"#));
        assert_eq!(stage.post(&body).await.code, "000002", "{body}");
    }
    assert_eq!(stage.seller.runs(), 4);
}
