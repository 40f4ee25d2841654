//! Steps that are forms of the console.

use koogallery::activity::Activity;
use koogallery::protocol::Protocol;
use koogallery_simulator::Attempt;

use super::{Done, Run};
use crate::Failure;
use crate::commands::scenario::plan::{FormPlan, FormStep, Step};
use crate::commands::serve::form::Form;
use crate::commands::serve::reply::{NotDone, Refused};
use crate::commands::serve::tenants::Wanted;
use crate::commands::serve::{fault, usage};

impl Run {
    fn form(&self, plan: &FormPlan) -> Form {
        plan.form(|text| match self.filled_in(&text.into()) {
            serde_json::Value::String(filled) => filled,
            _ => text.to_owned(),
        })
    }

    /// Pushes a record, and judges it by its code.
    pub(super) async fn push(&self, step: &Step, plan: &FormPlan) -> Result<Done, Failure> {
        let pushed = self.control.push(&self.form(plan)).await;
        let pushed = match pushed {
            Ok(pushed) => pushed,
            Err(Refused(_, why)) => return Ok(Done { wrong: Some(why), ..Done::default() }),
        };
        let code = usage::code_of(pushed.request.as_ref());
        let is_right = match &step.expect[..] {
            [] => pushed.is_taken,
            codes => codes.iter().any(|wanted| wanted == code),
        };
        let wanted =
            if step.expect.is_empty() { "usage that is accepted".to_owned() } else { step.expect.join(" or ") };
        let wrong = (!is_right).then(|| format!("expected {wanted}, got {code}"));
        Ok(Done { requests: pushed.request.into_iter().collect(), wrong, ..Done::default() })
    }

    /// Does what the other forms do.
    pub(super) async fn fill_in(&self, plan: &FormPlan) -> Result<(), NotDone> {
        let (form, control) = (self.form(plan), &self.control);
        let text = |name: &str| form.get(name).unwrap_or_default();
        let tenant_id = text("tenant");
        let not_bound = || format!("no tenant {tenant_id:?} is bound");
        match plan.step {
            FormStep::Open => drop(control.open_instance(&form)?),
            FormStep::Bind => {
                let wanted = Wanted::read(&form, &control.kits, &control.address, true)?;
                control.tenants.bind(&control.open_api, control.marketplace.as_ref(), wanted).await?;
            }
            FormStep::AddUsers => {
                let added = control.tenants.add_users(control, tenant_id, text("users")).await?;
                added.ok_or_else(not_bound)?;
            }
            FormStep::Unbind => {
                let unbound =
                    control.tenants.unbind(&control.open_api, control.marketplace.as_ref(), tenant_id).await?;
                unbound.ok_or_else(not_bound)?;
            }
            FormStep::LogIn => drop(control.login_address(tenant_id, text("user"))?),
            FormStep::Fault => control.open_api.add_fault(fault::rule(&form)?),
            FormStep::CallbackFault => self.marketplace.add_fault(fault::callback_rule(&form)?),
            FormStep::ClearFaults => control.clear_faults(),
            FormStep::PushUsage => {}
        }
        Ok(())
    }

    /// Sends the latest call of this kind again, or one so many before it.
    pub(super) async fn repeat(&self, protocol: Protocol, activity: Activity, before: u32) -> Result<Attempt, Failure> {
        let is_its = |call: &Attempt| (call.protocol, call.activity) == (protocol, activity);
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        let found = self.marketplace.log_where(before.saturating_add(1), is_its);
        let sent = found.get(before).and_then(|call| self.marketplace.sent(call.sequence));
        let sent = sent.ok_or_else(|| Failure::new(format!("no {activity} was made that could be repeated")))?;
        Ok(self.marketplace.send(&sent.callback, sent.request).await)
    }
}
