//! The desk that a seller's server calls.

use koogallery::key::{AccessKeys, InterfaceType};
use koogallery_simulator::{Desk, serve_desk};
use tokio::net::TcpListener;

use crate::Failure;
use crate::environment::credentials;

/// A desk that admits who has the AK/SK in the environment.
pub fn desk(seed: u64, keys: &AccessKeys) -> Result<Desk, Failure> {
    let desk = Desk::builder().seed(seed).credentials(credentials()?);
    Ok(match keys.get(InterfaceType::Basic) {
        Some(ring) => desk.access_keys(ring.clone()).build(),
        None => desk.build(),
    })
}

/// Lets the desk answer at an address, for as long as the command runs.
pub async fn open(desk: Desk, address: &str) -> Result<(), Failure> {
    let listener = TcpListener::bind(address).await.map_err(|error| Failure::of(address, &error))?;
    tokio::spawn(serve_desk(listener, desk, std::future::pending()));
    Ok(())
}
