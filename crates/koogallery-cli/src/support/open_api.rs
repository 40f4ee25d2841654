//! The mock of the open APIs that a seller's server calls.

use koogallery::key::{AccessKeys, InterfaceType};
use koogallery_simulator::{OpenApiServer, OpenApiServerBuilder, serve_open_api};
use tokio::net::TcpListener;

use crate::Failure;
use crate::support::environment::{credentials, optional_credentials};

/// Creates a server that admits the AK/SK in the environment.
pub fn server(seed: u64, keys: &AccessKeys, strict_packages: bool) -> Result<OpenApiServer, Failure> {
    Ok(builder(seed, keys, strict_packages).credentials(credentials()?).build())
}

/// Creates a server that admits the AK/SK in the environment, or without them the usage push alone.
pub fn server_of_pushes(seed: u64, keys: &AccessKeys, strict_packages: bool) -> Result<OpenApiServer, Failure> {
    match optional_credentials()? {
        None if keys.get(InterfaceType::Basic).is_some() => Ok(builder(seed, keys, strict_packages).build()),
        _ => server(seed, keys, strict_packages),
    }
}

fn builder(seed: u64, keys: &AccessKeys, strict_packages: bool) -> OpenApiServerBuilder {
    let mut builder = OpenApiServer::builder().seed(seed);
    if strict_packages {
        builder = builder.strict_packages();
    }
    match keys.get(InterfaceType::Basic) {
        Some(ring) => builder.access_keys(ring.clone()),
        None => builder,
    }
}

/// Serves at an address for as long as the command runs.
pub async fn listen(open_api: OpenApiServer, address: &str) -> Result<(), Failure> {
    let listener = TcpListener::bind(address).await.map_err(|error| Failure::of(address, &error))?;
    tokio::spawn(serve_open_api(listener, open_api, std::future::pending()));
    Ok(())
}
