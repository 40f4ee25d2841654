//! The seller's own table: which pay-per-use instance a customer has.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use koogallery::sqlite::Database;
use koogallery::sqlite::rusqlite::Transaction;

use crate::Outcome;

const TABLE: &str =
    "CREATE TABLE IF NOT EXISTS render_account (customer_id TEXT PRIMARY KEY, instance_id TEXT NOT NULL)";

/// The accounts, in the database and in memory.
#[derive(Clone)]
pub struct Accounts {
    database: Database,
    known: Arc<Mutex<HashMap<String, String>>>,
}

impl Accounts {
    pub async fn open(database: &Database) -> Outcome<Self> {
        let read = |transaction: &Transaction<'_>| {
            transaction.execute_batch(TABLE)?;
            let mut statement = transaction.prepare("SELECT customer_id, instance_id FROM render_account")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<Result<HashMap<String, String>, _>>()
        };
        let known = Arc::new(Mutex::new(database.transaction(read).await?));
        Ok(Self { database: database.clone(), known })
    }

    /// Notes the instance that a customer bought; the latest counts.
    pub async fn add(&self, customer_id: &str, instance_id: &str) -> Outcome<()> {
        let account = [customer_id.to_owned(), instance_id.to_owned()];
        let row = account.clone();
        let write = move |transaction: &Transaction<'_>| {
            transaction.execute("INSERT OR REPLACE INTO render_account VALUES (?, ?)", row)
        };
        self.database.transaction(write).await?;
        let [customer_id, instance_id] = account;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(customer_id, instance_id);
        Ok(())
    }

    /// Returns the pay-per-use instance of a customer.
    pub fn of(&self, customer_id: &str) -> Option<String> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(customer_id).cloned()
    }
}
