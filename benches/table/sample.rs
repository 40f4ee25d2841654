//! Rows that take turns: in every round each row is sampled once, so that what else the machine does meets all of them.

use koogallery_benches::ratio::median;
use std::hint::black_box;
use std::time::Instant;

/// Samples of a row in one round, of which the median counts.
const SAMPLES: usize = 11;

/// What a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The primitives that no implementation can avoid.
    Floor,
    Ours,
    /// The same work by others.
    Peer,
}

/// One work done in one way.
pub struct Row {
    pub group: &'static str,
    pub by: &'static str,
    pub kind: Kind,
    samples: usize,
    /// Nanoseconds for one.
    sample: Box<dyn FnMut() -> f64>,
    pub rounds: Vec<f64>,
    pub best: f64,
}

impl Row {
    fn new(
        group: &'static str,
        by: &'static str,
        kind: Kind,
        samples: usize,
        sample: impl FnMut() -> f64 + 'static,
    ) -> Self {
        Self { group, by, kind, samples, sample: Box::new(sample), rounds: Vec::new(), best: f64::INFINITY }
    }

    /// Creates a row of work that takes no more than some microseconds.
    pub fn quick<T>(group: &'static str, by: &'static str, kind: Kind, mut work: impl FnMut() -> T + 'static) -> Self {
        const BATCH: usize = 50;
        let sample = move || {
            let began = Instant::now();
            for _ in 0..BATCH {
                black_box(work());
            }
            began.elapsed().as_nanos() as f64 / BATCH as f64
        };
        Self::new(group, by, kind, SAMPLES, sample)
    }

    /// Creates a row of work on a batch that `prepare` makes; making and dropping are not measured.
    pub fn batches<P, T>(
        group: &'static str,
        by: &'static str,
        kind: Kind,
        size: usize,
        mut prepare: impl FnMut() -> P + 'static,
        mut work: impl FnMut(P) -> T + 'static,
    ) -> Self {
        let sample = move || {
            let prepared = prepare();
            let began = Instant::now();
            let done = work(prepared);
            let took = began.elapsed();
            drop(black_box(done));
            took.as_nanos() as f64 / size as f64
        };
        Self::new(group, by, kind, SAMPLES, sample)
    }

    /// Takes fewer samples a round, for work of milliseconds.
    pub fn slow(self) -> Self {
        Self { samples: 3, ..self }
    }

    /// Samples the row. The first round warms up and does not count.
    fn round(&mut self, counts: bool) {
        let mut samples: Vec<f64> = (0..self.samples).map(|_| (self.sample)()).collect();
        if counts {
            self.rounds.push(median(&mut samples));
            self.best = samples.into_iter().fold(self.best, f64::min);
        }
    }
}

/// Samples all rows in turn.
pub fn take_turns(rows: &mut [Row], rounds: usize) {
    for round in 0..=rounds {
        rows.iter_mut().for_each(|row| row.round(round > 0));
    }
}
