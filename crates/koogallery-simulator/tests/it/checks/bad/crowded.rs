//! Receivers that cannot cope with many calls at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Method, Request};
use koogallery::protocol::Protocol::SaasV2;
use koogallery::signature::Window;
use koogallery_simulator::Profile::Protocol as Of;
use tokio::sync::Semaphore;

use super::{Bad, Case, fields, is_proved, refusal, text};
use crate::good::Good;

pub fn cases() -> impl Iterator<Item = Case> {
    FAMILY.iter().map(|bad| Case { bad, good: Good::of, setting: |checker| checker.with_timing_checks(true) })
}

const FAMILY: [Bad; 2] = [
    Bad {
        mistake: "fails when all 30 connections to its database are in use",
        profile: Of(SaasV2),
        fails: &["D4"],
        has_probe: true,
        handler: |good| {
            let (service, pool) = (good.service.clone(), Arc::new(Semaphore::new(30)));
            Box::new(move |request| {
                let (service, pool) = (service.clone(), Arc::clone(&pool));
                async move {
                    let is_purchase = text(&fields(&request), "activity") == "newInstance";
                    if !is_purchase || !is_proved(&request, Window::default()) {
                        return service.call(request).await;
                    }
                    let Ok(_connection) = pool.try_acquire() else { return refusal("000005") };
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    service.call(request).await
                }
                .boxed()
            })
        },
    },
    Bad {
        mistake: "refuses everything after 100 invalid calls at once",
        profile: Of(SaasV2),
        fails: &["X18"],
        has_probe: true,
        handler: |good| {
            let service = good.service.clone();
            let (wrong, is_shut) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
            Box::new(move |request: Request<_>| {
                let (service, wrong, is_shut) = (service.clone(), Arc::clone(&wrong), Arc::clone(&is_shut));
                async move {
                    if *request.method() != Method::POST || is_proved(&request, Window::default()) {
                        return match is_shut.swap(false, Ordering::Relaxed) {
                            true => refusal("000005"),
                            false => service.call(request).await,
                        };
                    }
                    if wrong.fetch_add(1, Ordering::Relaxed) >= 100 {
                        is_shut.store(true, Ordering::Relaxed);
                    }
                    tokio::task::yield_now().await;
                    wrong.fetch_sub(1, Ordering::Relaxed);
                    service.call(request).await
                }
                .boxed()
            })
        },
    },
];
