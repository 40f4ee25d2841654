//! Two sellers' accounts on one server and one database, each with a production address, keys and a name of its own.
//!
//! Products of one account share its address and keys: their handler looks at `purchase.details.product.product_id`, which V1.0
//! sends and V2.0 has with an open-API client. Only another account, whose console shows other keys, needs another service.
//!
//! Keys: `KOOGALLERY_BASIC_KEY` for `/saasproduce`, `SECOND_KOOGALLERY_BASIC_KEY` for `/second/saasproduce`.

use axum::Router;
use koogallery::AccessKeys;
use koogallery::adapter::axum::routes;
use koogallery::adapter::serve::Server;
use koogallery::tenant::TenantName;
use koogallery_servers::{BoxError, builder, interrupt, listener};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let second_keys = AccessKeys::from_env_with(|name| std::env::var(format!("SECOND_{name}")).ok())?;
    let first = builder(AccessKeys::from_env()?).await?.build();
    // The marketplace may send the same ids to both, so that their instances need names that keep them apart. An account
    // whose instances have no name yet, as the first one's, stays without.
    let second = builder(second_keys).await?.tenant(TenantName::new("second")?).build();
    let router =
        Router::new().merge(routes("/saasproduce", first.clone())).merge(routes("/second/saasproduce", second.clone()));
    Server::new().serve(TcpListener::from_std(listener()?)?, router, interrupt()).await;
    first.wait_idle().await;
    second.wait_idle().await;
    Ok(())
}
