//! Printing: results to standard output, failures to standard error.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use crate::Failure;

#[derive(Clone, Copy)]
pub struct Output {
    quiet: bool,
    colors: bool,
}

/// The SGR codes in use.
#[derive(Clone, Copy)]
pub enum Color {
    Red = 31,
    Green = 32,
    Yellow = 33,
}

impl Output {
    pub fn new(quiet: bool, no_color: bool) -> Self {
        let is_set = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { quiet, colors: !no_color && !is_set && io::stdout().is_terminal() }
    }

    /// Returns whether results may be colored.
    pub fn has_colors(&self) -> bool {
        self.colors
    }

    /// Returns whether only the result is wanted.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Prints progress to a terminal.
    pub fn progress(&self, line: &str) {
        if !self.quiet && io::stderr().is_terminal() {
            let _ = writeln!(io::stderr(), "{line}");
        }
    }

    /// Prints a line of the result.
    pub fn result(&self, line: &str) -> Result<(), Failure> {
        self.bytes(format!("{line}\n").as_bytes())
    }

    /// Prints a line for people, left out by `--quiet`.
    pub fn note(&self, line: &str) -> Result<(), Failure> {
        if self.quiet { Ok(()) } else { self.result(line) }
    }

    /// Prints a line for people that begins with a colored word.
    pub fn status(&self, color: Color, word: &str, line: &str) -> Result<(), Failure> {
        match self.colors {
            true => self.note(&format!("\u{1b}[{}m{word}\u{1b}[0m{line}", color as u8)),
            false => self.note(&format!("{word}{line}")),
        }
    }

    pub fn bytes(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            // The reader has seen enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
            Err(error) => Err(Failure::of("standard output", &error)),
            Ok(()) => Ok(()),
        }
    }

    /// Prints a remark beside the result, so that the result can be piped.
    pub fn aside(&self, line: &str) {
        if !self.quiet {
            let _ = writeln!(io::stderr(), "note: {line}");
        }
    }

    /// Prints what makes the result doubtful, beside it.
    pub fn warning(&self, line: &str) {
        let _ = writeln!(io::stderr(), "warning: {line}");
    }

    pub fn failure(&self, failure: &Failure) {
        let _ = writeln!(io::stderr(), "error: {failure}");
    }
}

/// Replaces control characters in another party's text, since terminals execute them.
pub fn printable(text: &str) -> String {
    text.replace(|character: char| character.is_control() && !matches!(character, '\n' | '\t'), "\u{fffd}")
}
