//! The stores in MySQL or MariaDB: the rules of each, several replicas at once, and the indexes that their statements use.

use std::sync::Mutex;
use std::time::Duration;

use crate::servers::Mysql;
use crate::support::NOW;
use koogallery::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError};
use koogallery::directory::{Change, ChangeMeta, DirectoryStore, MysqlDirectory, Role, User, UsersChange};
use koogallery::heartbeat::MysqlStateStore;
use koogallery::mysql::Database;
use koogallery::redact::Sensitive;
use koogallery::testing;

struct Backwards;

impl ClientSecretDecryptor for Backwards {
    fn decrypt(&self, ciphertext: &str) -> Result<Sensitive, ClientSecretError> {
        let backwards = ciphertext.strip_prefix("sealed:").ok_or(ClientSecretError)?;
        Ok(backwards.chars().rev().collect::<String>().into())
    }
}

/// Empty databases.
#[derive(Default)]
struct Places(Mutex<Vec<Mysql>>);

impl Places {
    async fn database(&self) -> Database {
        let place = Mysql::new().await.unwrap();
        let database = Database::builder(place.opts()).connections(2).connect().await.unwrap();
        self.0.lock().unwrap().push(place);
        database
    }
}

#[tokio::test]
async fn the_state_store_keeps_the_rules() {
    let Some(place) = Mysql::new().await else { return };
    testing::state_store(async || MysqlStateStore::new(&place.database().await).await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_directory_keeps_the_rules() {
    let Some(place) = Mysql::new().await else { return };
    let places = Places::default();
    let open = async |database: &Database| MysqlDirectory::new(database, Backwards).await.unwrap();
    testing::directory_store(async |list| open(&places.database().await).await.with_department_sync(list)).await;
    testing::shared_directory_store(async || open(&place.database().await).await).await;
}

#[tokio::test]
async fn a_list_of_many_users_takes_few_statements() {
    let Some(place) = Mysql::new().await else { return };
    let patient = Database::builder(place.opts()).timeout(Duration::from_secs(60)).connect().await.unwrap();
    let directory = MysqlDirectory::new(&patient, Backwards).await.unwrap();
    let mut users: Vec<User> =
        (0..20_000).map(|n| User::new(format!("u{n:05}"), "before", "D001", Role::User)).collect();
    // The last of two with one name counts.
    users.push(User::new("u00007", "after", "D001", Role::User));
    let meta = ChangeMeta::new("tenant", NOW);
    directory.apply(Change::PutUsers(UsersChange::new(meta, "app", users))).await.unwrap();
    let page = directory.users("tenant", "app", Some("u00006"), 2).await.unwrap();
    assert_eq!(page[0].name.as_ref().unwrap().expose(), "after");
    assert_eq!(page[1].user_name.expose(), "u00008");
}
