//! State in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use super::{StateError, StateStore};

/// A store that lives as long as the process, for tests. Clones share it. An application with such a store asks the
/// marketplace at every start, and cannot be used without it.
#[derive(Clone, Debug, Default)]
pub struct MemoryStateStore {
    states: Arc<Mutex<HashMap<String, Vec<u8>>>>,
}

impl StateStore for MemoryStateStore {
    fn load<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, StateError>> {
        ready(Ok(self.states.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned())).boxed()
    }

    fn save<'a>(&'a self, key: &'a str, state: Vec<u8>) -> BoxFuture<'a, Result<(), StateError>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), state);
        ready(Ok(())).boxed()
    }
}
