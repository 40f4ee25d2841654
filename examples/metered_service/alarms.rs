//! Alarms about packages: a real service would send mail.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use koogallery::metering::{MeteringEvent, Observer, StderrObserver};

/// Alarms that are kept.
const KEPT: usize = 100;

/// The latest alarms.
#[derive(Clone, Default)]
pub struct Alarms(Arc<Mutex<VecDeque<String>>>);

impl Alarms {
    /// Returns a line for each alarm, the latest last.
    pub fn lines(&self) -> String {
        let alarms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        alarms.iter().map(|alarm| format!("{alarm}\n")).collect()
    }
}

impl Observer for Alarms {
    fn on_event(&self, event: &MeteringEvent<'_>) {
        match event {
            MeteringEvent::ThresholdReached(reached) => {
                let mut alarms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if alarms.len() == KEPT {
                    alarms.pop_front();
                }
                alarms.push_back(reached.to_string());
            }
            event => StderrObserver.on_event(event),
        }
    }
}
