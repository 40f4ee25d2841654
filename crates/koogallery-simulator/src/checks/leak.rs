//! Checks that the time of a rejection does not reveal how much of the signature was right.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use tokio::time::timeout;

use crate::call::{Call, Proof};
use crate::http_target::{Connection, Framing};
use crate::session::{Checked, Session, Stop};
use crate::target::{Answer, TargetError};

const ROUNDS: usize = 100;
const BUDGET: Duration = Duration::from_secs(20);
const TIMEOUT: Duration = Duration::from_secs(10);

/// Smaller slopes are noise; comparing one byte takes nanoseconds.
const GLARING: Duration = Duration::from_micros(500);

/// Returns the valid signature with one character changed at this position.
fn wrong_from(right: &str, at: usize) -> Option<String> {
    let (before, after) = (right.get(..at)?, right.get(at + 1..)?);
    let other = if right.get(at..=at)? == "1" { "2" } else { "1" };
    Some([before, other, after].concat())
}

/// Makes the calls, without counting the time to connect.
struct Stopwatch<'s> {
    session: &'s mut Session,
    connection: Option<Connection>,
}

impl Stopwatch<'_> {
    async fn time(&mut self, call: &Call) -> Result<Duration, Stop> {
        let request = call.to_request().ok_or_else(TargetError::unwritable)?;
        self.session.calls += 1;
        let answer = timeout(TIMEOUT, self.answer(request)).await;
        Ok(answer.unwrap_or(Err(TargetError::Timeout(TIMEOUT)))?.duration)
    }

    async fn answer(&mut self, request: Request<Bytes>) -> Result<Answer, TargetError> {
        let Some(target) = self.session.http_target() else { return self.session.target.call(request).await };
        let mut connection = match self.connection.take().filter(|connection| connection.is_open) {
            Some(connection) => connection,
            None => target.connect().await?,
        };
        let answer = connection.exchange(&request, target.authority(), Framing::Plain, false).await?;
        self.connection = Some(connection);
        Ok(answer)
    }
}

/// Returns the lower quartile: disturbances only ever make a measurement longer.
fn quartile(samples: impl Iterator<Item = Duration>) -> Duration {
    let mut sorted: Vec<_> = samples.collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 4).copied().unwrap_or_default()
}

/// Returns the difference between the two halves of the same measurements.
fn noise(samples: &[Duration]) -> Duration {
    let half = |first| quartile(samples.iter().skip(first).step_by(2).copied());
    half(0).abs_diff(half(1))
}

/// Fails only on a slope that can be measured in practice; the figures are reported in any case.
pub(super) async fn comparison(session: &mut Session) -> Checked {
    let message = session.fresh();
    let length = session.sign(&message).proof(Proof::Signature).map_or(0, str::len);
    if length < 16 {
        return Err(Stop::not_run("the call has no signature"));
    }
    // The end of Base64 is not changed: another character there may encode the same bytes.
    let shared = [0, length / 2, length - 4];
    let mut samples: [Vec<Duration>; 3] = Default::default();
    let began = Instant::now();
    let mut stopwatch = Stopwatch { session, connection: None };
    for round in 0..ROUNDS {
        if began.elapsed() > BUDGET {
            break;
        }
        for turn in 0..shared.len() {
            // Interleaved, so that drift affects all positions alike.
            let which = (round + turn) % shared.len();
            let call = stopwatch.session.sign(&message);
            let wrong = call.proof(Proof::Signature).and_then(|right| wrong_from(right, shared[which]));
            let call = call.with_proof(Proof::Signature, wrong.as_deref());
            samples[which].push(stopwatch.time(&call).await?);
        }
    }
    let [none, half, nearly_all] = samples.each_ref().map(|samples| quartile(samples.iter().copied()));
    let noise = samples.iter().map(|samples| noise(samples)).max().unwrap_or_default();
    let micros = |time: Duration| format!("{:.0} µs", time.as_secs_f64() * 1e6);
    let figures = format!(
        "refusals took {}, {} and {} with 0, {} and {} leading characters correct, plus or minus {}",
        micros(none),
        micros(half),
        micros(nearly_all),
        shared[1],
        shared[2],
        micros(noise)
    );
    let slope = nearly_all.saturating_sub(none);
    let is_glaring = slope > GLARING && slope > noise * 8 && half > none + slope / 5 && half < nearly_all;
    match is_glaring {
        true => Err(Stop::failed(
            "refusals in constant time",
            figures,
            "signatures are compared character by character, so they can be guessed by timing",
        )),
        false => {
            session.notes.push(figures);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_character_differs() {
        assert_eq!(wrong_from("1a2b", 0).as_deref(), Some("2a2b"));
        assert_eq!(wrong_from("1a2b", 3).as_deref(), Some("1a21"));
        assert_eq!(wrong_from("1a2b", 4), None);
    }

    #[test]
    fn outliers_do_not_count() {
        let millis = |millis| Duration::from_millis(millis);
        let samples: Vec<_> = (0..100).map(|at| if at % 3 == 0 { millis(500) } else { millis(2) }).collect();
        assert_eq!((quartile(samples.iter().copied()), noise(&samples)), (millis(2), millis(0)));
    }
}
