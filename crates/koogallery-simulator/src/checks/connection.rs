//! Does the endpoint answer however its callers use a connection?

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::time::{sleep, timeout};

use crate::call::{Call, Proof};
use crate::http_target::{Connection, Framing, HttpTarget, body, head};
use crate::reading::Reading;
use crate::session::{Checked, Session, Stop};
use crate::target::{Answer, TargetError};

/// As long as a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Clients that ask wait about so long before they send the body all the same.
const CONTINUE: Duration = Duration::from_secs(3);

/// A call on a connection that may have had others.
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
    session.note(call, outcome).map(|answer| Reading::new(&answer))
}

pub(super) async fn kept_open(session: &mut Session) -> Checked {
    let target = session.http()?;
    let mut connection = target.connect().await?;
    tell_over(session, &target, &mut connection, false).await?.accepted("a call on a connection that is kept open")?;
    if connection.left_over() > 0 {
        return Err(Stop::failed(
            "nothing after the answer",
            format!("{} bytes more", connection.left_over()),
            "the answer is longer than its Content-Length, and the rest is taken for the next answer",
        ));
    }
    match connection.is_open {
        true => {
            let second = tell_over(session, &target, &mut connection, false).await.map_err(|stop| match stop {
                Stop::Failed(failure) => Stop::failed(
                    "a second answer on the same connection",
                    failure.got,
                    "the server closes the connection without saying so (Connection: close), or goes on after its answer: \
                     the next call is lost",
                ),
                stop => stop,
            })?;
            second.accepted("a second call on the same connection")?;
        }
        false => session.notes.push("the server closes the connection after each answer, and says so".to_owned()),
    }
    // Who serves one connection at a time is found elsewhere.
    drop(connection);
    let mut fresh = target.connect().await?;
    tell_over(session, &target, &mut fresh, true).await?.accepted("a call on a fresh connection")
}

/// A request that waits to be asked for its body, and whether it was.
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

/// The same call has to be accepted however its bytes come.
fn same_as_ever(outcome: Result<Answer, Stop>, what: &str, cause: &str) -> Checked {
    let got = match outcome {
        Ok(answer) => match Reading::new(&answer).accepted(what) {
            Err(Stop::Failed(failure)) => failure.got,
            checked => return checked,
        },
        Err(Stop::Failed(failure)) => failure.got,
        Err(stop) => return Err(stop),
    };
    Err(Stop::failed(format!("{what} is answered as any other"), got, cause))
}

pub(super) async fn forms(session: &mut Session) -> Checked {
    let mut call = unjudged(session);
    call.set_header("accept-encoding", "gzip");
    let answer = session.send_raw(call).await?;
    if let Some(coding) = answer.header("content-encoding").filter(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(Stop::failed(
            "a body that is sent as it was signed",
            format!("content-encoding: {coding}"),
            "something compresses the answer for clients that know how to unpack it",
        ));
    }
    same_as_ever(Ok(answer), "a call that knows how to unpack", "the answer depends on Accept-Encoding")?;

    let call = unjudged(session);
    // What follows is about bodies, and needs a connection.
    let (Ok(target), false) = (session.http(), call.body.is_empty()) else { return Ok(()) };
    let outcome = match call.to_request() {
        Some(request) => target.call_as(&request, Framing::Chunked).await,
        None => Err(TargetError::unwritable()),
    };
    let outcome = session.note(call, outcome);
    let cause = "the server, or something before it, takes bodies of a known length only";
    same_as_ever(outcome, "a call whose body comes in chunks", cause)?;

    let call = unjudged(session);
    let outcome = timeout(TIMEOUT, after_continue(&target, &call)).await;
    let outcome = outcome.unwrap_or(Err(TargetError::Timeout(TIMEOUT)));
    let is_heard = outcome.as_ref().map_or(true, |(_, is_heard)| *is_heard);
    let outcome = session.note(call, outcome.map(|(answer, _)| answer));
    same_as_ever(outcome, "a call that waits to be asked for its body", "Expect: 100-continue is not understood")?;
    match is_heard {
        true => Ok(()),
        false => Err(Stop::failed(
            "100 Continue, or the answer, at once",
            format!("nothing within {CONTINUE:?}"),
            "Expect: 100-continue is ignored: callers that ask lose time with every call",
        )),
    }
}

/// A right call that a server may refuse for its form, in a form of its own.
fn unjudged(session: &mut Session) -> Call {
    let message = session.fresh();
    Call { is_judged: false, ..session.sign(&message) }
}

/// Sends a request so slowly that its end does not matter.
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
        // They shall have begun.
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
            "the server reads a request to its end before it turns to the next: anybody can stop it",
        )
    };
    match outcome {
        Ok(Ok(reading)) => reading.accepted("a call while others send slowly"),
        Ok(Err(Stop::Failed(failure))) => Err(blocked(failure.got)),
        Ok(Err(stop)) => Err(stop),
        Err(_) => Err(blocked("none".to_owned())),
    }
}
