//! Every setting of a service does what it says.

use std::time::Duration;

use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::CallbackService;
use koogallery::callback::subscription::*;
use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::clock::ManualClock;
use koogallery::key::{AccessKeys, InterfaceType, KeyRing};
use koogallery::random::{Random, RandomError};
use koogallery::signature::{Window, body_sign, callback_v2};
use time::UtcOffset;

use crate::support::*;

const DEBUG_V2: &str = r#"{"activity":"queryInstance","instanceId":"x","testFlag":"1"}"#;
const DEBUG_V1: &str = "activity=newInstance&businessId=b&customerId=c&orderId=CS1&productId=P&testFlag=1";

#[tokio::test]
async fn v2_answers_are_signed_where_the_seller_wants_it() {
    let stage = Stage::with(|builder| builder.sign_v2_answers(true));
    for answer in [stage.post(DEBUG_V2).await, stage.post_signed("", "{}").await] {
        let ring = KeyRing::new(stage.key.clone());
        assert_eq!(body_sign::verify(&ring, &answer.body_sign.unwrap(), &answer.body), Ok(()));
    }
    assert!(Stage::new().post(DEBUG_V2).await.body_sign.is_none());
}

#[tokio::test]
async fn the_encrypt_type_counts_in_both_directions() {
    let stage = Stage::with(|builder| builder.encrypt_type(EncryptType::Aes128));
    let cipher = FieldCipher::new(&stage.key, EncryptType::Aes128);
    let phone =
        cipher.encrypt("13800138000").unwrap().as_str().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let answer = stage.get(&format!("{}&mobilePhone={phone}", v1_purchase("CS1", "b"))).await;
    assert_eq!(answer.json["encryptType"], "2");
    let password = answer.json["appInfo"]["password"].as_str().unwrap();
    assert_eq!(cipher.decrypt(&password.into()).unwrap().expose(), "Init#2025pw");
    let Event::Create(event) = stage.seller.last() else { panic!() };
    assert_eq!(event.details.unwrap().customer.unwrap().mobile_phone.unwrap().expose(), "13800138000");
}

#[tokio::test]
async fn the_zone_of_v1_expiry_is_a_setting() {
    let china = UtcOffset::from_hms(8, 0, 0).unwrap();
    let stage = Stage::with(|builder| builder.v1_expire_time_zone(china));
    stage.get(&v1_purchase("CS1", "b")).await;
    stage.get("activity=refreshInstance&expireTime=20270102080000&instanceId=b&orderId=CS2").await;
    let Event::Renew(event) = stage.seller.last() else { panic!() };
    assert_eq!(event.expire_time.to_string(), "20270102000000");
}

#[tokio::test]
async fn windows_can_be_widened_and_narrowed() {
    let stage = Stage::with(|builder| {
        builder
            .v2_window(Window::symmetric(Duration::from_secs(600)))
            .v1_window(Window::new(Duration::from_secs(60), Duration::ZERO))
    });
    let body = DEBUG_V2.as_bytes();
    let (v1, v2) = (v1_query(&stage.key, DEBUG_V1, NOW), callback_v2::signed_query(&stage.key, "n", NOW, body));
    stage.clock.advance(Duration::from_secs(90));
    assert_eq!(stage.get_signed(&v1).await.code, "000002");
    assert_eq!(stage.post_signed(&v2, DEBUG_V2).await.code, "000000");
}

#[tokio::test]
async fn debug_answers_show_the_access_data_set_for_them() {
    let access = AccessInfo::new("https://debug.example.com").with_login("tester", "secret");
    let stage = Stage::with(|builder| builder.debug_access(access.clone()));
    let answer = stage.get(DEBUG_V1).await;
    assert_eq!(answer.json["appInfo"]["frontEndUrl"], "https://debug.example.com");
    assert_eq!(stage.decrypted(&answer.json["appInfo"]["userName"]), "tester");
    assert_eq!(stage.post(DEBUG_V2).await.json["info"][0]["appInfo"]["password"], "secret");
}

#[tokio::test]
async fn without_a_key_or_a_handler_nothing_succeeds() {
    let log = Log::default();
    let service = |keys| {
        let builder = CallbackService::builder(keys, TokioRuntime).observer(log.clone());
        builder.clock(ManualClock::new(NOW)).build()
    };
    let kit_only = AccessKeys::new().with(InterfaceType::Kit, key()).unwrap();
    let query = callback_v2::signed_query(&key(), "n", NOW, DEBUG_V2.as_bytes());
    for request in [post_request(&query, DEBUG_V2), get_request(&v1_query(&key(), DEBUG_V1, NOW))] {
        let answer = Answer::read(service(kit_only.clone()).call(request).await);
        assert_eq!(answer.code, "000001");
    }
    let answer = Answer::read(service(keys()).call(post_request(&query, DEBUG_V2)).await);
    assert_eq!(answer.code, "000005");
    assert!(log.last().contains("no handler"), "{}", log.last());
}

#[tokio::test]
async fn without_randomness_no_secret_leaves() {
    struct Dry;
    impl Random for Dry {
        fn fill(&self, _buffer: &mut [u8]) -> Result<(), RandomError> {
            Err(RandomError)
        }
    }
    let access = AccessInfo::new("https://debug.example.com").with_login("tester", "secret");
    let stage = Stage::with(|builder| builder.random(Dry).debug_access(access));
    assert_eq!(stage.get(DEBUG_V1).await.code, "000005");
    assert!(stage.log.last().contains("randomness"), "{}", stage.log.last());
}
