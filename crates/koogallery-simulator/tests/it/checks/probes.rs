//! Lists of instances that are not as the example server's, or break.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use koogallery::ledger::MemoryLedger;
use koogallery_simulator::{Checker, LedgerProbe, Outcome, Probe, ProbeError, ProbedInstance, Severity};

use crate::good::{self, Good};

/// A list of the ledger's instances, edited.
struct Edited {
    ledger: Arc<MemoryLedger>,
    asked: AtomicU32,
    edit: fn(u32, Vec<ProbedInstance>) -> Result<Vec<ProbedInstance>, ProbeError>,
}

impl Probe for Edited {
    async fn instances(&self) -> Result<Vec<ProbedInstance>, ProbeError> {
        let listed = LedgerProbe::new(Arc::clone(&self.ledger)).instances().await?;
        (self.edit)(self.asked.fetch_add(1, Ordering::Relaxed), listed)
    }
}

fn checker(edit: fn(u32, Vec<ProbedInstance>) -> Result<Vec<ProbedInstance>, ProbeError>) -> Checker {
    let good = Good::new();
    let probe = Edited { ledger: good.ledger, asked: AtomicU32::new(0), edit };
    Checker::new(good.service, good::keys()).with_probe(probe)
}

#[tokio::test]
async fn states_may_be_in_capitals() {
    let report = checker(|_, mut listed| {
        for instance in &mut listed {
            instance.state = instance.state.as_ref().map(|state| state.to_uppercase());
        }
        Ok(listed)
    });
    let report = report.run().await.unwrap();
    assert!(report.failures().next().is_none(), "{}", report.to_text(false));
}

/// A seller may delete what is released.
#[tokio::test]
async fn released_instances_may_be_gone() {
    let report = checker(|_, mut listed| {
        listed.retain(|instance| instance.state.as_deref() != Some("released"));
        Ok(listed)
    });
    let report = report.run().await.unwrap();
    assert!(report.failures().next().is_none(), "{}", report.to_text(false));
}

/// One that is gone before is not.
#[tokio::test]
async fn frozen_instances_may_not_be_gone() {
    let report = checker(|_, mut listed| {
        listed.retain(|instance| instance.state.as_deref() != Some("frozen"));
        Ok(listed)
    });
    let report = report.with_only(["L1"]).run().await.unwrap();
    assert_eq!(report.failed_ids(), ["L1"], "{}", report.to_text(false));
}

/// What cannot be seen any longer is no success.
#[tokio::test]
async fn a_list_that_breaks_during_the_run_fails_it() {
    let report = checker(|asked, listed| match asked {
        0..5 => Ok(listed),
        _ => Err(ProbeError::new("the database is down")),
    });
    let report = report.run().await.unwrap();
    let failed = report.results.iter().filter(|result| matches!(result.outcome, Outcome::Failed(_)));
    assert!(failed.clone().any(|result| result.check.severity == Severity::Must), "{}", report.to_text(false));
    for result in failed {
        let Outcome::Failed(failure) = &result.outcome else { continue };
        assert!(failure.got.contains("the database is down"), "{}: {}", result.check.id, failure.got);
    }
}
