//! The targets on the stable toolchain: seeds, what was found before, and mutations of both.

use koogallery_fuzz::{Mutator, TARGETS, run, seeds};

fn rounds() -> u64 {
    std::env::var("KOOGALLERY_FUZZ_ROUNDS").map_or(300, |rounds| rounds.parse().expect("a number of rounds"))
}

/// Names the input of a fault, as a file of `fuzz/regressions` holds it.
fn run_named(name: &str, data: &[u8]) {
    let outcome = std::panic::catch_unwind(|| run(name, data));
    assert!(outcome.is_ok(), "{name} found a fault with {:?}", String::from_utf8_lossy(data));
}

#[test]
fn seeds_are_read() {
    for (name, _) in TARGETS {
        let seeds = seeds(name);
        assert!(seeds.len() > 5, "{name} has {} seeds", seeds.len());
        run_named(name, b"");
        seeds.iter().for_each(|seed| run_named(name, seed));
    }
}

#[test]
fn mutations_are_read() {
    for (index, (name, _)) in TARGETS.iter().enumerate() {
        let seeds = seeds(name);
        // RSA takes milliseconds for each, and so do sequences of requests and trying every mistake in signing.
        let rounds = if matches!(*name, "client_secret" | "console" | "capture") { rounds() / 10 } else { rounds() };
        for round in 0..rounds {
            let data = Mutator::new(((index as u64) << 32) + round).mutate(&seeds);
            run_named(name, &data);
        }
    }
}
