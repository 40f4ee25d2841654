//! What a receiver gets to see of the documented forms.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::Request;
use koogallery::callback::CallbackService;
use koogallery::protocol::Protocol;
use koogallery_simulator::{Answer, Charging, Checker, Target, TargetError};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::good::{self, Good};

/// Remembers every field of every call, as `activity field=value`.
#[derive(Clone)]
struct Remembering {
    service: CallbackService,
    seen: Arc<Mutex<BTreeSet<String>>>,
}

impl Target for Remembering {
    async fn call(&self, request: Request<Bytes>) -> Result<Answer, TargetError> {
        self.remember(&request);
        Target::call(&self.service, request).await
    }
}

impl Remembering {
    fn remember(&self, request: &Request<Bytes>) {
        let members = members(request);
        let activity = members.iter().find(|(name, _)| name == "activity").and_then(|(_, value)| value.as_str());
        let activity = activity.unwrap_or_else(|| request.uri().path().rsplit('/').next().unwrap());
        let mut seen = self.seen.lock().unwrap();
        for (name, value) in &members {
            seen.insert(format!("{activity} {name}={value}"));
            if let Some(text) = value.as_str() {
                seen.insert(format!("{activity} {name} of {} characters", text.chars().count()));
            }
        }
    }
}

fn members(request: &Request<Bytes>) -> Vec<(String, Value)> {
    if let Ok(Value::Object(members)) = serde_json::from_slice(request.body()) {
        return members.into_iter().collect();
    }
    let pairs = request.uri().query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    pairs.map(|(name, value)| (decoded(name), Value::from(decoded(value)))).collect()
}

async fn seen(protocol: Protocol, charging: &[Charging]) -> BTreeSet<String> {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let target = Remembering { service: Good::of(protocol.into()).service, seen: Arc::clone(&seen) };
    let checker = Checker::new(target, good::keys()).with_profile(protocol).with_charging(charging.iter().copied());
    let report = checker.with_test_flag(false).with_only(["A16"]).run().await.unwrap();
    assert!(report.failures().next().is_none() && report.passed() == 1, "{}", report.to_text(false));
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[tokio::test]
async fn documented_values_are_sent() {
    let v2: &[&str] = &[
        r#"refreshInstance scene="TRIAL_TO_FORMAL""#,
        r#"refreshInstance scene="RENEWAL""#,
        r#"refreshInstance scene="UNSUBSCRIBE_RENEWAL_PERIOD""#,
        r#"refreshInstance scene="RENEWAL_CHANGE""#,
        "refreshInstance expireTime of 14 characters",
        "refreshInstance expireTime of 17 characters",
        "releaseInstance orderLineId of 24 characters",
        r#"queryInstance testFlag="0""#,
        r#"upgradeInstance testFlag="1""#,
    ];
    let v1: &[&str] = &[
        r#"newInstance trialFlag="1""#,
        "newInstance customerName of 64 characters",
        "newInstance expireTime of 14 characters",
        r#"newInstance periodType="month""#,
        r#"newInstance periodNumber="12""#,
        r#"newInstance amount="9999""#,
        r#"newInstance orderAmount="0""#,
        r#"newInstance orderAmount="99.999""#,
        r#"refreshInstance orderAmount="-99.999""#,
        r#"refreshInstance trialToFormal="1""#,
        "expireInstance orderId of 17 characters",
        r#"instanceStatus instanceStatus="FREEZE""#,
        r#"instanceStatus instanceStatus="NORMAL""#,
        r#"upgrade bandWidth="9999999""#,
    ];
    let online: &[&str] = &[
        r#"refreshInstance scene="TRIAL_TO_FORMAL""#,
        r#"getLicenseAsync expireTime="2099-01-01 00:00:00 z""#,
        "getLicenseAsync deviceFingerprint of 1024 characters",
    ];
    let v1_license: &[&str] =
        &[r#"getLicense periodType="month""#, r#"refreshLicense periodNumber="12""#, r#"getLicense amount="1""#];
    let kit: &[&str] = &[
        "tenantSync testFlag=0",
        "tenantSync testFlag=1",
        "tenantSync name of 255 characters",
        r#"singleOrgSync parentCode="""#,
        r#"singleOrgSync parentCode="D0000""#,
    ];
    for (protocol, expected) in [
        (Protocol::SaasV2, v2),
        (Protocol::SaasV1, v1),
        (Protocol::LicenseOnline, online),
        (Protocol::LicenseV1, v1_license),
        (Protocol::LicenseCode, &[r#"refreshLicenseCode scene="UNSUBSCRIBE_RENEWAL_PERIOD""#]),
        (Protocol::OrderNotify, &[r#"orderNotify testFlag="1""#, r#"orderNotify testFlag="0""#]),
        (Protocol::KitV2, kit),
    ] {
        let seen = seen(protocol, &[]).await;
        for value in expected {
            assert!(seen.contains(*value), "{protocol}: {value}");
        }
    }
}

/// What belongs to another way of charging says nothing about the product.
#[tokio::test]
async fn forms_of_products_that_are_not_sold_are_not_sent() {
    let seen = seen(Protocol::SaasV1, &[Charging::OneTime]).await;
    for name in ["newInstance expireTime=", "newInstance periodType=", "refreshInstance periodNumber="] {
        assert!(!seen.iter().any(|value| value.starts_with(name)), "{name}");
    }
    assert!(seen.contains(r#"newInstance trialFlag="1""#));
}

/// A real application makes the seller deliver a License to the real marketplace.
#[tokio::test]
async fn licenses_are_applied_for_in_tests_only() {
    let seen = seen(Protocol::LicenseOnline, &[]).await;
    let flags: Vec<_> = seen.iter().filter(|value| value.starts_with("getLicenseAsync testFlag=")).collect();
    assert_eq!(flags, [r#"getLicenseAsync testFlag="1""#]);
}
