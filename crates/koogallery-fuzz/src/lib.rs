//! Fuzz targets: what strangers and peers send, in the hands of the code that reads it. A target panics where something is wrong.
//!
//! `fuzz` at the root of the repository runs them under cargo-fuzz; `cargo test -p koogallery-fuzz` runs them on the stable toolchain,
//! over seeds, over what was found before (`fuzz/regressions`), and over mutations of both. `KOOGALLERY_FUZZ_ROUNDS` sets the number
//! of mutations for each target (default: 300).

mod mutation;
mod seeds;
mod targets;

pub use mutation::Mutator;
pub use seeds::seeds;
pub use targets::TARGETS;

/// Runs the target of a name on an input.
///
/// # Panics
///
/// There is no such target, or it found a fault.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(found, _)| *found == name);
    let Some((_, target)) = target else { panic!("there is no target {name}") };
    target(data);
}
