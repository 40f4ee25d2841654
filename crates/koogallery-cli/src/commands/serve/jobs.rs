//! Work in the background of which pages show how far it is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Jobs that are kept.
const KEPT: usize = 20;

/// The latest jobs, numbered from 1. One is worked on at a time.
pub struct Jobs<T>(Arc<Mutex<Inner<T>>>);

struct Inner<T> {
    jobs: VecDeque<Job<T>>,
    latest: u64,
}

#[derive(Clone)]
pub struct Job<T> {
    pub number: u64,
    pub is_done: bool,
    pub state: T,
}

impl<T> Clone for Jobs<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Jobs<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Inner { jobs: VecDeque::new(), latest: 0 })))
    }
}

impl<T: Clone> Jobs<T> {
    /// Begins a job, and returns its number; `None` while another is worked on.
    pub fn begin(&self, state: T) -> Option<u64> {
        let mut inner = self.inner();
        if inner.jobs.back().is_some_and(|job| !job.is_done) {
            return None;
        }
        if inner.jobs.len() == KEPT {
            inner.jobs.pop_front();
        }
        inner.latest += 1;
        let number = inner.latest;
        inner.jobs.push_back(Job { number, is_done: false, state });
        Some(number)
    }

    pub fn change(&self, number: u64, change: impl FnOnce(&mut Job<T>)) {
        if let Some(job) = self.inner().jobs.iter_mut().find(|job| job.number == number) {
            change(job);
        }
    }

    pub fn get(&self, number: u64) -> Option<Job<T>> {
        self.inner().jobs.iter().find(|job| job.number == number).cloned()
    }

    /// Returns all jobs, the latest first.
    pub fn all(&self) -> Vec<Job<T>> {
        self.inner().jobs.iter().rev().cloned().collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_job_is_worked_on_and_the_latest_are_kept() {
        let jobs = Jobs::default();
        assert_eq!((jobs.begin("a"), jobs.begin("b")), (Some(1), None));
        for number in 1..=KEPT as u64 + 1 {
            jobs.change(number, |job| job.is_done = true);
            assert_eq!(jobs.begin("c"), Some(number + 1));
        }
        assert!(jobs.get(2).is_none() && jobs.get(3).is_some_and(|job| job.is_done));
        assert_eq!(jobs.all()[0].number, KEPT as u64 + 2);
    }
}
