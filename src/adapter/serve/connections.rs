//! The connections of a server: which of them are idle, and which gives way to a new one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use ::tokio::time::{Instant, sleep_until};

/// How long a connection is idle at least before it gives way: a new one needs a moment for its first request.
const LEAST_IDLE: Duration = Duration::from_secs(1);

/// Places for connections, and the idle ones in the order in which they became so.
pub(super) struct Connections {
    places: Arc<Semaphore>,
    idle: Mutex<Idle>,
    became_idle: Notify,
    /// A connection did not give way, because a request came.
    stayed: Notify,
}

#[derive(Default)]
struct Idle {
    next: u64,
    oldest_first: BTreeMap<u64, (Instant, Arc<Notify>)>,
}

impl Connections {
    pub(super) fn new(places: usize) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(places.clamp(1, Semaphore::MAX_PERMITS)));
        Arc::new(Self { places, idle: Mutex::default(), became_idle: Notify::new(), stayed: Notify::new() })
    }

    /// Waits for a place. If there is none, the oldest idle connection is asked to close.
    pub(super) async fn place(self: &Arc<Self>) -> Place {
        loop {
            if let Ok(permit) = Arc::clone(&self.places).try_acquire_owned() {
                return self.take(permit);
            }
            let oldest = self.ask_oldest();
            let next_try = async {
                match oldest {
                    Oldest::Asked => self.stayed.notified().await,
                    Oldest::IdleEnoughAt(time) => sleep_until(time).await,
                    Oldest::NoneIdle => self.became_idle.notified().await,
                }
            };
            ::tokio::select! {
                // The semaphore is never closed.
                Ok(permit) = Arc::clone(&self.places).acquire_owned() => return self.take(permit),
                () = next_try => {}
            }
        }
    }

    /// Asks the connection that has been idle for longest to close.
    fn ask_oldest(&self) -> Oldest {
        let mut idle = self.idle();
        let Some(entry) = idle.oldest_first.first_entry() else { return Oldest::NoneIdle };
        let idle_enough_at = entry.get().0 + LEAST_IDLE;
        if idle_enough_at > Instant::now() {
            return Oldest::IdleEnoughAt(idle_enough_at);
        }
        let (_, close) = entry.remove();
        close.notify_one();
        Oldest::Asked
    }

    fn take(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Place {
        let activity = Activity(Arc::new(ActivityState {
            connections: Arc::clone(self),
            is_busy: AtomicBool::new(false),
            idle_since: Mutex::new(0),
            close: Arc::new(Notify::new()),
        }));
        activity.rest();
        Place { activity, _permit: permit }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Oldest {
    Asked,
    IdleEnoughAt(Instant),
    NoneIdle,
}

/// The place of a connection, free again when it is dropped.
pub(super) struct Place {
    activity: Activity,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    pub(super) fn activity(&self) -> &Activity {
        &self.activity
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.activity.leave_the_idle();
    }
}

/// Whether a connection works on a request.
#[derive(Clone)]
pub(super) struct Activity(Arc<ActivityState>);

struct ActivityState {
    connections: Arc<Connections>,
    is_busy: AtomicBool,
    /// Its number among the idle ones.
    idle_since: Mutex<u64>,
    close: Arc<Notify>,
}

impl Activity {
    /// Marks the connection as busy until the result is dropped.
    pub(super) fn work(&self) -> Work {
        self.0.is_busy.store(true, Ordering::Relaxed);
        self.leave_the_idle();
        Work { activity: self.clone(), ends: true }
    }

    /// Waits until the connection is to give way.
    ///
    /// A request may come at that moment. It is answered, and another connection is asked.
    pub(super) async fn asked_to_close(&self) {
        loop {
            self.0.close.notified().await;
            if !self.is_busy() {
                return;
            }
            self.0.connections.stayed.notify_one();
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.0.is_busy.load(Ordering::Relaxed)
    }

    fn rest(&self) {
        self.0.is_busy.store(false, Ordering::Relaxed);
        let mut idle = self.0.connections.idle();
        let number = idle.next;
        idle.next += 1;
        idle.oldest_first.insert(number, (Instant::now(), Arc::clone(&self.0.close)));
        *self.number() = number;
        drop(idle);
        self.0.connections.became_idle.notify_one();
    }

    fn leave_the_idle(&self) {
        let number = *self.number();
        self.0.connections.idle().oldest_first.remove(&number);
    }

    fn number(&self) -> MutexGuard<'_, u64> {
        self.0.idle_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request that is worked on.
pub(super) struct Work {
    activity: Activity,
    ends: bool,
}

impl Work {
    /// Lets the connection be busy until it is closed, since it leaves HTTP.
    pub(super) fn never_ends(&mut self) {
        self.ends = false;
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if self.ends {
            self.activity.rest();
        }
    }
}
