//! A call after parsing and before its answer, independent of the protocol generation.

use super::handler::subscription::{ChangeCheck, Description, Event, Purchase, PurchaseDetails};
use crate::activity::Activity;
use crate::directory;
use crate::ledger::{Effect, OrderKey, Step, Target};
use crate::license_store::LicenseApplication;
use crate::protocol::{Protocol, UnfinishedCreation};
use crate::redact::Sensitive;
use crate::result_code::ResultCode;
use crate::wire::{FieldWarning, TestFlag};

/// Request of the marketplace.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) activity: Activity,
    pub(super) test_flag: TestFlag,
    pub(super) command: Command,
    /// Fields that decide nothing and could not be read, or are not quite as documented.
    pub(super) warnings: Vec<FieldWarning>,
}

#[derive(Debug)]
pub(super) enum Command {
    Subscription(SubscriptionCommand),
    Directory(Box<DirectoryCommand>),
    Licensing(LicensingCommand),
    /// A notice of an order.
    Order(Box<Change>),
}

/// Requests about subscriptions.
#[derive(Debug)]
pub(super) enum SubscriptionCommand {
    /// A change, done once.
    Change(Box<Change>),
    /// A check whether a change is allowed.
    Check(Box<ChangeCheck>),
    /// A query of instances.
    Describe(Vec<String>),
}

/// What the same call gets that comes again: the same in everything that is signed, nonce and time included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenRepeated {
    /// The same answer, once it is final. Before that it is one more copy.
    SameAnswer,
    /// It is done again, since it changes nothing.
    RunsAgain,
    /// A refusal: the answer shows access data, and the call may have been captured.
    Refused,
}

impl Command {
    /// Returns the change that the call asks for, if it asks for one.
    pub(super) fn change_mut(&mut self) -> Option<&mut Change> {
        match self {
            Self::Subscription(command) | Self::Licensing(LicensingCommand::Instance(command)) => match command {
                SubscriptionCommand::Change(change) => Some(change),
                SubscriptionCommand::Check(_) | SubscriptionCommand::Describe(_) => None,
            },
            Self::Licensing(LicensingCommand::Code(_, change) | LicensingCommand::Buy(change, _))
            | Self::Order(change) => Some(change),
            Self::Directory(_) | Self::Licensing(LicensingCommand::Apply(_)) => None,
        }
    }

    pub(super) fn when_repeated(&self, protocol: Protocol) -> WhenRepeated {
        match self {
            Self::Subscription(command) | Self::Licensing(LicensingCommand::Instance(command)) => match command {
                SubscriptionCommand::Change(_) => WhenRepeated::SameAnswer,
                // Retries of V1.0 may be the same call, and its access data are encrypted.
                SubscriptionCommand::Describe(_) if protocol.scheme().has_nonce() => WhenRepeated::Refused,
                SubscriptionCommand::Describe(_) | SubscriptionCommand::Check(_) => WhenRepeated::RunsAgain,
            },
            Self::Directory(_) | Self::Licensing(_) | Self::Order(_) => WhenRepeated::SameAnswer,
        }
    }
}

/// Requests about Licenses.
#[derive(Debug)]
pub(super) enum LicensingCommand {
    /// A request about an instance.
    Instance(SubscriptionCommand),
    /// A request about an authorization code, which the ledger is to know under this id.
    Code(String, Box<Change>),
    /// A License for an instance, to be delivered.
    Apply(Box<LicenseApplication>),
    /// An instance, and its License at once.
    Buy(Box<Change>, Box<LicenseApplication>),
}

/// Requests about the directory.
#[derive(Debug)]
pub(super) enum DirectoryCommand {
    Change(directory::Change),
    /// An application whose secret is still to be decrypted.
    PutApplication(SealedApplication),
}

/// An application before its secret is decrypted.
#[derive(Debug)]
pub(super) struct SealedApplication {
    pub(super) meta: directory::ChangeMeta,
    pub(super) app_id: String,
    pub(super) client_id: String,
    pub(super) client_secret: Sensitive,
}

/// A change, as the ledger and as the handler see it.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) step: Step,
    pub(super) event: Event,
}

impl Change {
    /// A purchase. Without details only its order is known.
    pub(super) fn purchase(
        order: OrderKey,
        proposed_id: String,
        details: Option<Box<PurchaseDetails>>,
        test_call: bool,
    ) -> Self {
        let effect = match &details {
            Some(details) => Effect::Create {
                product_id: Some(details.product.product_id.clone()),
                expire_time: details.expire_time,
            },
            None => Effect::Create { product_id: None, expire_time: None },
        };
        // What the target holds too is added for a run alone: most repeats never get there.
        let event = Event::Create(Purchase { details, test_call, ..Purchase::new("", "") });
        Self { step: Step::new(Target::Purchase { order, proposed_id }, effect), event }
    }

    /// Returns the event and the step of a run, for the instance that its purchase was given.
    pub(super) fn into_run(self, instance_id: &str) -> (Event, Step) {
        let (event, mut step) = (self.event_for(instance_id), self.step);
        if let (Effect::Create { product_id, .. }, Target::Purchase { order, .. }) = (&mut step.effect, &step.target)
            && product_id.is_none()
        {
            product_id.clone_from(&order.product_id);
        }
        (event, step)
    }

    /// Returns the event, for the instance that its purchase was given.
    pub(super) fn event_for(&self, instance_id: &str) -> Event {
        let mut event = self.event.clone();
        if let (Event::Create(purchase), Target::Purchase { order, .. }) = (&mut event, &self.step.target) {
            instance_id.clone_into(&mut purchase.instance_id);
            purchase.order_id.clone_from(&order.order_id);
            purchase.order_line_id.clone_from(&order.order_line_id);
        }
        event
    }
}

/// Content of an answer.
#[derive(Debug)]
pub(super) enum Reply {
    /// A purchase.
    Created(Created),
    /// A change or a check: done, or allowed.
    Done,
    /// Instances.
    Described(Vec<(String, Description)>),
    /// An application whose License is still to be delivered.
    Accepted,
    /// A purchase with its License.
    Licensed { instance_id: String, license: Sensitive },
}

#[derive(Debug)]
pub(super) struct Created {
    pub(super) instance_id: String,
    /// Whether the creation still goes on.
    pub(super) processing: bool,
    /// Access data, where the protocol sends them in the answer to the creation.
    pub(super) description: Option<Description>,
}

impl Reply {
    /// Returns the result code of the answer that says so.
    pub(super) fn result_code(&self, protocol: Protocol) -> ResultCode {
        match (self, protocol.unfinished_creation()) {
            (Self::Created(Created { processing: true, .. }), UnfinishedCreation::ProcessingCode) => {
                ResultCode::Processing
            }
            (Self::Accepted, _) => ResultCode::Processing,
            _ => ResultCode::Success,
        }
    }

    /// Returns whether the same call may get the same answer again: it reports work that is done.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Created(created) => !created.processing,
            Self::Accepted => false,
            Self::Done | Self::Described(_) | Self::Licensed { .. } => true,
        }
    }
}
