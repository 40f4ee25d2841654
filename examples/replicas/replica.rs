//! One replica: a seller's server on a free port, which says on its first line where it listens, and then which accounts
//! it begins and ends to open.

use std::time::Duration;

use koogallery::adapter::serve::Server;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::adapter::tower::Endpoint;
use koogallery::callback::subscription::*;
use koogallery::callback::{CallbackService, HandlerError};
use koogallery::key::AccessKeys;
use tokio::net::TcpListener;

use crate::Outcome;
use crate::database::Database;

/// Time that opening an account takes.
const OPENING: Duration = Duration::from_millis(300);

/// How soon another replica takes over what a killed one was doing.
const LEASE: Duration = Duration::from_secs(2);

/// Serves until it is killed.
pub async fn serve(database: &str) -> Outcome {
    let database = Database::open(database).await?;
    let service = CallbackService::builder(AccessKeys::from_env()?, TokioRuntime)
        .subscription(Shop, database.ledger().await?)
        .replay_guard(database.replay_guard().await?)
        .lease(LEASE)
        .build();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    Server::new().serve(listener, Endpoint::new(service), std::future::pending()).await;
    Ok(())
}

/// Opens accounts, slowly enough to be killed in the middle.
struct Shop;

impl SubscriptionHandler for Shop {
    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        println!("begin {}", purchase.instance_id);
        tokio::time::sleep(OPENING).await;
        println!("end {}", purchase.instance_id);
        Ok(())
    }

    async fn renew(&self, _renewal: Renewal) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn freeze(&self, _freeze: Freeze) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn unfreeze(&self, _unfreeze: Unfreeze) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn release(&self, _release: Release) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn upgrade(&self, _upgrade: Upgrade) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn check_change(&self, _change: ChangeCheck) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn describe(&self, query: InstanceQuery) -> Result<Description, HandlerError> {
        Ok(Description::new(AccessInfo::new(format!("https://app.example.com/{}", query.instance_id))))
    }
}
