//! One replica: a seller's server on a free port, which says on its first line where it listens, and then which accounts
//! it begins and ends to open.

use std::net::Ipv4Addr;
use std::time::Duration;

use koogallery::adapter::serve::Server;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::adapter::tower::Endpoint;
use koogallery::callback::subscription::*;
use koogallery::callback::{CallbackService, HandlerError};
use koogallery::clock::{Clock, SystemClock};
use koogallery::key::AccessKeys;
use koogallery::timestamp::Timestamp;
use tokio::net::{TcpListener, TcpSocket};

use crate::Outcome;
use crate::database::Database;

/// What a replica is started with.
#[derive(Clone)]
pub struct ReplicaOptions {
    pub database: String,
    /// How far its clock is ahead.
    pub ahead: Duration,
    /// The shortest time that opening an account takes, and the longest.
    pub opening: [Duration; 2],
    /// How soon another replica takes over what a killed one was doing.
    pub lease: Duration,
}

impl ReplicaOptions {
    pub fn new(database: &str) -> Self {
        let (ahead, opening) = (Duration::ZERO, [Duration::from_millis(300); 2]);
        Self { database: database.to_owned(), ahead, opening, lease: Duration::from_secs(2) }
    }

    /// Returns the arguments with which this program is a replica.
    pub fn arguments(&self) -> Vec<String> {
        let Self { database, ahead, opening: [shortest, longest], lease } = self;
        let times = [ahead, shortest, longest, lease].map(|time| time.as_millis().to_string());
        [["--replica".to_owned(), database.clone()].as_slice(), &times].concat()
    }

    /// Reads the arguments after `--replica`.
    pub fn read(mut arguments: impl Iterator<Item = String>) -> Outcome<Self> {
        let database = arguments.next().ok_or("a replica wants a database")?;
        let mut time = || -> Outcome<Duration> {
            Ok(Duration::from_millis(arguments.next().ok_or("a replica wants four times")?.parse()?))
        };
        Ok(Self { database, ahead: time()?, opening: [time()?, time()?], lease: time()? })
    }
}

/// The system's clock, so much ahead.
struct Ahead(Duration);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now().saturating_add(self.0)
    }
}

/// Serves until it is killed.
pub async fn serve(options: ReplicaOptions) -> Outcome {
    let database = Database::open(&options.database).await?;
    let service = CallbackService::builder(AccessKeys::from_env()?, TokioRuntime)
        .subscription(Shop { opening: options.opening }, database.ledger().await?)
        .replay_guard(database.replay_guard().await?)
        .lease(options.lease)
        .clock(Ahead(options.ahead))
        .build();
    let listener = listen()?;
    println!("listening on {}", listener.local_addr()?);
    // A creation that takes long holds its connection until its answer is due, and under overload many do.
    Server::new().connections(8192).serve(listener, Endpoint::new(service), std::future::pending()).await;
    Ok(())
}

/// Listens on a free port. In a burst of calls connections wait until they are accepted, 4096 in place of the usual 1024: one
/// that finds no place tries again a second later, and its answer is late by as much.
pub fn listen() -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    socket.listen(4096)
}

/// Opens accounts, slowly enough to be killed in the middle.
struct Shop {
    opening: [Duration; 2],
}

impl Shop {
    /// Returns the time that an account takes: another one for each, but the same in every replica.
    fn time_for(&self, instance_id: &str) -> Duration {
        let [shortest, longest] = self.opening;
        let share: u32 = instance_id.bytes().map(u32::from).sum::<u32>() % 100;
        shortest + longest.saturating_sub(shortest) * share / 100
    }
}

impl SubscriptionHandler for Shop {
    async fn create(&self, purchase: Purchase) -> Result<(), HandlerError> {
        println!("begin {}", purchase.instance_id);
        tokio::time::sleep(self.time_for(&purchase.instance_id)).await;
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
