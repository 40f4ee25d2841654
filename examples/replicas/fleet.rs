//! The replicas as processes, and a balancer that hands each connection to the next of them.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinSet;

use crate::Outcome;
use crate::replica::ReplicaOptions;

/// Time after the end of a run within which the ledger has marked it done.
const MARKED_WITHIN: Duration = Duration::from_secs(5);

/// A run of the seller's code for an instance.
#[derive(Clone, Copy)]
struct Run {
    /// Number of the process, counted over all restarts.
    process: usize,
    began: Instant,
    ended: Option<Instant>,
}

/// Replicas, and what they have reported.
pub struct Fleet {
    key: String,
    replicas: Vec<Replica>,
    started: usize,
    shared: Arc<Mutex<Shared>>,
    notes: JoinSet<()>,
}

struct Replica {
    options: ReplicaOptions,
    process: Child,
    number: usize,
}

#[derive(Default)]
struct Shared {
    /// Of the replicas, in their order.
    addresses: Vec<SocketAddr>,
    next: usize,
    runs: BTreeMap<String, Vec<Run>>,
    killed: HashMap<usize, Instant>,
}

/// The runs of the seller's code for one instance.
pub struct Runs {
    pub count: usize,
    /// Runs that began although the one before was not cut off by a kill.
    pub unexplained: usize,
    pub has_ended: bool,
}

impl Fleet {
    /// Starts a replica with each of these options.
    pub async fn start(key: &str, options: Vec<ReplicaOptions>) -> Outcome<Self> {
        let (replicas, notes) = (Vec::new(), JoinSet::new());
        let mut fleet = Self { key: key.to_owned(), replicas, started: 0, shared: Arc::default(), notes };
        for options in options {
            let (replica, address) = fleet.spawn(options).await?;
            fleet.replicas.push(replica);
            lock(&fleet.shared).addresses.push(address);
        }
        Ok(fleet)
    }

    async fn spawn(&mut self, options: ReplicaOptions) -> Outcome<(Replica, SocketAddr)> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(options.arguments())
            .env("KOOGALLERY_BASIC_KEY", &self.key)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().ok_or("the replica has no output")?;
        let mut lines = BufReader::new(output).lines();
        let line = lines.next_line().await?.ok_or("the replica has ended")?;
        let address = line.strip_prefix("listening on ").ok_or("the replica does not say where it listens")?.parse()?;
        self.started += 1;
        self.notes.spawn(note_runs(lines, self.started, Arc::clone(&self.shared)));
        Ok((Replica { options, process, number: self.started }, address))
    }

    /// Kills one replica after the other, as `kill -9` does, and starts others in their places, until that fails.
    pub async fn kill_in_turn(&mut self, pause: Duration) -> Box<dyn std::error::Error + Send + Sync> {
        for place in (0..self.replicas.len()).cycle() {
            tokio::time::sleep(pause).await;
            if let Err(error) = self.replace(place).await {
                return error;
            }
        }
        "there is no replica to kill".into()
    }

    async fn replace(&mut self, place: usize) -> Outcome {
        let options = self.replicas.get(place).ok_or("there is no such replica")?.options.clone();
        let (new, address) = self.spawn(options).await?;
        let old = std::mem::replace(self.replicas.get_mut(place).ok_or("there is no such replica")?, new);
        let Replica { mut process, number, .. } = old;
        process.kill().await?;
        let mut shared = lock(&self.shared);
        shared.killed.insert(number, Instant::now());
        if let Some(known) = shared.addresses.get_mut(place) {
            *known = address;
        }
        Ok(())
    }

    /// Stops all replicas and reads the last of what they have reported.
    pub async fn stop(&mut self) -> Outcome {
        for replica in &mut self.replicas {
            replica.process.kill().await?;
        }
        while self.notes.join_next().await.is_some() {}
        Ok(())
    }

    /// Returns the id of the first replica's process.
    pub fn process_id(&self) -> Option<u32> {
        self.replicas.first()?.process.id()
    }

    /// Returns the address of the first replica.
    pub fn address(&self) -> Option<SocketAddr> {
        lock(&self.shared).addresses.first().copied()
    }

    pub fn kills(&self) -> usize {
        lock(&self.shared).killed.len()
    }

    pub fn runs_of(&self, instance_id: &str) -> Runs {
        let shared = lock(&self.shared);
        let runs = shared.runs.get(instance_id).map(Vec::as_slice).unwrap_or_default();
        let is_unexplained = |pair: &&[Run]| match pair {
            [first, second] => {
                let killed = shared.killed.get(&first.process).filter(|killed| **killed <= second.began);
                killed.is_none_or(|killed| first.ended.is_some_and(|ended| *killed >= ended + MARKED_WITHIN))
            }
            _ => false,
        };
        Runs {
            count: runs.len(),
            unexplained: runs.windows(2).filter(is_unexplained).count(),
            has_ended: runs.iter().any(|run| run.ended.is_some()),
        }
    }

    /// Returns the future that hands each connection to the next replica.
    pub fn balance(&self, listener: TcpListener) -> impl Future<Output = ()> + Send + 'static {
        let shared = Arc::clone(&self.shared);
        async move {
            loop {
                let Ok((caller, _)) = listener.accept().await else {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                tokio::spawn(forward(caller, Arc::clone(&shared)));
            }
        }
    }
}

/// A caller whose replica cannot be reached, or is killed, has its connection closed, and calls again.
async fn forward(mut caller: TcpStream, shared: Arc<Mutex<Shared>>) {
    let address = {
        let mut shared = lock(&shared);
        shared.next += 1;
        let next = shared.next;
        shared.addresses.iter().cycle().nth(next % shared.addresses.len().max(1)).copied()
    };
    if let Some(address) = address
        && let Ok(mut replica) = TcpStream::connect(address).await
    {
        let _ = copy_bidirectional(&mut caller, &mut replica).await;
    }
}

async fn note_runs(mut lines: Lines<BufReader<ChildStdout>>, process: usize, shared: Arc<Mutex<Shared>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        let Some((what, instance_id)) = line.split_once(' ') else { continue };
        let now = Instant::now();
        let mut shared = lock(&shared);
        let runs = shared.runs.entry(instance_id.to_owned()).or_default();
        match what {
            "begin" => runs.push(Run { process, began: now, ended: None }),
            "end" => runs.iter_mut().filter(|run| run.process == process).for_each(|run| run.ended = Some(now)),
            _ => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
