//! Creations and queries per second on durable stores, by one caller and by many at once. Also compiled into earlier
//! versions, to be compared.

use std::time::Instant;

use bytes::Bytes;
use futures_util::future::try_join_all;
use http::Request;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::CallbackService;
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::ledger::Ledger;
use koogallery::replay::ReplayGuard;
use koogallery::signature::callback_v2;
use koogallery::testing::AcceptAll;

use crate::Outcome;

const KEY: &str = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";

/// Callers at once.
pub const MANY: usize = 32;

/// What is measured, and what it prints before its calls per second.
pub const WORKS: [(&str, usize); 4] = [("create", 1), ("create", MANY), ("query", 1), ("query", MANY)];

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Size {
    /// Number of the first call, which none of an earlier round has had.
    pub first: usize,
    /// Calls of one caller.
    pub calls: usize,
}

impl Size {
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut number = || -> Outcome<usize> { Ok(arguments.next().ok_or("--speed wants two numbers")?.parse()?) };
        Ok(Self { first: number()?, calls: number()? })
    }
}

pub fn service(ledger: impl Ledger, guard: impl ReplayGuard) -> Outcome<CallbackService> {
    let keys = AccessKeys::new().with(InterfaceType::Basic, AccessKey::new(KEY)?)?;
    Ok(CallbackService::builder(keys, TokioRuntime).subscription(AcceptAll::new(), ledger).replay_guard(guard).build())
}

/// Prints a line for each of the works.
pub async fn measure(service: &CallbackService, size: Size) -> Outcome {
    let mut first = size.first;
    let known = format!("business-{first}");
    for (work, callers) in WORKS {
        let body = |number: usize| match work {
            "create" => creation(number),
            _ => format!(r#"{{"activity":"queryInstance","instanceId":"{known}"}}"#),
        };
        // A query is some times quicker than a creation.
        let calls = if work == "create" { size.calls } else { size.calls * 4 };
        let began = Instant::now();
        let calling = (0..callers).map(|caller| {
            let from = first + caller * calls;
            let bodies: Vec<_> = (from..from + calls).map(|number| (number, body(number))).collect();
            let calling = tokio::spawn(call_all(service.clone(), bodies));
            async move { calling.await? }
        });
        try_join_all(calling).await?;
        first += callers * calls;
        println!("{work} {callers} {:.1}", (callers * calls) as f64 / began.elapsed().as_secs_f64());
    }
    Ok(())
}

async fn call_all(service: CallbackService, bodies: Vec<(usize, String)>) -> Outcome {
    for (number, body) in bodies {
        call(&service, number, body).await?;
    }
    Ok(())
}

/// Makes a call of a number that no other call has.
pub async fn call(service: &CallbackService, number: usize, body: String) -> Outcome {
    let (key, nonce) = (AccessKey::new(KEY)?, format!("{number:032}"));
    let query = callback_v2::signed_query(&key, &nonce, SystemClock.now(), body.as_bytes());
    let answer = service.call(Request::post(format!("/saasproduce?{query}")).body(Bytes::from(body))?).await;
    if answer.body().starts_with(br#"{"resultCode":"000000""#) {
        return Ok(());
    }
    Err(format!("call {number} was answered {}", String::from_utf8_lossy(answer.body())).into())
}

/// Returns the message for an order of its own.
pub fn creation(number: usize) -> String {
    let order = format!(r#""orderId":"CS{number}","orderLineId":"CS{number}-000001""#);
    format!(r#"{{"activity":"newInstance","businessId":"business-{number}",{order}}}"#)
}
