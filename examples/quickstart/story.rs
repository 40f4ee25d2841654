//! Prints what happens, and counts failures.

use koogallery_simulator::{Attempt, Marketplace};

use super::Outcome;

pub struct Story {
    pub marketplace: Marketplace,
    calls: usize,
    wrong: u32,
}

impl Story {
    pub fn new(marketplace: Marketplace) -> Self {
        Self { marketplace, calls: 0, wrong: 0 }
    }

    pub fn chapter(&self, title: &str) {
        println!("\n{title}");
    }

    /// Prints the calls since the last time, and checks that they were answered as expected.
    pub fn reported(&mut self, what: &str) {
        let calls = self.marketplace.take_log();
        self.calls(what, &calls, |attempt| attempt.outcome.is_final());
    }

    /// A call that has to be answered with this code.
    pub fn answered(&mut self, what: &str, attempt: &Attempt, code: &str) {
        self.marketplace.take_log();
        self.calls(what, std::slice::from_ref(attempt), |attempt| attempt.outcome.code() == Some(code));
    }

    fn calls(&mut self, what: &str, calls: &[Attempt], is_right: impl Fn(&Attempt) -> bool) {
        for attempt in calls {
            self.calls += 1;
            self.line(is_right(attempt), &format!("{what:32} {attempt}"));
        }
    }

    pub fn check(&mut self, what: &str, is_right: bool) {
        self.line(is_right, what);
    }

    fn line(&mut self, is_right: bool, line: &str) {
        self.wrong += u32::from(!is_right);
        println!("  {} {line}", if is_right { "ok   " } else { "WRONG" });
    }

    pub fn verdict(self) -> Outcome {
        println!("\n{} calls, {} wrong", self.calls, self.wrong);
        if self.wrong == 0 { Ok(()) } else { Err("an answer was wrong".into()) }
    }
}
