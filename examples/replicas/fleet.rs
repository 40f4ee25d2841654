//! The replicas as processes, and a balancer that hands each connection to the next of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinSet;

use crate::Outcome;

/// A run of the seller's code for an instance.
#[derive(Clone, Copy)]
pub struct Run {
    /// Number of the process, counted over all restarts.
    process: usize,
    pub has_ended: bool,
}

/// Replicas, and what they have reported.
pub struct Fleet {
    database: String,
    key: String,
    replicas: Vec<Replica>,
    started: usize,
    shared: Arc<Mutex<Shared>>,
    notes: JoinSet<()>,
}

struct Replica {
    process: Child,
    number: usize,
}

#[derive(Default)]
struct Shared {
    /// Of the replicas, in their order.
    addresses: Vec<SocketAddr>,
    next: usize,
    runs: BTreeMap<String, Vec<Run>>,
    killed: Vec<usize>,
}

impl Fleet {
    pub async fn start(database: &str, key: &str, count: usize) -> Outcome<Self> {
        let mut fleet = Self {
            database: database.to_owned(),
            key: key.to_owned(),
            replicas: Vec::new(),
            started: 0,
            shared: Arc::default(),
            notes: JoinSet::new(),
        };
        for _ in 0..count {
            let (replica, address) = fleet.spawn().await?;
            fleet.replicas.push(replica);
            lock(&fleet.shared).addresses.push(address);
        }
        Ok(fleet)
    }

    async fn spawn(&mut self) -> Outcome<(Replica, SocketAddr)> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["--replica", "--database", &self.database])
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
        Ok((Replica { process, number: self.started }, address))
    }

    /// Kills a replica, as `kill -9` does, and starts another in its place.
    pub async fn replace(&mut self, place: usize) -> Outcome {
        let (new, address) = self.spawn().await?;
        let old = std::mem::replace(self.replicas.get_mut(place).ok_or("there is no such replica")?, new);
        let Replica { mut process, number } = old;
        process.kill().await?;
        let mut shared = lock(&self.shared);
        shared.killed.push(number);
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

    pub fn kills(&self) -> usize {
        lock(&self.shared).killed.len()
    }

    pub fn runs_of(&self, instance_id: &str) -> Vec<Run> {
        lock(&self.shared).runs.get(instance_id).cloned().unwrap_or_default()
    }

    /// Returns whether the replica of a run was killed, so that another one had to do its work again.
    pub fn was_killed(&self, run: Run) -> bool {
        lock(&self.shared).killed.contains(&run.process)
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
        shared.addresses.iter().cycle().nth(next).copied()
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
        let mut shared = lock(&shared);
        let runs = shared.runs.entry(instance_id.to_owned()).or_default();
        match what {
            "begin" => runs.push(Run { process, has_ended: false }),
            "end" => runs.iter_mut().filter(|run| run.process == process).for_each(|run| run.has_ended = true),
            _ => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
