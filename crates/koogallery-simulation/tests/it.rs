//! Short histories: what must hold does, every planted bug is found, and a seed gives one history.

use std::process::{Command, Stdio};

use koogallery_simulation::{Bug, Outcome, Settings, run};

/// Seeds that are tried for a planted bug.
const SEEDS: u64 = 20;

fn outcome(seed: u64, change: impl FnOnce(&mut Settings)) -> Outcome {
    let mut settings = Settings::new(seed);
    change(&mut settings);
    run(settings).expect("the simulation can be set up")
}

fn assert_holds(seed: u64) {
    let Outcome { violation, totals, .. } = outcome(seed, |_| {});
    assert_eq!(violation, None, "seed {seed}");
    assert_eq!(totals.orders, 40);
    assert!(totals.answers > 40 && totals.handler_runs > 40 && totals.faults.len() > 8, "nothing happened: {totals:?}");
}

#[test]
fn every_invariant_holds() {
    (1000..1020).for_each(assert_holds);
}

#[test]
fn one_seed_is_one_history() {
    let history = |seed| outcome(seed, |settings| settings.keeps_history = true).history;
    let first = history(7);
    assert!(first.lines().count() > 1000, "{first}");
    assert!(first == history(7), "the second run of the seed went another way");
    assert!(first != history(8));
}

/// A reader that has seen enough, as `head`, ends the program quietly.
#[test]
fn a_closed_pipe_is_no_failure() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery-simulation"));
    command.args(["--seed", "7", "--history"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("it starts");
    drop(process.stdout.take());
    let ended = process.wait_with_output().expect("it ends");
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr)), (Some(0), "".into()));
}

/// Runs seeds until one shows the bug, by the invariant that it breaks. Without the bug the same seed shows nothing.
fn assert_found(bug: Bug, mut seeds: impl Iterator<Item = u64>) {
    let found = seeds.find_map(|seed| {
        let violation = outcome(seed, |settings| settings.bug = Some(bug)).violation?;
        Some((seed, violation))
    });
    let Some((seed, violation)) = found else { panic!("no seed finds {bug}") };
    assert_eq!(violation.invariant, bug.broken_invariant(), "{bug} in seed {seed}: {violation}");
    assert_holds(seed);
}

macro_rules! planted_bugs {
    ($($test:ident: $bug:ident from $first:literal,)*) => {
        $(
            #[test]
            fn $test() {
                assert_found(Bug::$bug, $first..$first + SEEDS);
            }
        )*

        #[test]
        fn every_planted_bug_has_a_test() {
            assert_eq!([$(Bug::$bug),*].len(), Bug::ALL.len());
            $(assert!(Bug::ALL.contains(&Bug::$bug));)*
        }
    };
}

// The first seed is one that is about to find the bug, to save time: most are found by the first of all.
planted_bugs! {
    a_forgotten_lease_is_found: LeaseForgotten from 0,
    an_outcome_of_a_former_holder_is_found: OutcomeOfAnyone from 50,
    a_clock_of_a_replica_is_found: ReplicaClock from 0,
    an_extension_that_is_not_stored_is_found: ExtensionNotStored from 0,
    an_outcome_that_is_not_stored_is_found: OutcomeNotStored from 0,
    a_key_that_is_not_stored_is_found: KeyNotStored from 0,
    a_time_that_is_not_stored_is_found: TimeNotStored from 0,
    a_second_instance_is_found: SecondInstance from 0,
    an_endless_lease_is_found: EndlessLease from 0,
    a_forgotten_claim_is_found: ClaimForgotten from 0,
    a_later_license_is_found: LastLicense from 125,
    a_delivery_without_evidence_is_found: DeliveredTooEarly from 0,
    usage_that_is_not_stored_is_found: UsageNotStored from 0,
    usage_that_counts_twice_is_found: UsageCountedTwice from 0,
    a_write_without_a_fence_is_found: NoFence from 290,
}
