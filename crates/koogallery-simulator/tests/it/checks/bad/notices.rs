//! A receiver of purchases and of order notifications that keeps both under one key.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use koogallery::protocol::Protocol::SaasV2;
use koogallery::testing::AcceptAll;
use koogallery_simulator::Profile::Protocol as Of;
use serde_json::json;

use super::{Bad, Case, answer, fields, is_proved, text};
use crate::good::Good;
use koogallery::signature::Window;

pub fn cases() -> impl Iterator<Item = Case> {
    FAMILY.iter().map(|bad| Case { bad, good: |_| with_notices(), setting: |checker| checker })
}

/// A good receiver of both, on one ledger.
pub fn with_notices() -> Good {
    Good::with_ledger(|builder, ledger| builder.orders(AcceptAll::new(), ledger))
}

const FAMILY: [Bad; 1] = [Bad {
    mistake: "takes a purchase for the notice of the same order line",
    profile: Of(SaasV2),
    fails: &["I14"],
    has_probe: true,
    handler: |good| {
        let (service, noticed) = (good.service.clone(), Arc::new(Mutex::new(HashSet::new())));
        Box::new(move |request| {
            let (service, noticed) = (service.clone(), Arc::clone(&noticed));
            async move {
                let call = fields(&request);
                let line = text(&call, "orderLineId").to_owned();
                match text(&call, "activity") {
                    "orderNotify" => drop(noticed.lock().unwrap().insert(line)),
                    "newInstance"
                        if noticed.lock().unwrap().contains(&line) && is_proved(&request, Window::default()) =>
                    {
                        return answer(&json!({ "resultCode": "000000", "resultMsg": "ok", "instanceId": line }));
                    }
                    _ => {}
                }
                service.call(request).await
            }
            .boxed()
        })
    },
}];
