//! Callback handling of Kit V2.0.

use crate::activity::Activity;
use crate::callback::CallbackError;
use crate::callback::command::Call;
use crate::callback::dialect::kit::{self, head};
use crate::kit::v2::Callback;
use crate::timestamp::Timestamp;
use crate::wire::Members;

pub(in crate::callback) fn read(
    members: &Members<'_>,
    activity: Activity,
    signed_at: Timestamp,
) -> Result<Call, CallbackError> {
    let callback = Callback::from_members(activity, members)?;
    let warnings = callback.warnings().to_vec();
    let (test_flag, command) = match callback {
        Callback::TenantSync(request) => kit::tenant(request, signed_at)?,
        Callback::ApplicationSync(request) => kit::application(request, signed_at)?,
        Callback::AuthSync(request) => {
            let (app_id, flag, users) = (request.app_id, request.flag, request.user_list);
            kit::users(head!(request, signed_at), app_id, flag, users)
        }
        Callback::SingleOrgSync(request) => kit::department(request, signed_at),
        Callback::AllOrgSync(request) => {
            let departments = request.org_info_list;
            kit::departments(head!(request, signed_at), departments)
        }
    };
    Ok(Call { activity, test_flag, command, warnings })
}
