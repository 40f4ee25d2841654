//! The seller's business logic: what happens on a purchase. Replace this with yours.

use std::error::Error;
use std::time::Duration;

use koogallery::callback::HandlerError;
use koogallery::callback::subscription::*;
use koogallery::random::{self, OsRandom};

use crate::database::Database;

/// Opens and closes accounts in a table of its own.
pub struct Shop {
    database: Database,
    /// Time that opening an account takes.
    opening_time: Duration,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS shop_account (
    instance_id VARCHAR(64) PRIMARY KEY,
    password    VARCHAR(64) NOT NULL,
    usable      VARCHAR(3) NOT NULL,
    expires_at  VARCHAR(17)
)";

impl Shop {
    pub async fn new(database: &Database, opening_time: Duration) -> Result<Self, Box<dyn Error + Send + Sync>> {
        database.run(TABLE, Vec::new()).await?;
        Ok(Self { database: database.clone(), opening_time })
    }

    async fn run(&self, statement: &'static str, values: Vec<String>) -> Result<Option<String>, HandlerError> {
        self.database.run(statement, values).await.map_err(HandlerError::failed)
    }
}

impl SubscriptionHandler for Shop {
    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        tokio::time::sleep(self.opening_time).await;
        // After a crash this runs again with the same id, so it must not fail on what is there already.
        let statement = "INSERT INTO shop_account SELECT $1, $2, 'yes', NULL \
                         WHERE NOT EXISTS (SELECT 1 FROM shop_account WHERE instance_id = $1)";
        self.run(statement, vec![purchase.instance_id, new_password()?]).await.map(drop)
    }

    async fn renew(&self, renewal: Renewal) -> Result<(), HandlerError> {
        // An absolute time, which may lie before the present one: set it, do not add to it.
        let statement = "UPDATE shop_account SET expires_at = $2 WHERE instance_id = $1";
        self.run(statement, vec![renewal.instance_id, renewal.expire_time.to_string()]).await.map(drop)
    }

    async fn freeze(&self, freeze: Freeze) -> Result<(), HandlerError> {
        let statement = "UPDATE shop_account SET usable = 'no' WHERE instance_id = $1";
        self.run(statement, vec![freeze.instance_id]).await.map(drop)
    }

    async fn unfreeze(&self, unfreeze: Unfreeze) -> Result<(), HandlerError> {
        let statement = "UPDATE shop_account SET usable = 'yes' WHERE instance_id = $1";
        self.run(statement, vec![unfreeze.instance_id]).await.map(drop)
    }

    async fn release(&self, release: Release) -> Result<(), HandlerError> {
        self.run("DELETE FROM shop_account WHERE instance_id = $1", vec![release.instance_id]).await.map(drop)
    }

    async fn upgrade(&self, _upgrade: Upgrade) -> Result<(), HandlerError> {
        // This shop sells one size. V1.0 sends the new one in the event; V2.0 leaves it to the order query.
        Ok(())
    }

    async fn check_change(&self, _change: ChangeCheck) -> Result<(), HandlerError> {
        // To forbid it: return Err(Refusal::new(ResultCode::InvalidParameter).with_message("why").into())
        Ok(())
    }

    async fn describe(&self, query: InstanceQuery) -> Result<Description, HandlerError> {
        let statement = "SELECT password FROM shop_account WHERE instance_id = $1";
        let password = self.run(statement, vec![query.instance_id.clone()]).await?;
        let password = password.ok_or_else(|| HandlerError::failed("the instance has no account"))?;
        let access = AccessInfo::new(format!("https://app.example.com/{}", query.instance_id))
            .with_login("admin", password)
            .with_memo("欢迎使用");
        Ok(Description::new(access))
    }
}

fn new_password() -> Result<String, HandlerError> {
    Ok(random::hex(&OsRandom)?)
}
