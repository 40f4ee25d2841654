//! Background work of the checks: at most one flight at a time, which does everything that is due and ends.

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::answer::{Answer, is_activated_all_the_same, is_not_activated};
use super::inner::Inner;
use super::record::Record;
use super::state::{Clients, Due, State};
use super::{CallFailure, HeartbeatEvent};
use crate::open_api::{CallError, activate_license, query_license, report_software_usage};

/// A flight. When it is dropped, for whatever reason, waiting checks wake up and the next check may begin another.
pub(super) struct Flight {
    inner: Arc<Inner>,
    has_landed: bool,
}

impl Flight {
    /// Begins a flight, unless there is one.
    pub(super) fn begin(inner: &Arc<Inner>, state: &mut State) -> Option<Self> {
        let is_first = !std::mem::replace(&mut state.is_flying, true);
        is_first.then(|| Self { inner: Arc::clone(inner), has_landed: false })
    }

    /// Does what is due, to its end.
    pub(super) fn run(mut self) -> BoxFuture<'static, ()> {
        async move {
            while let Some(due) = self.next() {
                match due {
                    Due::Load if !self.inner.load().await => return,
                    Due::Load => {}
                    Due::Query => self.inner.query().await,
                    Due::Save => self.inner.save().await,
                    Due::Report(clients) => self.inner.report(clients).await,
                }
            }
        }
        .boxed()
    }

    /// Returns what to do next. Finding nothing ends the flight in the same step: a check that comes later begins
    /// another.
    fn next(&mut self) -> Option<Due> {
        let mut state = self.inner.state();
        let due = state.due(self.inner.clock.now(), &self.inner.rules);
        match &due {
            None => {
                self.has_landed = true;
                land(&mut state);
            }
            Some(Due::Report(_)) => state.undecided.clear(),
            // An answer is saved before the software is used on it.
            Some(Due::Load | Due::Query | Due::Save) => {}
        }
        due
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.has_landed {
            land(&mut self.inner.state());
        }
    }
}

fn land(state: &mut State) {
    state.is_flying = false;
    state.undecided.clear();
    state.unsettled.clear();
}

impl Inner {
    /// Reads the stored state, and returns whether it could be read.
    async fn load(&self) -> bool {
        let loaded = self.store.load(&self.key).await;
        let record = loaded.and_then(|bytes| bytes.map(|bytes| Record::from_bytes(&self.key, &bytes)).transpose());
        let now = self.clock.now();
        match record {
            Ok(kept) => {
                let is_kept = kept.is_some();
                let record = kept.unwrap_or_else(|| Record::new(&self.key, now));
                self.state().loaded(record, is_kept, now);
                true
            }
            Err(error) => {
                self.state().is_unreadable(error);
                false
            }
        }
    }

    async fn query(&self) {
        let outcome = self.ask().await;
        let now = self.clock.now();
        let outcome = match outcome {
            Ok(license) => Ok(Answer::of_license(license, now)),
            Err(error) => Answer::of_refusal(&error, now).ok_or(error),
        };
        let error = match outcome {
            Ok(answer) => return self.state().answered(answer),
            Err(error) => Arc::new(error),
        };
        let retry_at = {
            let mut state = self.state();
            state.has_failed(Arc::clone(&error));
            state.queries.begin(now, &self.rules, &*self.random)
        };
        self.observer.on_event(&HeartbeatEvent::CallFailed(CallFailure { error: &error, retry_at }));
    }

    /// Queries the License, and activates it if the marketplace says that it was not.
    async fn ask(&self) -> Result<query_license::License, CallError> {
        let query = query_license::Request::new(self.license.expose());
        match self.client.call(&query).await {
            Err(error) if self.auto_activate && is_not_activated(&error) => {
                let activate = activate_license::Request::new(self.license.expose());
                match self.client.call(&activate).await {
                    Ok(_) => self.observer.on_event(&HeartbeatEvent::Activated),
                    Err(error) if is_activated_all_the_same(&error) => {}
                    Err(error) => return Err(error),
                }
                self.client.call(&query).await
            }
            answer => answer,
        }
    }

    /// Saves the state, merged with what another process has saved.
    async fn save(&self) {
        let outcome = async {
            let kept = self.store.load(&self.key).await?;
            let kept = kept.map(|bytes| Record::from_bytes(&self.key, &bytes)).transpose()?;
            let Some(record) = self.state().begin_save(kept) else { return Ok(None) };
            self.store.save(&self.key, record.to_bytes()).await?;
            Ok(Some(record.seen_at))
        };
        match outcome.await {
            Ok(seen_at) => self.state().end_save(seen_at),
            Err(error) => {
                {
                    let mut state = self.state();
                    state.end_save(None);
                    state.saves.begin(self.clock.now(), &self.rules, &*self.random);
                }
                self.observer.on_event(&HeartbeatEvent::SaveFailed(&error));
            }
        }
    }

    /// Reports clients. A report whose answer was lost is retried: distinct clients are counted.
    async fn report(&self, clients: Clients) {
        let reports = clients.ids.values().map(|id| report_software_usage::Report::Id(id.clone())).collect();
        let usage = report_software_usage::Usage::new(self.license.expose(), reports);
        match self.client.call(&report_software_usage::Request::new(vec![usage])).await {
            Ok(response) => {
                let count = clients.ids.len();
                self.state().reported(clients);
                if !response.failed.is_empty() {
                    self.observer.on_event(&HeartbeatEvent::ClientsRefused { clients: count });
                }
            }
            Err(error) => {
                let retry_at = self.state().reports.begin(self.clock.now(), &self.rules, &*self.random);
                self.observer.on_event(&HeartbeatEvent::CallFailed(CallFailure { error: &error, retry_at }));
            }
        }
    }
}
