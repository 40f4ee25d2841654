//! The mock of the open APIs that a seller's server calls.

use koogallery::key::{AccessKeys, InterfaceType};
use koogallery_simulator::{OpenApiServer, serve_open_api};
use tokio::net::TcpListener;

use crate::Failure;
use crate::support::environment::credentials;

/// Creates a server that admits the AK/SK in the environment.
pub fn server(seed: u64, keys: &AccessKeys, strict_packages: bool) -> Result<OpenApiServer, Failure> {
    let open_api = OpenApiServer::builder().seed(seed).credentials(credentials()?);
    let open_api = if strict_packages { open_api.strict_packages() } else { open_api };
    Ok(match keys.get(InterfaceType::Basic) {
        Some(ring) => open_api.access_keys(ring.clone()).build(),
        None => open_api.build(),
    })
}

/// Serves at an address for as long as the command runs.
pub async fn listen(open_api: OpenApiServer, address: &str) -> Result<(), Failure> {
    let listener = TcpListener::bind(address).await.map_err(|error| Failure::of(address, &error))?;
    tokio::spawn(serve_open_api(listener, open_api, std::future::pending()));
    Ok(())
}
