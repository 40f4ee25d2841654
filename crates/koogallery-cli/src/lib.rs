//! The command line: checks of endpoints, a mock of the marketplace, a recording proxy, and the signatures, ciphers and
//! keys of the marketplace. Keys come from the environment and are never printed.
//!
//! This library is for the command and for the fuzz targets of its readers. It has no interface for other crates.

#![warn(clippy::expect_used, clippy::unwrap_used)]
#![allow(unreachable_pub, reason = "it exports the command alone")]

mod commands;
#[doc(hidden)]
pub mod fuzzing;
mod support;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{
    check, completions, decrypt, decrypt_secret, encrypt, explain, fire, load, reconcile, record, replay, rsa_keygen,
    scenario, schema, serve, sign, statement, verify,
};
use support::failure::Failure;
use support::output::Output;

const EXAMPLES: &str = "\
Keys come from the environment only: KOOGALLERY_BASIC_KEY, KOOGALLERY_V1_KEY, KOOGALLERY_KIT_KEY,
KOOGALLERY_LICENSE_KEY, KOOGALLERY_GENERAL_KEY (lists separated by commas are rotations),
KOOGALLERY_AK and KOOGALLERY_SK, KOOGALLERY_RSA_PRIVATE_KEY_FILE; KOOGALLERY_SITE=europe reads keys in Base64.

Exit codes: 0 yes or done, 1 no, 2 could not run.

Examples:
  koogallery check http://127.0.0.1:8080/saasproduce
  koogallery record --listen 127.0.0.1:8000 --target http://127.0.0.1:8080
  koogallery verify callback-v2 --request captured.txt
  koogallery explain auth-token --query 'activity=newInstance&...&authToken=...'
  KOOGALLERY_V1_KEY=12345678-90ab-cdef-1234-567890abcdef koogallery decrypt A1b2C3d4E5f6G7h8TabPgWsy6UOqs019s2yvCg==";

/// Tools for sellers on Huawei Cloud's marketplace (KooGallery): check, serve, record, replay, sign, verify, explain,
/// encrypt.
#[derive(Parser)]
#[command(name = "koogallery", version, after_help = EXAMPLES)]
struct CommandLine {
    /// Print results only, without explanations; print nothing if the exit code is the result.
    #[arg(long, short, global = true)]
    quiet: bool,
    /// Disable colors. They are also disabled if NO_COLOR is set, or the output is not a terminal.
    #[arg(long, global = true)]
    no_color: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Check),
    Fire(fire::Fire),
    Load(load::Load),
    Scenario(scenario::Scenario),
    Schema(schema::Schema),
    Serve(serve::Serve),
    Record(record::Record),
    Replay(replay::Replay),
    Sign(sign::Sign),
    Verify(verify::Verify),
    Explain(explain::Explain),
    Encrypt(encrypt::Encrypt),
    Decrypt(decrypt::Decrypt),
    RsaKeygen(rsa_keygen::RsaKeygen),
    DecryptSecret(decrypt_secret::DecryptSecret),
    Statement(statement::Statement),
    Reconcile(reconcile::Reconcile),
    Completions(completions::Completions),
}

/// Result of a command, as its exit code.
enum Answer {
    Yes,
    No,
}

/// Runs the command with the arguments of this process.
pub fn run() -> ExitCode {
    let CommandLine { quiet, no_color, command } = CommandLine::parse();
    let output = Output::new(quiet, no_color);
    let outcome = match command {
        Command::Check(command) => command.run(&output),
        Command::Fire(command) => command.run(&output),
        Command::Load(command) => command.run(&output),
        Command::Scenario(command) => command.run(&output),
        Command::Schema(command) => command.run(&output),
        Command::Serve(command) => command.run(&output),
        Command::Record(command) => command.run(&output),
        Command::Replay(command) => command.run(&output),
        Command::Sign(command) => command.run(&output),
        Command::Verify(command) => command.run(&output),
        Command::Explain(command) => command.run(&output),
        Command::Encrypt(command) => command.run(&output),
        Command::Decrypt(command) => command.run(&output),
        Command::RsaKeygen(command) => command.run(&output),
        Command::DecryptSecret(command) => command.run(&output),
        Command::Statement(command) => command.run(&output),
        Command::Reconcile(command) => command.run(&output),
        Command::Completions(command) => command.run(&output),
    };
    match outcome {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(failure) => {
            output.failure(&failure);
            ExitCode::from(2)
        }
    }
}
