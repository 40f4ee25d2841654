//! Replying to the calls about subscriptions.

use std::mem;
use std::sync::Arc;

use futures_util::future::join_all;

use crate::callback::CallbackError;
use crate::callback::command::{Change, Created, Reply, SubscriptionCommand};
use crate::callback::environment::caught;
use crate::callback::handler::subscription::{Description, Event, InstanceQuery};
use crate::callback::pipeline::debug;
use crate::callback::pipeline::exchange::{Asked, Found, ReplyContext};
use crate::callback::pipeline::executor::{Done, Executor};
use crate::callback::settings::DebugCalls;
use crate::ledger::{LedgerError, State, StepStatus, Target};

impl Executor {
    pub(in crate::callback) async fn reply(
        self: &Arc<Self>,
        command: SubscriptionCommand,
        exchange: &mut ReplyContext<'_>,
    ) -> Result<Reply, CallbackError> {
        let test_call = exchange.test_call();
        match command {
            command if test_call && exchange.settings.debug_calls == DebugCalls::Answer => {
                Ok(debug::reply(&command, &exchange.settings.debug_access))
            }
            SubscriptionCommand::Change(change) if test_call => {
                let (id, is_purchase) = match &change.step.target {
                    Target::Purchase { proposed_id, .. } => (proposed_id, true),
                    Target::Instance(id) => (id, false),
                };
                self.try_out(change.event_for(id)).await?;
                if !is_purchase {
                    return Ok(Reply::Done);
                }
                let description = self.describe_if(exchange.protocol.has_access_with_creation(), id, exchange).await?;
                Ok(Reply::Created(Created { instance_id: id.clone(), processing: false, description }))
            }
            SubscriptionCommand::Change(change) => self.change(change, exchange).await,
            SubscriptionCommand::Check(check) => {
                let id = &check.instance_id;
                if !test_call && !self.ledger.instance(id).await?.is_some_and(|instance| is_in_use(instance.state)) {
                    return Err(CallbackError::UnknownInstance(id.clone()));
                }
                self.try_out(Event::CheckChange(*check)).await?;
                Ok(Reply::Done)
            }
            SubscriptionCommand::Describe(ids) => self.describe_all(ids, exchange).await,
        }
    }

    async fn change(
        self: &Arc<Self>,
        change: Box<Change>,
        exchange: &mut ReplyContext<'_>,
    ) -> Result<Reply, CallbackError> {
        let is_purchase = matches!(change.step.target, Target::Purchase { .. });
        let asked = mem::take(&mut exchange.asked);
        let Done { instance, repeated } = self.perform(change, asked, &mut exchange.progress.when_due).await?;
        exchange.progress.repeated = repeated;
        if !is_purchase {
            return Ok(Reply::Done);
        }
        // An instance that exists no longer has no access data.
        let describes = exchange.protocol.has_access_with_creation() && instance.state != State::Released;
        let id = &instance.instance_id;
        let description = self.describe_if(describes, id, exchange).await?;
        Ok(Reply::Created(Created { instance_id: id.clone(), processing: false, description }))
    }

    async fn describe_all(
        self: &Arc<Self>,
        ids: Vec<String>,
        exchange: &mut ReplyContext<'_>,
    ) -> Result<Reply, CallbackError> {
        let mut creating = false;
        let mut ready = Vec::with_capacity(ids.len());
        let found = match mem::take(&mut exchange.asked) {
            _ if exchange.test_call() => {
                ready.extend(&ids);
                Found::new()
            }
            Asked::Instances(found) => found?,
            _ => self.find_all(&ids).await?,
        };
        for (id, instance) in ids.iter().zip(found) {
            match instance {
                Some(instance) if is_in_use(instance.state) => ready.push(id),
                Some(instance) if instance.state == State::Creating => {
                    creating = true;
                    // Boxed, since it is rare and large: every call would make room for it.
                    Box::pin(self.resume(&instance)).await?;
                }
                _ => {}
            }
        }
        if ready.is_empty() {
            return Err(match creating {
                true => CallbackError::StillCreating,
                false => CallbackError::UnknownInstance(ids.join(",")),
            });
        }
        let exchange = &*exchange;
        let descriptions = join_all(ready.into_iter().map(|id| async move {
            let description = self.describe(id, exchange).await?;
            Ok::<_, CallbackError>((id.clone(), description))
        }));
        Ok(Reply::Described(descriptions.await.into_iter().collect::<Result<_, _>>()?))
    }

    /// Asks the ledger what the command will need to be known, which changes nothing.
    pub(in crate::callback) async fn ask(&self, command: &SubscriptionCommand) -> Asked {
        match command {
            // What runs in this process is known without the ledger, which may be slow.
            SubscriptionCommand::Change(change) if self.joined(&change.step).is_some() => Asked::Nothing,
            SubscriptionCommand::Change(change) => match self.status(&change.step).await {
                // It may be created before the guard has decided.
                Ok(StepStatus::Unknown) if matches!(change.step.target, Target::Instance(_)) => Asked::Nothing,
                status => Asked::Status(status),
            },
            SubscriptionCommand::Describe(ids) => match self.find_all(ids).await {
                Ok(found) if found.iter().any(Option::is_none) => Asked::Nothing,
                found => Asked::Instances(found),
            },
            SubscriptionCommand::Check(_) => Asked::Nothing,
        }
    }

    /// Returns the instances of a query, as far as the ledger knows them.
    async fn find_all(&self, ids: &[String]) -> Result<Found, LedgerError> {
        let mut found = Found::with_capacity(ids.len());
        for id in ids {
            found.push(self.ledger.instance(id).await?);
        }
        Ok(found)
    }

    async fn describe_if(
        &self,
        wanted: bool,
        instance_id: &str,
        exchange: &ReplyContext<'_>,
    ) -> Result<Option<Description>, CallbackError> {
        match wanted {
            true => self.describe(instance_id, exchange).await.map(Some),
            false => Ok(None),
        }
    }

    async fn describe(&self, instance_id: &str, exchange: &ReplyContext<'_>) -> Result<Description, CallbackError> {
        let query = InstanceQuery { instance_id: instance_id.to_owned(), test_call: exchange.test_call() };
        caught(self.handler.describe(query)).await
    }
}

fn is_in_use(state: State) -> bool {
    matches!(state, State::Active | State::Frozen)
}
