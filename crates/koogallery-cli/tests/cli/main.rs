//! The command line as a process: known answers, real sockets, bad input, and no key in any output.

#[path = "../../../../tests/it/diagnosis/cases.rs"]
mod cases;
mod check;
mod chinese;
mod ciphers;
mod console;
mod examples;
mod families;
mod figures;
mod fire;
mod handbook;
mod load;
#[allow(dead_code)] // others use more of it
#[path = "../../../../tests/it/process.rs"]
mod process;
mod pushing;
mod reconcile;
mod record;
mod recording;
mod repeat;
mod scenario;
mod schema;
mod scripting;
mod serve;
mod servers;
mod signatures;
mod state;
mod statement;
mod support;
mod usage;
