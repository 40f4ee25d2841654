//! Receivers that take their time in the wrong way.

use std::time::Duration;

use futures_util::FutureExt as _;
use koogallery::simulator::Profile::SaasV2;

use super::{Bad, Case, fields, text};
use crate::simulator_checks::good::Good;

const DEADLINE: Duration = Duration::from_millis(300);

pub fn cases() -> impl Iterator<Item = Case> {
    CASES.into_iter()
}

const CASES: [Case; 1] = [Case {
    bad: &Bad {
        mistake: "does the work before it answers",
        profile: SaasV2,
        fails: &["D1"],
        has_probe: true,
        handler: |good| {
            let service = good.service.clone();
            Box::new(move |request| {
                let service = service.clone();
                async move {
                    if text(&fields(&request), "activity") == "upgradeInstance" {
                        tokio::time::sleep(DEADLINE).await;
                    }
                    service.call(request).await
                }
                .boxed()
            })
        },
    },
    good: Good::of,
    setting: |checker| checker.deadline(DEADLINE),
}];
