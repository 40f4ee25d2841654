//! Checks that the endpoint answers however its callers use connections.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use crate::call::{Call, Proof};
use crate::http_target::{Connection, Framing, HttpTarget, body, head};
use crate::reading::Reading;
use crate::session::{Checked, Session, Stop};
use crate::target::{Answer, TargetError};

/// Maximum duration of a call.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Typical time after which clients that expect `100 Continue` send the body anyway.
const CONTINUE: Duration = Duration::from_secs(3);

/// A call on a connection that may have carried others before.
async fn tell_over(
    session: &mut Session,
    target: &HttpTarget,
    connection: &mut Connection,
    is_last: bool,
) -> Result<Reading, Stop> {
    let message = session.fresh();
    let call = session.sign(&message);
    let outcome = match call.to_request() {
        Some(request) => {
            let exchange = connection.exchange(&request, target.authority(), Framing::Plain, is_last);
            timeout(TIMEOUT, exchange).await.unwrap_or(Err(TargetError::Timeout(TIMEOUT)))
        }
        None => Err(TargetError::unwritable()),
    };
    session.read(call, outcome)
}

pub(super) async fn kept_open(session: &mut Session) -> Checked {
    let target = session.http()?;
    let mut connection = target.connect().await?;
    tell_over(session, &target, &mut connection, false).await?.accepted("a call on a kept-alive connection")?;
    if connection.left_over() > 0 {
        return Err(Stop::failed(
            "nothing after the answer",
            format!("{} bytes more", connection.left_over()),
            "the answer is longer than its Content-Length, and the rest is read as the next answer",
        ));
    }
    match connection.is_open {
        true => {
            let second = tell_over(session, &target, &mut connection, false).await.map_err(|stop| match stop {
                Stop::Failed(failure) => Stop::failed(
                    "a second answer on the same connection",
                    failure.got,
                    "the server closes the connection without announcing it (Connection: close), or continues after its answer: \
                     the next call is lost",
                ),
                stop => stop,
            })?;
            second.accepted("a second call on the same connection")?;
        }
        false => session.notes.push("the server closes the connection after each answer, and says so".to_owned()),
    }
    // Servers that handle one connection at a time are caught by another check.
    drop(connection);
    let mut fresh = target.connect().await?;
    tell_over(session, &target, &mut fresh, true).await?.accepted("a call on a fresh connection")
}

/// Sends a request with `Expect: 100-continue`; returns whether the server asked for the body.
async fn after_continue(target: &HttpTarget, call: &Call) -> Result<(Answer, bool), TargetError> {
    let request = call.to_request().ok_or_else(TargetError::unwritable)?;
    let mut connection = target.connect().await?;
    let began = Instant::now();
    connection.send(&head(&request, target.authority(), Framing::AfterContinue, true)).await?;
    let (wants_body, is_heard) = match timeout(CONTINUE, connection.is_continued()).await {
        Ok(is_continued) => (is_continued?, true),
        Err(_) => (true, false),
    };
    if wants_body {
        connection.send(&body(&request, Framing::AfterContinue)).await?;
    }
    Ok((connection.answer(began, true).await?, is_heard))
}

/// The same call must be accepted however its bytes are framed.
fn same_as_ever(outcome: Result<Reading, Stop>, what: &str, cause: &str) -> Checked {
    let got = match outcome {
        Ok(reading) => match reading.accepted(what) {
            Err(Stop::Failed(failure)) => failure.got,
            checked => return checked,
        },
        Err(Stop::Failed(failure)) => failure.got,
        Err(stop) => return Err(stop),
    };
    Err(Stop::failed(format!("{what} is answered like any other"), got, cause))
}

pub(super) async fn forms(session: &mut Session) -> Checked {
    let mut call = unjudged(session);
    call.set_header("accept-encoding", "gzip");
    let (reading, answer) = session.send_raw(call).await?;
    if let Some(coding) = answer.header("content-encoding").filter(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(Stop::failed(
            "an uncompressed body",
            format!("content-encoding: {coding}"),
            "the answer is compressed for clients that accept it",
        ));
    }
    same_as_ever(Ok(reading), "a call with Accept-Encoding", "the answer depends on Accept-Encoding")?;

    let call = unjudged(session);
    // The rest is about bodies, and needs a connection.
    let (Ok(target), false) = (session.http(), call.body.is_empty()) else { return Ok(()) };
    let outcome = match call.to_request() {
        Some(request) => target.call_as(&request, Framing::Chunked).await,
        None => Err(TargetError::unwritable()),
    };
    let outcome = session.read(call, outcome);
    let cause = "the server, or a proxy in front, accepts only bodies of known length";
    same_as_ever(outcome, "a call with a chunked body", cause)?;

    let call = unjudged(session);
    let outcome = timeout(TIMEOUT, after_continue(&target, &call)).await;
    let outcome = outcome.unwrap_or(Err(TargetError::Timeout(TIMEOUT)));
    let is_heard = outcome.as_ref().map_or(true, |(_, is_heard)| *is_heard);
    let outcome = session.read(call, outcome.map(|(answer, _)| answer));
    same_as_ever(outcome, "a call with Expect: 100-continue", "Expect: 100-continue is not supported")?;
    match is_heard {
        true => Ok(()),
        false => Err(Stop::failed(
            "100 Continue, or the answer, at once",
            format!("nothing within {CONTINUE:?}"),
            "Expect: 100-continue is ignored: such callers lose time with every call",
        )),
    }
}

/// A valid call in an unusual form, which a server may reject for that form.
fn unjudged(session: &mut Session) -> Call {
    let message = session.fresh();
    Call { is_judged: false, ..session.sign(&message) }
}

/// Sends a request so slowly that it does not finish.
async fn drip(mut connection: Connection, bytes: &[u8]) {
    for byte in bytes {
        if connection.send(&[*byte]).await.is_err() {
            return;
        }
        sleep(Duration::from_millis(250)).await;
    }
}

pub(super) async fn slow_senders(session: &mut Session) -> Checked {
    const SLOW: usize = 8;
    const LIMIT: Duration = Duration::from_secs(5);
    let target = session.http()?;
    let message = session.fresh();
    let unsigned = session.sign(&message).with_proof(Proof::Signature, None);
    let Some(request) = unsigned.to_request() else { return Ok(()) };
    let bytes = [head(&request, target.authority(), Framing::Plain, true), body(&request, Framing::Plain)].concat();
    let mut slow = Vec::with_capacity(SLOW);
    for _ in 0..SLOW {
        slow.push(target.connect().await?);
    }
    let message = session.fresh();
    let call = session.sign(&message);
    let right = async {
        // Gives the slow senders time to start.
        sleep(Duration::from_millis(500)).await;
        timeout(LIMIT, session.send(call)).await
    };
    let dripping = async {
        join_all(slow.into_iter().map(|connection| drip(connection, &bytes))).await;
        std::future::pending::<()>().await;
    };
    let outcome = tokio::select! {
        outcome = right => outcome,
        () = dripping => return Ok(()),
    };
    let blocked = |got: String| {
        Stop::failed(
            format!("an answer within {LIMIT:?} while {SLOW} others send slowly"),
            got,
            "the server reads one request to its end before the next: any client can block it",
        )
    };
    match outcome {
        Ok(Ok(reading)) => reading.accepted("a call while others send slowly"),
        Ok(Err(Stop::Failed(failure))) => Err(blocked(failure.got)),
        Ok(Err(stop)) => Err(stop),
        Err(_) => Err(blocked("none".to_owned())),
    }
}
