//! Callback handling of License authorization code 2.0.

use crate::callback::CallbackError;
use crate::callback::command::{Call, Change, Command, LicensingCommand};
use crate::callback::dialect::changes::{self, release_of, renewal_of};
use crate::license::code::Callback;
use crate::wire::{Members, TestFlag};

pub(in crate::callback) fn read(members: &Members<'_>) -> Result<Call, CallbackError> {
    let callback = Callback::from_members(members)?;
    let (activity, warnings) = (callback.activity(), callback.warnings().to_vec());
    let (test_flag, command) = parsed(callback)?;
    Ok(Call { activity, test_flag, command: Command::Licensing(command), warnings })
}

fn parsed(callback: Callback) -> Result<(TestFlag, LicensingCommand), CallbackError> {
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
