//! One thread, one seed, virtual time: tasks are polled in an order that the seed draws, and time goes on only when no task
//! is ready.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use koogallery::clock::Clock;
use koogallery::runtime::Runtime;
use koogallery::timestamp::Timestamp;

use crate::rng::Rng;

/// When a simulation begins: 2026-01-01T00:00:00Z.
const BEGIN: i64 = 1_767_225_600_000;

/// The process that a task belongs to. A replica that is killed loses its tasks, and one that is paused stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// Marketplace, network, databases and the operator.
    Outside,
    /// One life of a replica, from its start to its end.
    Replica { index: usize, life: u32 },
}

#[derive(Clone)]
pub(crate) struct Scheduler {
    tasks: Arc<Mutex<Tasks>>,
    timers: Arc<Mutex<Timers>>,
    woken: Arc<Mutex<Vec<u64>>>,
    now: Arc<AtomicI64>,
    rng: Rng,
}

#[derive(Default)]
struct Tasks {
    next: u64,
    by_id: BTreeMap<u64, Task>,
    ready: Vec<u64>,
    paused: BTreeSet<Owner>,
    /// Ready tasks of paused owners.
    stopped: Vec<u64>,
}

struct Task {
    owner: Owner,
    future: BoxFuture<'static, ()>,
    wake: Arc<TaskWake>,
}

struct TaskWake {
    id: u64,
    is_woken: AtomicBool,
    woken: Arc<Mutex<Vec<u64>>>,
}

#[derive(Default)]
struct Timers {
    next: u64,
    by_time: BTreeMap<(i64, u64), Waker>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wake for TaskWake {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.is_woken.swap(true, Ordering::Relaxed) {
            lock(&self.woken).push(self.id);
        }
    }
}

impl Scheduler {
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            tasks: Arc::default(),
            timers: Arc::default(),
            woken: Arc::default(),
            now: Arc::new(AtomicI64::new(BEGIN)),
            rng,
        }
    }

    /// Returns the time of the simulation.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.now.load(Ordering::Relaxed))
    }

    /// Returns the time since the begin of the simulation.
    pub(crate) fn elapsed(&self) -> Duration {
        self.now().saturating_duration_since(Timestamp::from_unix_millis(BEGIN))
    }

    pub(crate) fn spawn(&self, owner: Owner, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
        let id = tasks.next;
        tasks.next += 1;
        let wake = Arc::new(TaskWake { id, is_woken: AtomicBool::new(true), woken: Arc::clone(&self.woken) });
        tasks.by_id.insert(id, Task { owner, future: task.boxed(), wake });
        tasks.make_ready(id);
    }

    /// Ends a life: its tasks are dropped wherever they wait.
    pub(crate) fn kill(&self, owner: Owner) {
        let mut dropped = Vec::new();
        let mut tasks = lock(&self.tasks);
        tasks.paused.remove(&owner);
        let ids: Vec<u64> = tasks.by_id.iter().filter(|(_, task)| task.owner == owner).map(|(id, _)| *id).collect();
        dropped.extend(ids.iter().filter_map(|id| tasks.by_id.remove(id)));
        drop(tasks);
        // Only now: what is dropped wakes others, and may be a task of its own.
        drop(dropped);
    }

    pub(crate) fn pause(&self, owner: Owner) {
        let mut tasks = lock(&self.tasks);
        tasks.paused.insert(owner);
        let ready = std::mem::take(&mut tasks.ready);
        ready.into_iter().for_each(|id| tasks.make_ready(id));
    }

    pub(crate) fn resume(&self, owner: Owner) {
        let mut tasks = lock(&self.tasks);
        tasks.paused.remove(&owner);
        let stopped = std::mem::take(&mut tasks.stopped);
        stopped.into_iter().for_each(|id| tasks.make_ready(id));
    }

    pub(crate) fn is_paused(&self, owner: Owner) -> bool {
        lock(&self.tasks).paused.contains(&owner)
    }

    /// Waits, by the time of the simulation.
    pub(crate) fn sleep(&self, duration: Duration) -> Sleep {
        let millis = i64::try_from(duration.as_micros().div_ceil(1000).max(1)).unwrap_or(i64::MAX);
        Sleep { scheduler: self.clone(), at: self.now.load(Ordering::Relaxed).saturating_add(millis), key: None }
    }

    /// Lets other tasks go first, if the seed draws them.
    pub(crate) fn yield_now(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut has_yielded = false;
        std::future::poll_fn(move |context| {
            if std::mem::replace(&mut has_yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }

    /// Polls tasks until `is_over`, or until nothing can happen any more. Returns the number of steps.
    pub(crate) fn run(&self, is_over: impl Fn() -> bool) -> u64 {
        let mut steps = 0;
        while !is_over() {
            let Some((id, mut task)) = self.next_ready() else {
                if self.advance() {
                    continue;
                }
                break;
            };
            steps += 1;
            task.wake.is_woken.store(false, Ordering::Relaxed);
            let waker = Waker::from(Arc::clone(&task.wake));
            if task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
                lock(&self.tasks).by_id.insert(id, task);
            }
        }
        steps
    }

    /// Drops everything that still waits.
    pub(crate) fn clear(&self) {
        let tasks = std::mem::take(&mut *lock(&self.tasks));
        drop(tasks);
    }

    /// Takes the next task out of those that are ready.
    fn next_ready(&self) -> Option<(u64, Task)> {
        let mut tasks = lock(&self.tasks);
        let woken = std::mem::take(&mut *lock(&self.woken));
        woken.into_iter().for_each(|id| tasks.make_ready(id));
        while !tasks.ready.is_empty() {
            let drawn = self.rng.below(tasks.ready.len());
            let id = tasks.ready.swap_remove(drawn);
            // One that has ended or was killed is gone.
            if let Some(task) = tasks.by_id.remove(&id) {
                return Some((id, task));
            }
        }
        None
    }

    /// Goes on to the time of the next timer; false if there is none.
    fn advance(&self) -> bool {
        let mut timers = lock(&self.timers);
        let Some((&(at, _), _)) = timers.by_time.first_key_value() else { return false };
        let later = timers.by_time.split_off(&(at + 1, 0));
        let due = std::mem::replace(&mut timers.by_time, later);
        drop(timers);
        self.now.store(at, Ordering::Relaxed);
        due.into_values().for_each(Waker::wake);
        true
    }
}

impl Tasks {
    fn make_ready(&mut self, id: u64) {
        let Some(task) = self.by_id.get(&id) else { return };
        if self.paused.contains(&task.owner) { self.stopped.push(id) } else { self.ready.push(id) }
    }
}

/// See [`Scheduler::sleep`].
pub(crate) struct Sleep {
    scheduler: Scheduler,
    at: i64,
    key: Option<(i64, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.scheduler.now.load(Ordering::Relaxed) >= self.at {
            return Poll::Ready(());
        }
        let mut timers = lock(&self.scheduler.timers);
        let key = self.key.unwrap_or_else(|| {
            timers.next += 1;
            (self.at, timers.next)
        });
        timers.by_time.insert(key, context.waker().clone());
        drop(timers);
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let waker = lock(&self.scheduler.timers).by_time.remove(&key);
            drop(waker);
        }
    }
}

/// The runtime of one life of a replica.
#[derive(Clone)]
pub(crate) struct OwnedRuntime {
    pub(crate) scheduler: Scheduler,
    pub(crate) owner: Owner,
}

impl Runtime for OwnedRuntime {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.scheduler.spawn(self.owner, task);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.scheduler.sleep(duration).boxed()
    }
}

/// The clock of one machine, which may be wrong.
#[derive(Clone)]
pub(crate) struct SkewedClock {
    pub(crate) scheduler: Scheduler,
    pub(crate) skew_millis: i64,
}

impl Clock for SkewedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.scheduler.now().as_unix_millis() + self.skew_millis)
    }
}
