//! The example servers pass what `check` knows, as a seller would run it.

use std::time::Instant;

use axum::Router;
use axum::http::Uri;
use serde_json::{Value, json};

use crate::process::serve_in_background;
use crate::servers::{Example, KEYS};
use crate::support::run;

/// Checks every profile, with nothing that fails, mandatory or not.
fn passes(url: &str, probe: Option<&str>, profiles: &[&str]) {
    for profile in profiles {
        let mut arguments = vec!["check", url, "--profile", profile, "--format", "json"];
        arguments.extend(probe.iter().flat_map(|probe| ["--probe", probe]));
        let began = Instant::now();
        let run = run(&KEYS, &arguments);
        let took = began.elapsed();
        let report = serde_json::from_str::<Value>(&run.out).unwrap_or_else(|_| panic!("{run:?}"))[0].take();
        let failed: Vec<_> =
            report["results"].as_array().unwrap().iter().filter(|r| r["outcome"] == "failed").collect();
        assert!(run.code == 0 && report["ok"] == true && failed.is_empty(), "{profile}: {failed:#?}");
        assert!(report["passed"].as_u64().unwrap() > 30, "{profile}: hardly anything was checked");
        println!(
            "{profile}: {} checks passed, {} calls, {:.1} s",
            report["passed"],
            report["calls"],
            took.as_secs_f64()
        );
    }
}

#[test]
fn the_isv_server_passes_every_profile() {
    let seller = Example::start("isv_server", &[]);
    let profiles =
        ["saas-v2", "saas-v1", "kit-v1", "kit-v2", "license-code", "license-online", "license-v1", "order-notify"];
    passes(&seller.url("/saasproduce"), Some(&seller.url("/admin/instances")), &profiles);
}

/// A marketplace that knows every order, and takes every License.
async fn marketplace(uri: Uri) -> String {
    let parameter = |name: &str| {
        let mut pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(found, _)| *found == name).map(|(_, value)| value.to_owned())
    };
    let Some(order) = parameter("orderId") else {
        return json!({ "error_code": "CBC.0000", "error_msg": "Success" }).to_string();
    };
    let line = json!({
        "orderLineId": parameter("orderLineId").unwrap_or_else(|| format!("{order}-000001")),
        "chargingMode": "PERIOD",
        "productInfo": [{ "productId": "OFFI1" }],
    });
    let info = json!({ "orderId": order, "orderType": "NEW", "orderLine": [line] });
    json!({ "resultCode": "MKT.0000", "orderInfo": info }).to_string()
}

#[test]
fn the_license_server_passes_its_profiles() {
    let open_api = format!("http://{}", serve_in_background(Router::new().fallback(marketplace)));
    let settings =
        [("KOOGALLERY_AK", "AK"), ("KOOGALLERY_SK", "SK-0123456789"), ("KOOGALLERY_OPEN_API_URL", &*open_api)];
    let seller = Example::start("license_server", &settings);
    passes(&seller.url("/licenses"), None, &["license-code", "license-online", "license-v1"]);
}
