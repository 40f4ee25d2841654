//! Tests of the simulator: its checks, its marketplace and its open-API server.

#![allow(clippy::result_large_err)] // a refusal is a whole answer

mod callback_faults;
mod calls_in_full;
mod checks;
mod families;
mod front_doors;
mod good;
mod marketplace;
mod open_api_server;
mod packages;
mod receivers;
mod saved;
