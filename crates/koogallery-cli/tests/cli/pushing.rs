//! Usage that is pushed on the console, and faults of the calls that the marketplace makes.

use serde_json::Value;

use crate::process::Server;
use crate::serve::{eventually, get, json, post};
use crate::servers::{KEYS, answering, marketplace};

const PAIR: [(&str, &str); 2] = [("KOOGALLERY_AK", "AKTEST0000000000001"), ("KOOGALLERY_SK", "a-secret-key-for-tests")];

fn pushed(server: &Server, form: &str) -> Value {
    let (status, said) = post(server, "/_marketplace/usage", form, "");
    assert_eq!(status, 202, "{form}: {said}");
    serde_json::from_str(&said).unwrap()
}

fn usage_of(server: &Server, instance: &str) -> Value {
    let instances = json(server, "/_marketplace/instances");
    let found = instances.as_array().unwrap().iter().find(|it| it["instanceId"] == instance);
    found.unwrap()["usage"].clone()
}

#[test]
fn usage_is_pushed_as_a_seller_pushes_it() {
    let server = Server::start(marketplace(&["--instance", "inst-1"]).envs(KEYS).envs(PAIR));
    let first = pushed(&server, "instance=inst-1&value=12.5&metering_sn=sn-1");
    assert_eq!(
        (&first["isTaken"], &first["status"], &first["meteringSn"]),
        (&true.into(), &200.into(), &"sn-1".into())
    );
    assert_eq!(usage_of(&server, "inst-1")[0]["usageValue"], "12.5");
    let logged = json(&server, &format!("/_marketplace/requests/{}", first["number"]));
    assert!(logged["request"].as_str().unwrap().ends_with("/isv/usage-data"), "{logged}");

    // The same record again is refused by its code.
    let again = pushed(&server, "instance=inst-1&value=12.5&metering_sn=sn-1");
    assert_eq!(again["isTaken"], false);
    let logged = json(&server, &format!("/_marketplace/requests/{}", again["number"]));
    assert!(logged["explanation"].as_str().unwrap().contains("\"005\""), "{logged}");

    // By the old push, with AK/SK and the product of the instance.
    let old = pushed(&server, "api=push-usage-old&product=OFFI000000000000000001&value=1");
    assert_eq!(old["isTaken"], true, "{old}");
    assert_eq!(usage_of(&server, "inst-1")[0]["usageValue"], "13.5");

    let forged = pushed(&server, "instance=inst-1&value=1&wrong_key=on");
    assert_eq!((&forged["isTaken"], &forged["status"]), (&false.into(), &401.into()));
    let logged = json(&server, &format!("/_marketplace/requests/{}", forged["number"]));
    assert!(logged["explanation"].as_str().unwrap().contains("the key differs"), "{logged}");

    // From a package.
    let package = "instance=pkg-1&mode=package&period=1+month&quota=OFFI000000000000000001:100";
    assert_eq!(post(&server, "/_marketplace/instances", package, "").0, 202);
    let from_package = pushed(&server, "instance=inst-1&value=2&package=pkg-1");
    assert_eq!(from_package["isTaken"], true, "{from_package}");
    assert_eq!(usage_of(&server, "pkg-1")[0]["relatedInstanceId"], "inst-1");

    // Faults of the open APIs act on it.
    assert_eq!(post(&server, "/_marketplace/faults", "fault=lost-answer&times=1", "").0, 202);
    let lost = pushed(&server, "instance=inst-1&value=3&metering_sn=sn-9");
    assert_eq!((&lost["isTaken"], &lost["status"]), (&false.into(), &Value::Null));
    assert_eq!(usage_of(&server, "inst-1")[0]["usageValue"], "18.5");

    for (form, why) in [
        ("value=1", "instance is missing"),
        ("product=none&value=1", "no pay-per-use instance has this product"),
        ("instance=inst-1", "value is missing"),
        ("instance=inst-1&value=x", "value: "),
        ("instance=inst-1&value=0", "usage_value"),
        ("instance=inst-1&value=1&begin=yesterday", "begin: "),
        ("instance=inst-1&value=1&api=query-order", "api is unknown"),
    ] {
        let (status, said) = post(&server, "/_marketplace/usage", form, "");
        assert!(status == 400 && said.contains(why), "{form}: {status} {said}");
    }
    let (_, page) = get(&server, "/_marketplace", "");
    for (_, key) in KEYS.iter().chain(&PAIR[1..]) {
        assert!(!page.contains(key));
    }
}

#[test]
fn callbacks_arrive_twice_and_out_of_order() {
    let seller = answering(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 58\r\nConnection: close\r\n\r\n\
         {\"resultCode\":\"000000\",\"resultMsg\":\"x\",\"instanceId\":\"i-1\"}",
    );
    let server = Server::start(marketplace(&["--target", &format!("http://{seller}/x")]).envs(KEYS));
    let switch = |form: &str| post(&server, "/_marketplace/faults/callbacks", form, "");
    assert_eq!(switch("fault=duplicate&activity=newInstance&times=1").0, 202);
    let faults = json(&server, "/_marketplace/faults");
    assert_eq!(faults["callbacks"]["active"][0], "duplicate of newInstance, 1 more");
    assert_eq!(post(&server, "/_marketplace/orders", "profile=saas-v2", "").0, 202);
    eventually(&server, "/_marketplace/subscriptions", |sold| sold[0]["state"] == "active");
    let activities = || -> Vec<String> {
        let log = json(&server, "/_marketplace/log");
        let calls = log["calls"].as_array().unwrap().iter();
        calls.map(|call| call["activity"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(activities(), ["newInstance", "newInstance", "queryInstance"]);
    for number in [1, 2] {
        assert_eq!(json(&server, &format!("/_marketplace/calls/{number}"))["purpose"], "delivered twice");
    }
    assert_eq!(json(&server, "/_marketplace/faults")["callbacks"]["active"], serde_json::json!([]));

    assert_eq!(switch("fault=out-of-order&activity=updateInstanceStatus").0, 202);
    std::thread::scope(|scope| {
        let frozen = scope.spawn(|| post(&server, "/_marketplace/subscriptions/i-1/freeze", "", "").0);
        // The state changes when the call is to be made, and the call waits for the next.
        eventually(&server, "/_marketplace/subscriptions", |sold| sold[0]["state"] == "frozen");
        assert_eq!(post(&server, "/_marketplace/subscriptions/i-1/query", "", "").0, 202);
        assert_eq!(frozen.join().unwrap(), 202);
    });
    assert_eq!(activities()[3..], ["queryInstance", "updateInstanceStatus"]);
    assert_eq!(post(&server, "/_marketplace/faults/clear", "", "").0, 202);
    assert_eq!(json(&server, "/_marketplace/faults")["callbacks"]["active"], serde_json::json!([]));
    let (status, said) = switch("fault=slow");
    assert!(status == 400 && said.contains("known are duplicate"), "{said}");

    let alone = Server::start(marketplace(&[]).envs(KEYS));
    assert_eq!(post(&alone, "/_marketplace/faults/callbacks", "fault=duplicate", "").0, 409);
    assert_eq!(json(&alone, "/_marketplace/faults")["callbacks"], Value::Null);
}
