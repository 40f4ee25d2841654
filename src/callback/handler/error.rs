//! Failures of a call: in full for the seller's log, as a result code for the answer.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::cipher::field::EncryptError;
use crate::key::InterfaceType;
use crate::ledger::LedgerError;
use crate::license_store::LicenseStoreError;
use crate::open_api::CallError;
use crate::protocol::Protocol;
use crate::replay::ReplayError;
use crate::result_code::ResultCode;
use crate::signature::VerifyError;
use crate::wire::{ParseError, Violation};

/// Reason why a call was not answered with success. For the seller's log; the answer holds
/// [`CallbackError::result_code`] and its default text, or the text of the seller's own [`Refusal`].
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallbackError {
    /// Neither `GET` nor `POST`.
    #[error("unsupported method {0}")]
    UnknownMethod(http::Method),
    /// The service has no key for the protocol.
    #[error("no key for the interface type {0:?} is configured")]
    NoKey(InterfaceType),
    /// The service has no handler for the protocol.
    #[error("no handler for {0} calls is configured")]
    NoHandler(Protocol),
    /// The handler leaves this method to its default.
    #[error("the handler does not implement `{0}`")]
    Unsupported(&'static str),
    /// The body was not received.
    #[error("the request body was not received")]
    Body(#[from] BodyError),
    /// The signature or time of the call is not valid.
    #[error("the call was not verified")]
    Verify(#[from] VerifyError),
    /// The call repeats a query whose answer shows access data, or is another one under a used nonce.
    #[error("the nonce was used before")]
    Replayed,
    /// The replay guard failed.
    #[error(transparent)]
    Replay(Arc<ReplayError>),
    /// The verified call differs from the documents.
    #[error("the message cannot be read")]
    Parse(#[from] ParseError),
    /// An encrypted field does not decrypt: the seller console has another key or another encrypt type.
    #[error("field {0:?} cannot be decrypted with the configured key and encrypt type")]
    Undecryptable(&'static str),
    /// The instance does not exist, was released, or its creation never finished.
    #[error("unknown instance {0:?}")]
    UnknownInstance(String),
    /// None of the queried instances is ready yet.
    #[error("the instance is still being created")]
    StillCreating,
    /// The ledger failed.
    #[error(transparent)]
    Ledger(Arc<LedgerError>),
    /// Another worker has held the instance for too long.
    #[error("instance {0:?} is locked by another worker")]
    Busy(String),
    /// The handler or a store did not finish in time; a handler that changes something continues in the background.
    #[error("the handler or a store did not finish within {0:?}")]
    Deadline(Duration),
    /// The order query failed, or its answer lacks what the event needs.
    #[error("the event could not be completed from its order")]
    Order(#[source] Arc<OrderError>),
    /// A License could not be delivered; it is stored, and delivered later where that may help.
    #[error("the License could not be delivered")]
    Delivery(#[source] Arc<DeliveryError>),
    /// Another instance or device applied for a License under the same id.
    #[error("application {0:?} was made for another instance or device")]
    ApplicationConflict(String),
    /// The License store failed.
    #[error(transparent)]
    LicenseStore(#[from] LicenseStoreError),
    /// The handler refused.
    #[error("the handler refused: {0}")]
    Refused(Refusal),
    /// The handler failed.
    #[error("the handler failed")]
    Handler(#[source] Arc<dyn Error + Send + Sync>),
    /// The handler or a store panicked, or the runtime dropped it.
    #[error("the handler or a store panicked, or was dropped")]
    Aborted,
    /// The handler's answer breaks a rule of the documents.
    #[error("the marketplace would refuse the answer")]
    Answer(#[from] Violation),
    /// Account or password could not be encrypted for the answer.
    #[error("answer field {field:?} could not be encrypted")]
    Encrypt {
        /// Name on the wire.
        field: &'static str,
        /// Cause.
        source: EncryptError,
    },
}

impl CallbackError {
    /// Returns the result code of the answer.
    pub fn result_code(&self) -> ResultCode {
        match self {
            Self::Verify(error) => error.result_code(),
            Self::NoKey(_) => ResultCode::AuthenticationFailed,
            Self::Body(BodyError::BudgetExhausted(_)) => ResultCode::InternalError,
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

    /// The text of the answer: the seller's own in a refusal, the default one otherwise.
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

/// Reason why a request body was not received.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BodyError {
    /// It is larger than the call's limit, in bytes.
    #[error("it has more than {0} bytes")]
    TooLarge(usize),
    /// It took longer to arrive than this.
    #[error("it did not arrive within {0:?}")]
    TooSlow(Duration),
    /// The connection failed, or the body breaks the rules of HTTP.
    #[error("it broke off: {0}")]
    Interrupted(String),
    /// The memory for bodies of its kind, in bytes, is used by other calls. The marketplace sends the call again.
    #[error("the {0} bytes of memory for such bodies are used by other calls")]
    BudgetExhausted(usize),
}

/// Reason why a License could not be delivered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// The service has no open-API client to upload it with.
    #[error("no open-API client is configured")]
    NoClient,
    /// The upload failed.
    #[error("the upload failed")]
    Upload(#[source] Box<CallError>),
    /// License V1 can deliver a text only.
    #[error("License V1 can deliver a text only")]
    NotAText,
    /// The text is longer than 1,024 characters; a longer one has to be a file.
    #[error("the License text is longer than 1,024 characters")]
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
            HandlerFailure::Unsupported(method) => Self::Unsupported(method),
        }
    }
}

/// Reason why an event could not be completed. The marketplace sends the call again, and the order is queried again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// The order query failed.
    #[error("order {order_id} could not be queried")]
    Query {
        /// Order id.
        order_id: String,
        /// Cause.
        source: Box<CallError>,
    },
    /// The answer lacks what the event needs.
    #[error("the answer to the query of order {order_id} lacks {missing}")]
    Incomplete {
        /// Order id.
        order_id: String,
        /// Missing part.
        missing: String,
    },
}

/// A handler's refusal, with the result code that gives the reason.
///
/// The code must be one that the documents list for the activity ([`ResultCode::allowed_for`]); another one is answered as
/// `000005` and reported.
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
    /// Returns a refusal with the code's default text.
    pub const fn new(code: ResultCode) -> Self {
        Self { code, message: Cow::Borrowed(code.default_message()) }
    }

    /// Sets the text, which **the marketplace sees**: at most 255 characters, ASCII only in V1.0.
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

/// The error of a handler: a [`Refusal`], or any failure.
///
/// Every `std::error::Error` converts into it, so `?` works in handlers. Such a failure is answered as `000005`, reported in
/// full to the [`Observer`](crate::callback::Observer), and not remembered: the marketplace's retry runs the handler again.
#[derive(Debug)]
pub struct HandlerError(HandlerFailure);

#[derive(Debug)]
enum HandlerFailure {
    Refused(Refusal),
    Failed(Box<dyn Error + Send + Sync>),
    Unsupported(&'static str),
}

impl HandlerError {
    /// Returns the error of a handler that does not implement a method. Answered as `000005`.
    pub const fn unsupported(method: &'static str) -> Self {
        Self(HandlerFailure::Unsupported(method))
    }

    /// Returns a failure with a description.
    pub fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(HandlerFailure::Failed(error.into()))
    }
}

impl From<Refusal> for HandlerError {
    fn from(refusal: Refusal) -> Self {
        // Both say that the work is done or continues.
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
