//! The seller's business logic: what happens on a purchase. Replace this with yours.

use std::time::Duration;

use koogallery::callback::HandlerError;
use koogallery::callback::subscription::*;
use koogallery::random::{self, OsRandom};
use koogallery::sqlite::rusqlite::Transaction;
use koogallery::sqlite::{Database, DatabaseError};

/// Opens and closes accounts in a table of its own.
pub struct Shop {
    database: Database,
    /// Time that opening an account takes.
    opening_time: Duration,
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS shop_account (
    instance_id TEXT PRIMARY KEY,
    password    TEXT NOT NULL,
    usable      INTEGER NOT NULL,
    expires_at  TEXT
);";

impl Shop {
    pub async fn new(database: &Database, opening_time: Duration) -> Result<Self, DatabaseError> {
        database.transaction(|transaction| transaction.execute_batch(SCHEMA)).await?;
        Ok(Self { database: database.clone(), opening_time })
    }

    /// Runs one statement on one account.
    async fn change(&self, instance_id: String, statement: &'static str) -> Result<(), HandlerError> {
        self.database.transaction(move |transaction| transaction.execute(statement, [instance_id])).await?;
        Ok(())
    }
}

impl SubscriptionHandler for Shop {
    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        tokio::time::sleep(self.opening_time).await;
        let password = new_password()?;
        // After a crash this runs again with the same id, so it must not fail on what is there already.
        let statement = "INSERT INTO shop_account VALUES (?1, ?2, 1, NULL) ON CONFLICT DO NOTHING";
        let values = (purchase.instance_id, password);
        self.database.transaction(move |transaction| transaction.execute(statement, values)).await?;
        Ok(())
    }

    async fn renew(&self, renewal: Renewal) -> Result<(), HandlerError> {
        // An absolute time, which may lie before the present one: set it, do not add to it.
        let statement = "UPDATE shop_account SET expires_at = ?2 WHERE instance_id = ?1";
        let values = (renewal.instance_id, renewal.expire_time.to_string());
        self.database.transaction(move |transaction| transaction.execute(statement, values)).await?;
        Ok(())
    }

    async fn freeze(&self, freeze: Freeze) -> Result<(), HandlerError> {
        self.change(freeze.instance_id, "UPDATE shop_account SET usable = 0 WHERE instance_id = ?1").await
    }

    async fn unfreeze(&self, unfreeze: Unfreeze) -> Result<(), HandlerError> {
        self.change(unfreeze.instance_id, "UPDATE shop_account SET usable = 1 WHERE instance_id = ?1").await
    }

    async fn release(&self, release: Release) -> Result<(), HandlerError> {
        self.change(release.instance_id, "DELETE FROM shop_account WHERE instance_id = ?1").await
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
        let id = query.instance_id.clone();
        let statement = "SELECT password FROM shop_account WHERE instance_id = ?1";
        let read =
            move |transaction: &Transaction<'_>| transaction.query_row(statement, [id], |row| row.get::<_, String>(0));
        let password = self.database.transaction(read).await?;
        let access = AccessInfo::new(format!("https://app.example.com/{}", query.instance_id))
            .with_login("admin", password)
            .with_memo("欢迎使用");
        Ok(Description::new(access))
    }
}

fn new_password() -> Result<String, HandlerError> {
    Ok(random::hex(&OsRandom)?)
}
