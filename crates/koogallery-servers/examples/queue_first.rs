//! Verify now, work later: a call is verified and fixed to an instance, its work is put into a queue on the disk, and a worker takes
//! it from there, one piece at a time and also after a crash, whether or not the marketplace calls again.
//!
//! Only a creation waits for its work, since the answer promises an account: V2.0 gets `000004` when it takes long, V1.0 an error,
//! and both ask again. A broker or another database takes the place of the table; a handler puts work into it and waits likewise.

use std::time::Duration;

use axum::Router;
use koogallery::adapter::axum::routes;
use koogallery::adapter::serve::Server;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::HandlerError;
use koogallery::callback::subscription::*;
use koogallery::ledger::SqliteLedger;
use koogallery::random::{self, OsRandom};
use koogallery::replay::SqliteReplayGuard;
use koogallery::sqlite::rusqlite::{self, OptionalExtension as _, Transaction, params};
use koogallery::sqlite::{Database, DatabaseError};
use koogallery::{AccessKeys, CallbackService};
use koogallery_servers::{BoxError, database_url, interrupt, listener, opening_time};
use tokio::net::TcpListener;
use tokio::time::sleep;

type Done = Result<(), HandlerError>;

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS queue (
        number INTEGER PRIMARY KEY AUTOINCREMENT, -- an instance's work is done in this order
        instance_id TEXT NOT NULL,
        action TEXT NOT NULL,
        argument TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS account (
        instance_id TEXT PRIMARY KEY,
        password TEXT NOT NULL,
        usable INTEGER NOT NULL DEFAULT 1,
        expires_at TEXT
    );";

/// How often a creation looks whether its work is done.
const INTERVAL: Duration = Duration::from_millis(50);

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let database = Database::open_url(&database_url())?;
    database.transaction(|transaction| transaction.execute_batch(TABLES)).await?;
    tokio::spawn(work(database.clone(), opening_time()?));
    let service = CallbackService::builder(AccessKeys::from_env()?, TokioRuntime)
        .subscription(Front { database: database.clone() }, SqliteLedger::new(&database).await?)
        .replay_guard(SqliteReplayGuard::new(&database).await?)
        .build();
    let router = Router::new().merge(routes("/saasproduce", service.clone()));
    Server::new().serve(TcpListener::from_std(listener()?)?, router, interrupt()).await;
    service.wait_idle().await;
    Ok(())
}

/// Puts work into the queue. Every piece can be done twice, so that a handler may run again after a crash.
struct Front {
    database: Database,
}

impl Front {
    async fn enqueue(&self, instance_id: String, action: &'static str, argument: String) -> Done {
        let insert = move |transaction: &Transaction<'_>| {
            let statement = "INSERT INTO queue (instance_id, action, argument) VALUES (?1, ?2, ?3)";
            transaction.execute(statement, params![instance_id, action, argument])
        };
        self.database.transaction(insert).await?;
        Ok(())
    }

    /// Returns the password of an account, once there is one.
    async fn password(&self, instance_id: String) -> Result<Option<String>, DatabaseError> {
        let select = move |transaction: &Transaction<'_>| {
            let statement = "SELECT password FROM account WHERE instance_id = ?1";
            transaction.query_row(statement, [instance_id], |row| row.get(0)).optional()
        };
        self.database.transaction(select).await
    }
}

impl SubscriptionHandler for Front {
    async fn create(&self, purchase: Purchase) -> Done {
        let id = purchase.instance_id;
        self.enqueue(id.clone(), "open", random::hex(&OsRandom)?).await?;
        while self.password(id.clone()).await?.is_none() {
            sleep(INTERVAL).await;
        }
        Ok(())
    }

    async fn renew(&self, renewal: Renewal) -> Done {
        self.enqueue(renewal.instance_id, "renew", renewal.expire_time.to_string()).await
    }

    async fn freeze(&self, freeze: Freeze) -> Done {
        self.enqueue(freeze.instance_id, "freeze", String::new()).await
    }

    async fn unfreeze(&self, unfreeze: Unfreeze) -> Done {
        self.enqueue(unfreeze.instance_id, "unfreeze", String::new()).await
    }

    async fn release(&self, release: Release) -> Done {
        self.enqueue(release.instance_id, "close", String::new()).await
    }

    async fn upgrade(&self, upgrade: Upgrade) -> Done {
        self.enqueue(upgrade.instance_id, "upgrade", String::new()).await
    }

    async fn describe(&self, query: InstanceQuery) -> Result<Description, HandlerError> {
        let password = self.password(query.instance_id.clone()).await?;
        let password = password.ok_or_else(|| HandlerError::failed("the instance has no account"))?;
        let url = format!("https://app.example.com/{}", query.instance_id);
        Ok(Description::new(AccessInfo::new(url).with_login("admin", password)))
    }
}

/// Does what is in the queue, for ever. Effect and removal are one transaction here; where the effect is elsewhere, it is made
/// before the removal, under the instance's id, so that doing it twice does no harm.
async fn work(database: Database, opening_time: Duration) {
    loop {
        let next = database.transaction(|transaction| {
            let statement = "SELECT action FROM queue ORDER BY number LIMIT 1";
            transaction.query_row(statement, [], |row| row.get::<_, String>(0)).optional()
        });
        match next.await {
            Ok(Some(action)) => {
                if action == "open" {
                    sleep(opening_time).await;
                }
                if let Err(error) = database.transaction(do_first).await {
                    eprintln!("work is tried again: {error}");
                    sleep(Duration::from_secs(1)).await;
                }
            }
            Ok(None) => sleep(INTERVAL).await,
            Err(error) => {
                eprintln!("the queue cannot be read: {error}");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn do_first(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let statement =
        "DELETE FROM queue WHERE number = (SELECT min(number) FROM queue) RETURNING instance_id, action, argument";
    let (id, action, argument): (String, String, String) =
        transaction.query_row(statement, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    match action.as_str() {
        "open" => {
            transaction.execute("INSERT OR IGNORE INTO account (instance_id, password) VALUES (?1, ?2)", [id, argument])
        }
        "renew" => transaction.execute("UPDATE account SET expires_at = ?2 WHERE instance_id = ?1", [id, argument]),
        "freeze" => transaction.execute("UPDATE account SET usable = 0 WHERE instance_id = ?1", [id]),
        "unfreeze" => transaction.execute("UPDATE account SET usable = 1 WHERE instance_id = ?1", [id]),
        "close" => transaction.execute("DELETE FROM account WHERE instance_id = ?1", [id]),
        // This shop sells one size.
        _ => Ok(0),
    }?;
    Ok(())
}
