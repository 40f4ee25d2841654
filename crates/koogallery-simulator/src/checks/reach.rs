//! Can the endpoint be reached, and does it answer at all?

use std::time::Duration;

use http::Method;
use tokio::time::sleep;

use crate::call::Proof;
use crate::reading::Reading;
use crate::session::{Checked, Session, Stop};

/// As the marketplace waits for a whole answer.
const IN_TIME: Duration = Duration::from_secs(5);

/// Whatever the answer says.
pub(super) async fn answers(session: &mut Session) -> Checked {
    let connected = match session.http() {
        Ok(target) => Some(target.connect().await?.times),
        Err(_) => None,
    };
    let message = session.fresh();
    session.tell(&message).await?;
    let Some(times) = connected else { return Ok(()) };
    let tls = times.tls.map_or_else(String::new, |time| format!(", TLS {}", milliseconds(time)));
    let (dns, tcp) = (milliseconds(times.dns), milliseconds(times.tcp));
    session.notes.push(format!("the connection took: name {dns}, TCP {tcp}{tls}"));
    match times.total() > IN_TIME {
        true => Err(Stop::failed(
            format!("a connection within {IN_TIME:?}"),
            format!("one after {}", milliseconds(times.total())),
            "the connection alone takes the time that the marketplace has for the answer",
        )),
        false => Ok(()),
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// A caller who is not on the list sees something in front of the endpoint.
pub(super) async fn not_restricted(session: &mut Session) -> Checked {
    let message = session.fresh();
    let reading = session.tell(&message).await?;
    match (reading.status, &reading.code) {
        (401 | 403 | 407 | 429 | 451, None) => Err(Stop::failed(
            "an answer of the endpoint itself",
            format!("HTTP status {} without a resultCode", reading.status),
            "something in front refuses this machine: an allow-list, a firewall, or a guard against machines",
        )),
        _ => Ok(()),
    }
}

/// The marketplace looks from time to time whether the endpoint is there. What is sent has no effect.
pub(super) async fn steady(session: &mut Session) -> Checked {
    const PROBES: u32 = 10;
    let kind = |reading: &Reading| match &reading.code {
        Some(code) => format!("resultCode {code}"),
        None => format!("HTTP status {}", reading.status),
    };
    let message = session.fresh();
    let mut first = None;
    for _ in 0..PROBES {
        let call = session.sign(&message).with_proof(Proof::Signature, None);
        let reading = session.send(call).await?;
        let first = first.get_or_insert_with(|| kind(&reading));
        if *first != kind(&reading) {
            return Err(Stop::failed(
                format!("{first}, as before"),
                kind(&reading),
                "the endpoint answers the same call now in this way, now in that",
            ));
        }
        sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

pub(super) async fn wrong_method(session: &mut Session) -> Checked {
    let message = session.author.purchase();
    for method in [Method::PUT, Method::DELETE] {
        let mut call = session.sign(&message);
        call.method = method.clone();
        call.is_judged = false;
        let reading = session.send(call).await?;
        if reading.is_success() || reading.is_processing() {
            return Err(Stop::failed(
                format!("{method} is refused"),
                "it is accepted".to_owned(),
                "the method is not looked at",
            ));
        }
    }
    let Some(order) = message.get("orderId").map(str::to_owned) else { return Ok(()) };
    session.expect_instances(&order, 0).await
}
