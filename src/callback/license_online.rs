//! Online License on the way of a callback.

use bytes::Bytes;
use http::request::Parts;

use super::answer::checked;
use super::call::{Call, Change, Command, Created, LicensingCommand, Reply, SubscriptionCommand};
use super::changes::{self, release_of, renewal_of};
use super::protocol::Dialect;
use super::settings::Settings;
use super::{CallbackError, Protocol};
use crate::activity::Activity;
use crate::issuing::{Application, ApplicationId};
use crate::key::AccessKey;
use crate::ledger::OrderKey;
use crate::license::online::{Callback, LicenseTime};
use crate::redact::Sensitive;
use crate::replay::CallId;
use crate::result_code::ResultCode;
use crate::signature::callback_v2::{self, Verified};
use crate::timestamp::Timestamp;
use crate::wire::{Acknowledgement, CreatedInstance, TestFlag};

pub(super) enum LicenseOnline {}

impl Dialect for LicenseOnline {
    type Verified<'a> = Verified<'a>;

    const PROTOCOL: Protocol = Protocol::LicenseOnline;
    const ANSWERS_REPEATS: bool = false;
    const ASCII_ONLY: bool = false;
    const DESCRIBES_CREATION: bool = false;
    const HAS_PROCESSING_CODE: bool = true;

    fn verify<'a>(
        settings: &Settings,
        parts: &'a Parts,
        body: &'a [u8],
        now: Timestamp,
    ) -> Result<Verified<'a>, CallbackError> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(callback_v2::verify(settings.keys(settings.online_license_key)?, query, body, now, settings.v2_window)?)
    }

    fn claim<'v>(settings: &Settings, verified: &'v Verified<'_>) -> (CallId<'v>, Timestamp) {
        (CallId::CallbackV2(verified.nonce()), settings.v2_window.closes_for(verified.time()))
    }

    fn key_index(verified: &Verified<'_>) -> usize {
        verified.key_index()
    }

    fn parse(_settings: &Settings, verified: &Verified<'_>, _now: Timestamp) -> Result<Call, CallbackError> {
        let callback = Callback::parse(verified)?;
        let activity = callback.activity();
        let (test_flag, command) = read(callback)?;
        Ok(Call { activity, test_flag, command: Command::Licensing(command) })
    }

    fn render(
        _settings: &Settings,
        _key_index: usize,
        activity: Activity,
        reply: Reply,
    ) -> Result<Bytes, CallbackError> {
        let code = |processing| if processing { ResultCode::Processing } else { ResultCode::Success };
        Ok(match reply {
            Reply::Created(Created { instance_id, processing, .. }) => {
                checked(&CreatedInstance::new(code(processing), instance_id), Some(activity), Self::ASCII_ONLY)
            }
            reply => {
                let accepted = matches!(reply, Reply::Accepted);
                checked(&Acknowledgement::new(code(accepted)), Some(activity), Self::ASCII_ONLY)
            }
        }?)
    }

    fn signing_key(settings: &Settings, key_index: usize) -> Option<&AccessKey> {
        let keys = settings.keys(settings.online_license_key).ok()?;
        settings.sign_v2_answers.then(|| keys.get(key_index))
    }
}

fn read(callback: Callback) -> Result<(TestFlag, LicensingCommand), CallbackError> {
    let change = |change| LicensingCommand::Instance(SubscriptionCommand::Change(change));
    Ok(match callback {
        Callback::NewInstance(request) => {
            let order = OrderKey::new(request.order_id).with_order_line(request.order_line_id);
            let purchase = Change::purchase(order, request.business_id, request.test_flag == TestFlag::Debug);
            (request.test_flag, change(Box::new(purchase)))
        }
        Callback::RefreshInstance(request) => {
            let id = request.instance_id;
            (request.test_flag, change(changes::renew(id.clone(), renewal_of!(request, id))))
        }
        Callback::UpdateInstanceStatus(request) => {
            let (id, test_call) = (request.instance_id, request.test_flag == TestFlag::Debug);
            (request.test_flag, change(changes::set_status(id.clone(), id, request.status, test_call)?))
        }
        Callback::ReleaseInstance(request) => {
            let id = request.instance_id;
            (request.test_flag, change(changes::release(id.clone(), release_of!(request, id))))
        }
        Callback::GetLicenseAsync(request) => {
            let application = Application {
                id: ApplicationId::Event(request.event_id),
                instance_id: request.instance_id,
                device: request.device_fingerprint.map(|device| Sensitive::from(device.expose())),
                effective_time: Some(request.effective_time.timestamp()),
                expire_time: request.expire_time.map(LicenseTime::timestamp),
            };
            (request.test_flag, LicensingCommand::Apply(application))
        }
    })
}
