//! Answers to debugging and dial-test calls: the form is checked, the values are invented, nothing is changed.

use crate::callback::command::{Created, Reply, SubscriptionCommand};
use crate::callback::handler::subscription::{AccessInfo, Description};
use crate::ledger::Target;

/// Success for any instance id: the debugging page lets a person type any.
pub(in crate::callback) fn reply(command: &SubscriptionCommand, access: &AccessInfo) -> Reply {
    let described = || Description::new(access.clone());
    match command {
        SubscriptionCommand::Change(change) => match &change.step.target {
            Target::Purchase { proposed_id, .. } => Reply::Created(Created {
                instance_id: proposed_id.clone(),
                processing: false,
                description: Some(described()),
            }),
            Target::Instance(_) => Reply::Done,
        },
        SubscriptionCommand::Check(_) => Reply::Done,
        SubscriptionCommand::Describe(ids) => {
            Reply::Described(ids.iter().map(|id| (id.clone(), described())).collect())
        }
    }
}
