//! Uses that must not compile, as doc tests; each stands beside the use that does.

/// A message is parsed from a verified call only.
///
/// ```
/// use koogallery::saas::v2::Callback;
/// use koogallery::signature::callback_v2::Verified;
///
/// fn read(verified: &Verified<'_>) -> bool {
///     Callback::parse(verified).is_ok()
/// }
/// ```
///
/// ```compile_fail,E0308
/// use koogallery::saas::v2::Callback;
///
/// fn read(body: &[u8]) -> bool {
///     Callback::parse(body).is_ok()
/// }
/// ```
pub struct ParsingUnverified;

/// Only verification makes a verified call.
///
/// ```
/// use koogallery::key::KeyRing;
/// use koogallery::signature::{Window, VerifyError, callback_v2};
/// use koogallery::timestamp::Timestamp;
///
/// fn verified<'a>(keys: &KeyRing, query: &'a str, body: &'a [u8], now: Timestamp) -> Option<callback_v2::Verified<'a>> {
///     callback_v2::verify(keys, query, body, now, Window::default()).ok()
/// }
/// ```
///
/// ```compile_fail
/// use koogallery::signature::callback_v2;
///
/// fn verified(body: &[u8]) -> callback_v2::Verified<'_> {
///     callback_v2::Verified { body, ..Default::default() }
/// }
/// ```
pub struct MakingVerified;

/// A call verified in one scheme is no call of another.
///
/// ```
/// use koogallery::license::v1::Callback;
/// use koogallery::signature::auth_token;
///
/// fn read(verified: &auth_token::Verified<'_>) -> bool {
///     Callback::parse(verified).is_ok()
/// }
/// ```
///
/// ```compile_fail,E0308
/// use koogallery::license::v1::Callback;
/// use koogallery::signature::callback_v2;
///
/// fn read(verified: &callback_v2::Verified<'_>) -> bool {
///     Callback::parse(verified).is_ok()
/// }
/// ```
pub struct MixingSchemes;

/// A handler's refusal is not built from success by accident: a refusal is a type of its own.
///
/// ```
/// use koogallery::callback::{HandlerError, Refusal};
/// use koogallery::result_code::ResultCode;
///
/// let error: HandlerError = Refusal::new(ResultCode::SoldOut).into();
/// ```
///
/// ```compile_fail,E0277
/// use koogallery::callback::HandlerError;
/// use koogallery::result_code::ResultCode;
///
/// let error: HandlerError = ResultCode::Success.into();
/// ```
pub struct SuccessAsError;
