//! Replying to the License calls.

use std::sync::Arc;

use crate::callback::CallbackError;
use crate::callback::command::{Created, LicensingCommand, Reply, SubscriptionCommand};
use crate::callback::environment::caught;
use crate::callback::pipeline::exchange::{ReplyContext, WhenDue};
use crate::callback::pipeline::executor::Executor;
use crate::callback::pipeline::issuer::{Issuer, is_final};
use crate::callback::settings::DebugCalls;
use crate::ledger::{Instance, State};
use crate::license_store::{ApplicationId, Applied, License, LicenseApplication};
use crate::redact::Sensitive;

/// The Licenses of one seller.
pub(in crate::callback) struct Licensing {
    /// Runs the changes of instances.
    pub(in crate::callback) instances: Arc<Executor>,
    /// Runs the changes of subscriptions, where the service has them.
    pub(in crate::callback) subscriptions: Option<Arc<Executor>>,
    /// Runs the changes of authorization codes, which the ledger learns of late.
    pub(in crate::callback) codes: Arc<Executor>,
    pub(in crate::callback) issuer: Arc<Issuer>,
}

impl Licensing {
    pub(in crate::callback) async fn reply(
        &self,
        command: LicensingCommand,
        exchange: &mut ReplyContext<'_>,
    ) -> Result<Reply, CallbackError> {
        match command {
            LicensingCommand::Instance(command) => self.instances.reply(command, exchange).await,
            LicensingCommand::Code(id, change) => {
                if !exchange.test_call() {
                    self.codes.adopt(&id).await?;
                }
                self.codes.reply(SubscriptionCommand::Change(change), exchange).await
            }
            LicensingCommand::Apply(application) if exchange.test_call() => {
                self.try_out(*application, exchange).await?;
                Ok(Reply::Done)
            }
            LicensingCommand::Apply(application) => self.apply(*application, exchange).await,
            LicensingCommand::Buy(change, application) => {
                let created = self.instances.reply(SubscriptionCommand::Change(change), exchange).await?;
                let Reply::Created(Created { instance_id, .. }) = created else {
                    // A purchase is answered with what was created.
                    return Err(CallbackError::Aborted);
                };
                let license = match exchange.test_call() {
                    true => self.try_out(*application, exchange).await?,
                    false => self.issue_for(*application, instance_id.clone()).await?,
                };
                Ok(Reply::Licensed { instance_id, license })
            }
        }
    }

    /// Notes the application, and delivers its License if that can be done in time.
    async fn apply(
        &self,
        application: LicenseApplication,
        exchange: &mut ReplyContext<'_>,
    ) -> Result<Reply, CallbackError> {
        let instance_id = &application.instance_id;
        let unknown = || CallbackError::UnknownInstance(instance_id.clone());
        let (executor, instance) = self.find(instance_id).await?.ok_or_else(unknown)?;
        match instance.state {
            State::Active | State::Frozen => {}
            State::Creating => {
                executor.resume(&instance).await?;
                return Err(CallbackError::StillCreating);
            }
            State::Released => return Err(unknown()),
        }
        let id = self.note(application).await?;
        exchange.progress.when_due = WhenDue::Accepted;
        match self.issuer.work_for(&id).await {
            Ok(Some(_)) => Ok(Reply::Done),
            Ok(None) => Ok(Reply::Accepted),
            // It was made and is kept; its delivery goes on.
            Err(error) if error.is_failed_upload() && !is_final(&error) => {
                self.issuer.report(&id, &error);
                Ok(Reply::Accepted)
            }
            Err(error) => Err(error),
        }
    }

    /// Returns an instance and the executor that created it. Where one address serves SaaS V2.0 as well, a creation is
    /// taken for SaaS, because the two families' messages are the same.
    async fn find(&self, instance_id: &str) -> Result<Option<(&Arc<Executor>, Arc<Instance>)>, CallbackError> {
        for executor in std::iter::once(&self.instances).chain(&self.subscriptions) {
            if let Some(instance) = executor.ledger.instance(instance_id).await? {
                return Ok(Some((executor, instance)));
            }
        }
        Ok(None)
    }

    /// The License of an order, which never changes.
    async fn issue_for(
        &self,
        mut application: LicenseApplication,
        instance_id: String,
    ) -> Result<Sensitive, CallbackError> {
        application.instance_id = instance_id;
        let id = application.id.clone();
        if let Some(License::Text(text)) = self.known_license(&id).await? {
            return Ok(text);
        }
        self.note(application).await?;
        let environment = &self.issuer.environment;
        let mut polls = 0;
        loop {
            if let Some(License::Text(text)) = self.issuer.work_for(&id).await? {
                return Ok(text);
            }
            // Another call is making it, or has just made it.
            if let Some(License::Text(text)) = self.known_license(&id).await? {
                return Ok(text);
            }
            environment.sleep(environment.poll_pause(polls)).await;
            polls += 1;
        }
    }

    async fn known_license(&self, id: &ApplicationId) -> Result<Option<License>, CallbackError> {
        Ok(self.issuer.store.application(id).await?.and_then(|stored| stored.license))
    }

    async fn note(&self, application: LicenseApplication) -> Result<ApplicationId, CallbackError> {
        let id = application.id.clone();
        match self.issuer.store.apply(application, self.issuer.environment.now()).await? {
            Applied::Accepted(_) => Ok(id),
            Applied::Conflict => {
                let (ApplicationId::Event(id) | ApplicationId::Order(id)) = id;
                Err(CallbackError::ApplicationConflict(id))
            }
        }
    }

    /// An invented License, or one that the seller's code makes and that is not kept.
    async fn try_out(
        &self,
        application: LicenseApplication,
        exchange: &ReplyContext<'_>,
    ) -> Result<Sensitive, CallbackError> {
        if exchange.settings.debug_calls == DebugCalls::Answer {
            return Ok("TEST-LICENSE".into());
        }
        Ok(match caught(self.issuer.handler.issue(application)).await? {
            License::Text(text) => text,
            _ => Sensitive::default(),
        })
    }
}
