# Everyday commands; `just` alone lists them.

_default:
    @just --list

# Format, lints, and the tests of the library.
check:
    cargo fmt --check
    cargo clippy --workspace --all-features --all-targets -- -D warnings
    cargo test --all-features --test it

# Tests of all crates whose name contains the filter.
test filter="":
    cargo test --workspace --all-features -- {{filter}}

# The documentation, as docs.rs builds it.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --all-features --no-deps

# The pictures of the handbook, drawn again.
pictures:
    python3 docs/pictures/make.py

# Mutations for each fuzz target, on the stable toolchain.
fuzz rounds="10000":
    KOOGALLERY_FUZZ_ROUNDS={{rounds}} cargo test --release -p koogallery-fuzz

# One target under cargo-fuzz, on the nightly toolchain.
cargo-fuzz target seconds="60":
    cargo run --release -p koogallery-fuzz --example seeds -- {{target}} fuzz/corpus/{{target}}
    cargo +nightly fuzz run {{target}} -- -max_total_time={{seconds}} -max_len=65536

# How much of each room the fuzz targets run; needs llvm-profdata and llvm-cov of rustc's LLVM.
fuzz-coverage *options:
    .ci/fuzz-coverage {{options}}

# What the same work costs in other crates and languages: a table and a plot in `benches`.
table:
    cargo bench -p koogallery-benches --features peers --bench table

# Servers on each engine under load: a report in `benches`.
load:
    cargo bench -p koogallery-benches --features peers --bench load

# Guarantees beyond lints and tests, or only those named: deny, advisories, unused, docs, api, features, semver, minimal, powerset.
guards *names:
    .ci/guards {{names}}

# The tests of stores on MySQL 8.0, which it fetches and starts.
mysql:
    .ci/mysql

# The public API as it is now, after a change on purpose.
api:
    .ci/guards api --write

# What the change of the public API means for the next version.
semver:
    cargo install --locked cargo-semver-checks
    .ci/guards semver

# What would be published.
package:
    cargo package --workspace --exclude koogallery-benches --exclude koogallery-fuzz --exclude koogallery-servers --exclude koogallery-simulation --exclude koogallery-stress --no-verify --allow-dirty
    .ci/packages

# Everything that CI does.
ci:
    .ci/run
