//! Making Licenses and delivering them, now or later, each once.

use std::future::Future;
use std::ops::ControlFlow;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_channel::oneshot;
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};

use crate::callback::environment::Environment;
use crate::callback::handler::licensing::ErasedIssuing;
use crate::callback::{CallbackError, DeliveryError};
use crate::lease::{Fence, Lease};
use crate::license_store::{ApplicationId, ApplicationOutcome, License, ScopedStore, StoredApplication};
use crate::open_api::{ApiErrorKind, CallError, Client, upload};
use crate::timestamp::Timestamp;

/// Pause before a retry after a failure that may be transient.
const PAUSE: Duration = Duration::from_secs(15);
/// Number of applications that are resumed concurrently after a restart.
const AT_ONCE: usize = 16;

/// Codes by which the marketplace says that it will never take this License.
const FINAL: [&str; 5] = ["91381033", "91381034", "91381035", "91381037", "91381038"];

pub(in crate::callback) struct Issuer {
    pub(in crate::callback) handler: Arc<dyn ErasedIssuing>,
    pub(in crate::callback) store: ScopedStore,
    pub(in crate::callback) open_api: Option<Client>,
    pub(in crate::callback) environment: Arc<Environment>,
    /// Counts the applications worked on, by its clones.
    pub(in crate::callback) at_work: Arc<()>,
}

impl Issuer {
    /// Works on an application; `None` if another worker holds the lease. The work continues if its caller is dropped,
    /// which may be while the lease is asked for: the next call would wait for its end.
    pub(in crate::callback) async fn work_for(
        self: &Arc<Self>,
        id: &ApplicationId,
    ) -> Result<Option<License>, CallbackError> {
        let (issuer, claimed) = (Arc::clone(self), id.clone());
        let work = async move {
            let (lease, now) = (issuer.environment.draw_lease()?, issuer.environment.now());
            match issuer.store.claim(&claimed, lease, now).await? {
                Some(stored) => issuer.work(stored, lease, now).await.map(Some),
                None => Ok(None),
            }
        };
        self.start(id.clone(), work).await.unwrap_or(Err(CallbackError::Aborted))
    }

    /// Works on whatever is due, in a loop, until `stop` is ready.
    pub(in crate::callback) async fn run(self: &Arc<Self>, stop: impl Future<Output = ()> + Send) {
        let mut stop = pin!(stop);
        loop {
            if let Err(error) = self.go_on().await {
                let (action, subject) = ("take up", "applications for Licenses");
                self.environment.report_failure(action, subject, &error);
            }
            // The pause is the time for which another process's work stays reserved.
            let pause = self.environment.sleep(self.environment.lease);
            if let Either::Right(_) = select(pause, &mut stop).await {
                return;
            }
        }
    }

    /// Works once on everything that is due.
    pub(in crate::callback) async fn go_on(self: &Arc<Self>) -> Result<(), CallbackError> {
        loop {
            let (lease, now) = (self.environment.draw_lease()?, self.environment.now());
            let due = self.store.claim_due(lease, now, AT_ONCE).await?;
            if due.is_empty() {
                return Ok(());
            }
            for stored in due {
                let (issuer, id) = (Arc::clone(self), stored.application.id.clone());
                // Its failure is reported as a background failure, since no call waits for it.
                drop(self.start(id, async move { issuer.work(stored, lease, now).await }));
            }
        }
    }

    /// Waits until no application is worked on.
    pub(in crate::callback) async fn idle(&self) {
        while Arc::strong_count(&self.at_work) > 1 {
            self.environment.sleep(Duration::from_millis(10)).await;
        }
    }

    /// Works on an application to the end, also if no call waits for it any more.
    fn start<T: Send + 'static>(
        self: &Arc<Self>,
        id: ApplicationId,
        work: impl Future<Output = Result<T, CallbackError>> + Send + 'static,
    ) -> oneshot::Receiver<Result<T, CallbackError>> {
        let (report, outcome) = oneshot::channel();
        let issuer = Arc::clone(self);
        let at_work = Arc::clone(&self.at_work);
        self.environment.spawn(async move {
            let _at_work = at_work;
            if let Err(Err(error)) = report.send(work.await) {
                issuer.report(&id, &error);
            }
        });
        outcome
    }

    pub(in crate::callback) fn report(&self, id: &ApplicationId, error: &CallbackError) {
        self.environment.report_failure("deliver the License for", id.value(), error);
    }

    /// Makes and delivers a License under a lease that was asked for at that time.
    async fn work(
        &self,
        mut stored: StoredApplication,
        lease: Lease,
        asked_at: Timestamp,
    ) -> Result<License, CallbackError> {
        stored.application.fence = Fence::new(stored.attempts, lease.end(asked_at));
        let id = stored.application.id.clone();
        let work = pin!(AssertUnwindSafe(self.make_and_deliver(stored)).catch_unwind());
        let extend = || async {
            // If this fails, another process may take over; a License that is stored stays the only one.
            let _ = self.store.extend(&id, lease, self.environment.now()).await;
            ControlFlow::Continue(())
        };
        let done = match self.environment.while_leased(work, extend).await {
            Ok(done) => done,
            Err(_panic) => Err(CallbackError::Aborted),
        };
        let outcome = match &done {
            Ok(_) => ApplicationOutcome::Delivered,
            Err(error) if is_final(error) => ApplicationOutcome::GivenUp,
            Err(_) => ApplicationOutcome::Later(self.environment.now().saturating_add(PAUSE)),
        };
        self.store.settle(&id, lease, outcome).await?;
        done
    }

    async fn make_and_deliver(&self, stored: StoredApplication) -> Result<License, CallbackError> {
        let id = stored.application.id.clone();
        let license = match stored.license {
            Some(license) => license,
            None => {
                let made = self.handler.issue(stored.application).await?;
                check(&id, &made)?;
                self.store.keep(&id, made).await?
            }
        };
        if let ApplicationId::Event(event_id) = id {
            self.upload(event_id, &license).await?;
        }
        Ok(license)
    }

    async fn upload(&self, event_id: String, license: &License) -> Result<(), DeliveryError> {
        let request = match license {
            License::Text(text) => upload::Request::characters(event_id, text.expose()),
            License::File { name, content } => upload::Request::file(event_id, name, content.clone()),
            License::DeliveredElsewhere => return Ok(()),
        };
        let client = self.open_api.as_ref().ok_or(DeliveryError::NoClient)?;
        client.call(&request).await.map_err(|error| DeliveryError::Upload(Box::new(error)))
    }
}

/// V1 has nowhere to put a file; an upload takes no text that is longer.
fn check(id: &ApplicationId, license: &License) -> Result<(), DeliveryError> {
    match (id, license) {
        (ApplicationId::Order(_), License::Text(_)) => Ok(()),
        (ApplicationId::Order(_), _) => Err(DeliveryError::NotAText),
        (ApplicationId::Event(_), License::Text(text)) if text.expose().chars().count() > 1024 => {
            Err(DeliveryError::TooLong)
        }
        (ApplicationId::Event(_), _) => Ok(()),
    }
}

/// Returns whether an automatic retry is useless: the seller refused, or the marketplace will never take the License.
pub(in crate::callback) fn is_final(error: &CallbackError) -> bool {
    match error {
        CallbackError::Refused(_) => true,
        CallbackError::Delivery(error) => match &**error {
            DeliveryError::Upload(error) => match &**error {
                CallError::Api(error) => {
                    matches!(&error.kind, ApiErrorKind::Refused { code, .. } if FINAL.contains(&code.as_str()))
                }
                _ => false,
            },
            _ => false,
        },
        _ => false,
    }
}
