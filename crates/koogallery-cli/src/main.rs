//! The command `koogallery`.

use std::process::ExitCode;

fn main() -> ExitCode {
    koogallery_cli::run()
}
