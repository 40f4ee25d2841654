//! A seller's server on a free port, which says on its first line where it listens, and then which changes it has
//! committed.

use std::time::Duration;

use koogallery::adapter::serve::Server;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::adapter::tower::Endpoint;
use koogallery::callback::subscription::*;
use koogallery::callback::{CallbackService, HandlerError};
use koogallery::key::AccessKeys;
use tokio::net::TcpListener;

use crate::Outcome;
use crate::accounts::Accounts;

/// Serves until it is killed.
pub async fn serve(database: &str, pause: Duration) -> Outcome {
    let accounts = Accounts::open(database).await?;
    let ledger = accounts.ledger();
    let service = CallbackService::builder(AccessKeys::from_env()?, TokioRuntime)
        .subscription(Shop { accounts, pause }, ledger)
        .build();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    Server::new().serve(listener, Endpoint::new(service), std::future::pending()).await;
    Ok(())
}

/// Gives an account 100 credits when it is bought, and 100 more with each renewal. None of its statements could be
/// repeated.
struct Shop {
    accounts: Accounts,
    /// Between the commit and the end of the handler, for a process to be killed in.
    pause: Duration,
}

impl Shop {
    async fn change(&self, statement: &'static str, id: String, completion: Completion) -> Result<(), HandlerError> {
        let committed = format!("committed {id}");
        self.accounts.change(statement, id, completion).await?;
        println!("{committed}");
        tokio::time::sleep(self.pause).await;
        Ok(())
    }
}

impl SubscriptionHandler for Shop {
    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        let statement = "INSERT INTO account (id, state, credit) VALUES ($1, 'active', 100)";
        self.change(statement, purchase.instance_id, purchase.completion).await
    }

    async fn renew(&self, renewal: Renewal) -> Result<(), HandlerError> {
        let statement = "UPDATE account SET credit = credit + 100 WHERE id = $1";
        self.change(statement, renewal.instance_id, renewal.completion).await
    }

    async fn freeze(&self, freeze: Freeze) -> Result<(), HandlerError> {
        let statement = "UPDATE account SET state = 'frozen' WHERE id = $1";
        self.change(statement, freeze.instance_id, freeze.completion).await
    }

    async fn unfreeze(&self, unfreeze: Unfreeze) -> Result<(), HandlerError> {
        let statement = "UPDATE account SET state = 'active' WHERE id = $1";
        self.change(statement, unfreeze.instance_id, unfreeze.completion).await
    }

    async fn release(&self, release: Release) -> Result<(), HandlerError> {
        self.change("DELETE FROM account WHERE id = $1", release.instance_id, release.completion).await
    }

    async fn describe(&self, query: InstanceQuery) -> Result<Description, HandlerError> {
        Ok(Description::new(AccessInfo::new(format!("https://app.example.com/{}", query.instance_id))))
    }
}
