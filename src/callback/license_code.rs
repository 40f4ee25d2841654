//! License authorization code 2.0 on the way of a callback.

use bytes::Bytes;

use super::answer::checked;
use super::call::{Call, Change, Command, LicensingCommand, Reply};
use super::changes::{self, release_of, renewal_of};
use super::settings::Settings;
use super::signed_in_query::Family;
use super::{CallbackError, Protocol};
use crate::activity::Activity;
use crate::key::InterfaceType;
use crate::license::code::Callback;
use crate::result_code::ResultCode;
use crate::wire::{Acknowledgement, Members, TestFlag, Violation};

pub(super) enum LicenseCode {}

impl Family for LicenseCode {
    const PROTOCOL: Protocol = Protocol::LicenseCode;
    const HAS_PROCESSING_CODE: bool = false;

    fn interface(_settings: &Settings) -> InterfaceType {
        InterfaceType::License
    }

    fn read(members: &Members<'_>) -> Result<Call, CallbackError> {
        let callback = Callback::from_members(members)?;
        let (activity, warnings) = (callback.activity(), callback.warnings().to_vec());
        let (test_flag, command) = read(callback)?;
        Ok(Call { activity, test_flag, command: Command::Licensing(command), warnings })
    }

    fn write(activity: Activity, _reply: Reply) -> Result<Bytes, Violation> {
        checked(&Acknowledgement::new(ResultCode::Success), Some(activity), false)
    }
}

fn read(callback: Callback) -> Result<(TestFlag, LicensingCommand), CallbackError> {
    let command = |change: Box<Change>| LicensingCommand::Code(change.step.subject().to_owned(), change);
    Ok(match callback {
        Callback::RefreshLicenseCode(request) => {
            let code = request.license;
            (request.test_flag, command(changes::renew(code.clone(), renewal_of!(request, code))))
        }
        Callback::UpdateLicenseCodeStatus(request) => {
            let (code, test_call) = (request.license, request.test_flag == TestFlag::Debug);
            (request.test_flag, command(changes::set_status(code.clone(), code, request.status, test_call)?))
        }
        Callback::ReleaseLicenseCode(request) => {
            let code = request.license;
            (request.test_flag, command(changes::release(code.clone(), release_of!(request, code))))
        }
    })
}
