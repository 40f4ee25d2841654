//! A server that takes new keys while it runs.
//!
//! `--keys FILE` holds the keys of the basic interface, separated by commas, newest first; it is looked at every second. To rotate:
//! write the new key before the old one, change it in the marketplace's console, and take the old one out when the marketplace has
//! signed with the new one for a day.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use koogallery::CallbackService;
use koogallery::adapter::serve::Server;
use koogallery::adapter::tower::Endpoint;
use koogallery::key::{AccessKey, AccessKeys, InterfaceType, KeyRing};
use koogallery_servers::{BoxError, argument, builder, interrupt, listener};
use tokio::net::TcpListener;
use tower::Service as _;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let file = PathBuf::from(argument("--keys").ok_or("--keys FILE is missing")?);
    let mut text = std::fs::read_to_string(&file)?;
    let current = Arc::new(RwLock::new(service(&text).await?));
    let served = Arc::clone(&current);
    let last = Arc::clone(&current);
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let Ok(read) = tokio::fs::read_to_string(&file).await else { continue };
            if read != text {
                // The former keys stay where the new ones cannot be used.
                match service(&read).await {
                    Ok(service) => *current.write().unwrap_or_else(PoisonError::into_inner) = service,
                    Err(error) => eprintln!("the keys were not taken: {error}"),
                }
                text = read;
            }
        }
    });
    let app = tower::service_fn(move |request: Request<Incoming>| {
        // Calls in progress end with the keys that they began with.
        let service = served.read().unwrap_or_else(PoisonError::into_inner).clone();
        async move { Endpoint::new(service).call(request).await }
    });
    Server::new().serve(TcpListener::from_std(listener()?)?, app, interrupt()).await;
    let last = last.read().unwrap_or_else(PoisonError::into_inner).clone();
    last.wait_idle().await;
    Ok(())
}

/// A service with these keys. It has ledger and replay guard of the one before it, since both are in the database.
async fn service(text: &str) -> Result<CallbackService, BoxError> {
    let ring = KeyRing::parse_list(text.trim(), |key| AccessKey::new(key))?;
    let keys = AccessKeys::new().with(InterfaceType::Basic, ring)?;
    Ok(builder(keys).await?.build())
}
