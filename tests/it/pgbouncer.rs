//! PgBouncer between the stores and PostgreSQL, which gives a server connection to a transaction (`transaction`), or to a
//! client (`session`).

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use koogallery::ledger::PostgresLedger;
use koogallery::license_store::PostgresLicenseStore;
use koogallery::metering::PostgresUsageStore;
use koogallery::postgres::Database;
use koogallery::replay::PostgresReplayGuard;
use koogallery::testing;
use tokio_postgres::config::Host;

use crate::at_once;
use crate::servers::Schema;
use crate::support::{Stage, purchase};

/// A pooler in front of one schema.
struct PgBouncer {
    process: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl PgBouncer {
    /// `None` if the program is not there; `KOOGALLERY_TEST_PGBOUNCER` may name it.
    async fn start(schema: &Schema, pooling: &str, connections: usize) -> Option<Self> {
        let found = || ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].into_iter().find(|path| Path::new(path).exists());
        let named = std::env::var("KOOGALLERY_TEST_PGBOUNCER").ok();
        let program = named.or_else(|| found().map(str::to_owned)).unwrap_or_else(|| "pgbouncer".to_owned());
        let config = schema.config();
        let [Host::Tcp(host)] = config.get_hosts() else { panic!("no TCP: {config:?}") };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let (user, database) = (config.get_user().unwrap(), config.get_dbname().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let own = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut text = format!(
            "[databases]\nshop = host={host} port={port} dbname={database} user={user} \
             connect_query='SET search_path TO {}'",
            schema.name
        );
        if let Some(password) = config.get_password() {
            write!(text, " password={}", String::from_utf8_lossy(password)).unwrap();
        }
        write!(
            text,
            "\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {own}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = {pooling}\ndefault_pool_size = {connections}\nmax_client_conn = 100\n"
        )
        .unwrap();
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new(&program);
        // It refuses to run as root.
        if std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) {
            std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
            command.args(["-u", "nobody"]);
        }
        let Ok(process) = command.arg("-q").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn() else {
            eprintln!("*** NOT TESTED behind PgBouncer: there is no {program}");
            return None;
        };
        let bouncer = Self { process, url: format!("postgres://{user}@127.0.0.1:{own}/shop"), _folder: folder };
        let began = Instant::now();
        while Database::connect(&bouncer.url).await.is_err() {
            assert!(began.elapsed() < Duration::from_secs(30), "PgBouncer does not answer");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Some(bouncer)
    }

    async fn database(&self) -> Database {
        Database::connect(&self.url).await.unwrap()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stores_keep_the_rules_behind_transaction_pooling() {
    let Some(schema) = Schema::new().await else { return };
    let Some(bouncer) = PgBouncer::start(&schema, "transaction", 4).await else { return };
    testing::shared_ledger(async || PostgresLedger::new(&bouncer.database().await).await.unwrap()).await;
    testing::shared_replay_guard(async || PostgresReplayGuard::new(&bouncer.database().await).await.unwrap()).await;
    testing::shared_usage_store(async || PostgresUsageStore::new(&bouncer.database().await).await.unwrap()).await;
    let mut stores = vec![];
    for _ in 0..3 {
        stores.push(PostgresLicenseStore::new(&bouncer.database().await).await.unwrap());
    }
    at_once::license(stores.try_into().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creations_at_once_share_few_server_connections() {
    for (pooling, connections) in [("transaction", 4), ("session", 40)] {
        let Some(schema) = Schema::new().await else { return };
        let Some(bouncer) = PgBouncer::start(&schema, pooling, connections).await else { return };
        let mut replicas = vec![];
        for _ in 0..2 {
            let database = bouncer.database().await;
            let guard = PostgresReplayGuard::new(&database).await.unwrap();
            let ledger = Arc::new(PostgresLedger::new(&database).await.unwrap());
            replicas.push(Stage::on(ledger, |builder| builder.replay_guard(guard)));
        }
        let bodies: Vec<_> = (0..50).map(|order| purchase(&format!("CS{order}"), &format!("b{order}"))).collect();
        let copies = bodies.iter().flat_map(|body| replicas.iter().map(|replica| replica.post(body)));
        let answers = join_all(copies).await;
        assert!(answers.iter().all(|answer| answer.code == "000000"), "{pooling}: {answers:?}");
        let runs: usize = replicas.iter().map(|replica| replica.seller.runs()).sum();
        assert_eq!(runs, 50, "{pooling}");
    }
}
