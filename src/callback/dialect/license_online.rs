//! Callback handling of the online License.

use bytes::Bytes;

use crate::callback::CallbackError;
use crate::callback::command::{Call, Change, Command, Created, LicensingCommand, Reply, SubscriptionCommand};
use crate::callback::dialect::AnswerRules;
use crate::callback::dialect::changes::{self, release_of, renewal_of};
use crate::ledger::OrderKey;
use crate::license::online::{Callback, LicenseTime};
use crate::license_store::{ApplicationId, LicenseApplication};
use crate::redact::Sensitive;
use crate::result_code::ResultCode;
use crate::wire::{Acknowledgement, CreatedInstance, Members, TestFlag, Violation};

pub(in crate::callback) fn read(members: &Members<'_>) -> Result<Call, CallbackError> {
    let callback = Callback::from_members(members)?;
    let (activity, warnings) = (callback.activity(), callback.warnings().to_vec());
    let (test_flag, command) = command(callback)?;
    Ok(Call { activity, test_flag, command: Command::Licensing(command), warnings })
}

pub(in crate::callback) fn write(rules: AnswerRules, reply: Reply) -> Result<Bytes, Violation> {
    let code = |processing| if processing { ResultCode::Processing } else { ResultCode::Success };
    match reply {
        Reply::Created(Created { instance_id, processing, .. }) => {
            rules.write(&CreatedInstance::new(code(processing), instance_id))
        }
        reply => {
            let accepted = matches!(reply, Reply::Accepted);
            rules.write(&Acknowledgement::new(code(accepted)))
        }
    }
}

fn command(callback: Callback) -> Result<(TestFlag, LicensingCommand), CallbackError> {
    let change = |change| LicensingCommand::Instance(SubscriptionCommand::Change(change));
    Ok(match callback {
        Callback::NewInstance(request) => {
            let order = OrderKey::new(request.order_id).with_order_line(request.order_line_id);
            let purchase = Change::purchase(order, request.business_id, None, request.test_flag == TestFlag::Debug);
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
            let application = LicenseApplication {
                device: request.device_fingerprint.map(|device| Sensitive::from(device.expose())),
                effective_time: Some(request.effective_time.timestamp()),
                expire_time: request.expire_time.map(LicenseTime::timestamp),
                ..LicenseApplication::new(ApplicationId::Event(request.event_id), request.instance_id)
            };
            (request.test_flag, LicensingCommand::Apply(Box::new(application)))
        }
    })
}
