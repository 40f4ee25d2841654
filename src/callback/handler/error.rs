//! What can go wrong with a call: in full for the seller's log, as a result code for the caller.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cipher::field::EncryptError;
use crate::issuing::LicenseStoreError;
use crate::key::InterfaceType;
use crate::ledger::LedgerError;
use crate::open_api::CallError;
use crate::protocol::Protocol;
use crate::replay::ReplayError;
use crate::result_code::ResultCode;
use crate::signature::VerifyError;
use crate::wire::{ParseError, Violation};

/// Why a call was not answered with success. For the seller's log; the caller learns [`CallbackError::result_code`] and
/// its default text, or the text of the seller's own [`Refusal`].
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// Neither `GET` nor `POST`.
    #[error("no callback uses method {0}")]
    UnknownMethod(http::Method),
    /// The service has no key or handler for this protocol.
    #[error("no {0:?} key is configured, so the call cannot be verified")]
    NoKey(InterfaceType),
    /// The service has keys but no handler for this family of callbacks.
    #[error("no handler is configured for {0} calls")]
    NoHandler(Protocol),
    /// The body is larger than the server takes, or did not arrive in time.
    #[error("the request body could not be read: {0}")]
    Body(Cow<'static, str>),
    /// The call is not proved to come from the marketplace now.
    #[error("the call was not verified")]
    Verify(#[from] VerifyError),
    /// The call was seen before.
    #[error("the call repeats a nonce that was used before")]
    Replayed,
    /// Whether the call was seen before could not be found out.
    #[error("the replay guard could not take the call")]
    Replay(#[source] Arc<ReplayError>),
    /// The call is genuine and not as documented.
    #[error("the message cannot be read")]
    Parse(#[from] ParseError),
    /// An encrypted field does not decrypt: another key or another encrypt type than the seller console has.
    #[error("field {0:?} cannot be decrypted with the configured key and encrypt type")]
    Undecryptable(&'static str),
    /// There is no such instance, or it was released, or its creation never finished.
    #[error("there is no instance {0:?} that this could be done to")]
    UnknownInstance(String),
    /// None of the instances asked for is ready yet.
    #[error("the instance is still being created")]
    StillCreating,
    /// The ledger failed.
    #[error("the ledger could not do its work")]
    Ledger(#[source] Arc<LedgerError>),
    /// Somebody else has been working on the instance for too long.
    #[error("instance {0:?} is being worked on elsewhere")]
    Busy(String),
    /// The handler did not finish in time; where it changes something it goes on in the background.
    #[error("the handler was not done within {0:?}")]
    Deadline(Duration),
    /// What was bought could not be learned, and no event is given half filled.
    #[error("the event could not be completed from its order")]
    Order(#[source] Arc<OrderError>),
    /// A License could not be delivered; it is kept, and delivered later where that may help.
    #[error("the License could not be delivered")]
    Delivery(#[source] Arc<DeliveryError>),
    /// Another instance or device applied for a License under the same id.
    #[error("application {0:?} was made for another instance or device")]
    ApplicationConflict(String),
    /// What Licenses were applied for could not be found out.
    #[error("the License store could not do its work")]
    LicenseStore(#[from] LicenseStoreError),
    /// The seller's code said no.
    #[error("the handler refused: {0}")]
    Refused(Refusal),
    /// The seller's code failed.
    #[error("the handler failed")]
    Handler(#[source] Arc<dyn Error + Send + Sync>),
    /// The seller's code panicked, or the runtime dropped it.
    #[error("the handler panicked or was dropped")]
    Aborted,
    /// The seller's answer breaks the document's table.
    #[error("the answer would be refused by the marketplace")]
    Answer(#[from] Violation),
    /// Account or password could not be encrypted for the answer.
    #[error("answer field {field:?} could not be encrypted")]
    Encrypt {
        /// Name on the wire.
        field: &'static str,
        /// Why.
        source: EncryptError,
    },
}

impl CallbackError {
    /// What the caller is told.
    pub fn result_code(&self) -> ResultCode {
        match self {
            Self::Verify(error) => error.result_code(),
            Self::NoKey(_) => ResultCode::AuthenticationFailed,
            Self::UnknownMethod(_)
            | Self::Body(_)
            | Self::Replayed
            | Self::ApplicationConflict(_)
            | Self::Parse(_)
            | Self::Undecryptable(_) => ResultCode::InvalidParameter,
            Self::UnknownInstance(_) => ResultCode::InstanceNotFound,
            Self::StillCreating => ResultCode::Processing,
            Self::Refused(refusal) => refusal.code,
            _ => ResultCode::InternalError,
        }
    }

    pub(in crate::callback) fn is_failed_upload(&self) -> bool {
        matches!(self, Self::Delivery(error) if matches!(**error, DeliveryError::Upload(_)))
    }

    /// The text that the caller is told: the seller's own in a refusal, the default one otherwise.
    pub(in crate::callback) fn result_message(&self) -> Cow<'static, str> {
        match self {
            Self::Refused(refusal) => refusal.message.clone(),
            other => other.result_code().default_message().into(),
        }
    }
}

impl From<LedgerError> for CallbackError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(Arc::new(error))
    }
}

impl From<ReplayError> for CallbackError {
    fn from(error: ReplayError) -> Self {
        Self::Replay(Arc::new(error))
    }
}

/// Why a License could not be delivered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// The service has no open-API client to upload it with.
    #[error("there is no open-API client to upload it with")]
    NoClient,
    /// The upload failed.
    #[error("the upload failed")]
    Upload(#[source] Box<CallError>),
    /// V1 can answer a text only.
    #[error("V1 has no way to deliver anything but a text")]
    NotAText,
    /// The upload takes 1024 characters.
    #[error("a License text has at most 1024 characters; a longer one is a file")]
    TooLong,
}

impl From<DeliveryError> for CallbackError {
    fn from(error: DeliveryError) -> Self {
        Self::Delivery(Arc::new(error))
    }
}

impl From<OrderError> for CallbackError {
    fn from(error: OrderError) -> Self {
        Self::Order(Arc::new(error))
    }
}

impl From<HandlerError> for CallbackError {
    fn from(error: HandlerError) -> Self {
        match error.0 {
            HandlerFailure::Refused(refusal) => Self::Refused(refusal),
            HandlerFailure::Failed(error) => Self::Handler(error.into()),
        }
    }
}

/// Why an event could not be completed. The marketplace sends the call again, and the order is asked for again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// The order could not be asked for.
    #[error("order {order_id} could not be queried")]
    Query {
        /// The order.
        order_id: String,
        /// Why.
        source: Box<CallError>,
    },
    /// The answer does not tell what the event needs.
    #[error("the answer to the query of order {order_id} lacks {missing}")]
    Incomplete {
        /// The order.
        order_id: String,
        /// What it does not have.
        missing: String,
    },
}

/// A handler's decision not to do what was asked, with the code that says why.
///
/// The code must be one that the documents know for the callback ([`ResultCode::allowed_for`]); another one is answered
/// as `000005` and reported.
///
/// ```
/// use koogallery::callback::{HandlerError, Refusal};
/// use koogallery::result_code::ResultCode;
///
/// fn reserve() -> Result<(), HandlerError> {
///     Err(Refusal::new(ResultCode::SoldOut).with_message("no seats left until May").into())
/// }
/// # assert!(reserve().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: ResultCode,
    message: Cow<'static, str>,
}

impl Refusal {
    /// A refusal with the code's default text.
    pub const fn new(code: ResultCode) -> Self {
        Self { code, message: Cow::Borrowed(code.default_message()) }
    }

    /// Replaces the text, which **the marketplace sees**: at most 255 characters, ASCII only in V1.0.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.code, self.message)
    }
}

/// What a handler returns when it did not do what was asked: a [`Refusal`], or any error.
///
/// Every `std::error::Error` converts into it, so `?` works in handlers. Such an error is answered as `000005`, told in
/// full to the [`Observer`](super::Observer), and not remembered: the marketplace's retry runs the handler again.
#[derive(Debug)]
pub struct HandlerError(HandlerFailure);

#[derive(Debug)]
enum HandlerFailure {
    Refused(Refusal),
    Failed(Box<dyn Error + Send + Sync>),
}

impl HandlerError {
    /// A failure described in words.
    pub fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(HandlerFailure::Failed(error.into()))
    }
}

impl From<Refusal> for HandlerError {
    fn from(refusal: Refusal) -> Self {
        // Both would tell the marketplace that the work is done or under way.
        if matches!(refusal.code, ResultCode::Success | ResultCode::Processing) {
            return Self::failed(format!("the handler refused with {}, which is no refusal", refusal.code));
        }
        Self(HandlerFailure::Refused(refusal))
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self(HandlerFailure::Failed(Box::new(error)))
    }
}
