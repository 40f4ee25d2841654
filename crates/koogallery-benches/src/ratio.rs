//! Work as a multiple of bare work in the same run: the two take turns, the tenth percentile of the samples counts, and of
//! several rounds the least disturbed. On a shared machine the rest shows the neighbors' load, which slows down
//! everything but the hashes.

use std::hint::black_box;
use std::time::Instant;

/// Calls per sample.
pub const BATCH: usize = 50;
const SAMPLES: usize = 601;
/// Rounds of samples, some time apart.
pub const ROUNDS: usize = 8;

/// `ours / bare` of one round.
pub fn one_round<A, B>(bare: impl Fn() -> A, ours: impl Fn() -> B) -> f64 {
    let run = |()| {
        for _ in 0..BATCH {
            black_box(ours());
        }
    };
    of_batches(bare, || (), run)
}

/// As `one_round`, where `ours` does a whole batch on what `prepare` makes, and returns what is dropped, outside the
/// measured time.
pub fn of_batches<A, P, B>(bare: impl Fn() -> A, prepare: impl Fn() -> P, ours: impl Fn(P) -> B) -> f64 {
    let time = |work: &mut dyn FnMut()| {
        let began = Instant::now();
        work();
        began.elapsed().as_secs_f64()
    };
    let (mut bare_times, mut our_times): (Vec<_>, Vec<_>) = (0..SAMPLES)
        .map(|_| {
            let (mut prepared, mut done) = (Some(prepare()), None);
            let bare_time = time(&mut || (0..BATCH).for_each(|_| drop(black_box(bare()))));
            (bare_time, time(&mut || done = prepared.take().map(&ours)))
        })
        .unzip();
    undisturbed(&mut our_times) / undisturbed(&mut bare_times)
}

fn undisturbed(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 10]
}

/// Returns the middle of the values, which it sorts; not a number without any.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
