//! `completions`: prints a shell completion script.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::{Answer, CommandLine, Failure, Output};

/// Print a completion script for a shell.
#[derive(Args)]
#[command(
    after_help = "Example:\n  koogallery completions bash > ~/.local/share/bash-completion/completions/koogallery"
)]
pub struct Completions {
    shell: Shell,
}

impl Completions {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut CommandLine::command(), "koogallery", &mut script);
        output.bytes(&script)?;
        Ok(Answer::Yes)
    }
}
