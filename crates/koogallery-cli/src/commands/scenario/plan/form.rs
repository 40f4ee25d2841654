//! Steps that are forms of the console: usage, faults, instances, and enterprises.

use crate::commands::scenario::document::{Found, Place, Problem, Table};
use crate::commands::serve::form::Form;
use crate::commands::serve::{fault, sales, tenants, usage};
use crate::support::order_line::ORDER_FIELDS;

/// A form that a step fills in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormStep {
    PushUsage,
    Open,
    Bind,
    AddUsers,
    Unbind,
    LogIn,
    Fault,
    CallbackFault,
    ClearFaults,
}

/// The fields of a form, as the step gives them.
#[derive(Clone)]
pub struct FormPlan {
    pub step: FormStep,
    fields: Vec<(String, Found<String>)>,
}

impl FormStep {
    const ALL: [Self; 9] = [
        Self::PushUsage,
        Self::Open,
        Self::Bind,
        Self::AddUsers,
        Self::Unbind,
        Self::LogIn,
        Self::Fault,
        Self::CallbackFault,
        Self::ClearFaults,
    ];

    /// Returns the key of the step, and the field that its value is.
    pub const fn key(self) -> (&'static str, &'static str) {
        match self {
            Self::PushUsage => ("push_usage", "value"),
            Self::Open => ("open", "instance"),
            Self::Bind => ("bind", "tenant"),
            Self::AddUsers => ("add_users", "tenant"),
            Self::Unbind => ("unbind", "tenant"),
            Self::LogIn => ("log_in", "tenant"),
            Self::Fault => ("fault", "fault"),
            Self::CallbackFault => ("callback_fault", "fault"),
            Self::ClearFaults => ("clear_faults", "all"),
        }
    }

    /// Returns the other fields.
    pub fn fields(self) -> Vec<&'static str> {
        let all = match self {
            Self::PushUsage => &usage::FIELDS[..],
            Self::Open => &ORDER_FIELDS,
            Self::Bind => &tenants::FIELDS,
            Self::AddUsers => &["users"],
            Self::LogIn => &["user"],
            Self::Fault => &fault::FIELDS,
            Self::CallbackFault => &fault::CALLBACK_FIELDS,
            Self::Unbind | Self::ClearFaults => &[],
        };
        all.iter().copied().filter(|name| *name != self.key().1).collect()
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.key().0 == name)
    }

    /// Returns the other fields in words.
    pub fn known(self) -> String {
        self.fields().join(", ")
    }

    /// Returns whether something is sent, of which an answer can be expected.
    pub const fn makes_calls(self) -> bool {
        matches!(self, Self::PushUsage | Self::Bind | Self::AddUsers | Self::Unbind)
    }
}

impl FormPlan {
    /// Reads a step, and checks what can be checked before anything is done.
    pub fn read(step: FormStep, object: &Found<String>, table: &mut Table<'_>) -> Result<Self, Problem> {
        let mut fields = vec![(step.key().1.to_owned(), object.clone())];
        for name in step.fields() {
            if let Some(found) = table.form_value(name)? {
                fields.push((name.to_owned(), found));
            }
        }
        let plan = Self { step, fields };
        plan.check().map_err(|what| {
            // Errors begin with the name of their field, if they are about one.
            let named = plan.fields.iter().skip(1).find(|(name, _)| what.starts_with(name.as_str()));
            Problem::at(named.map_or(object, |(_, found)| found).place.clone(), what)
        })?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), String> {
        let form = self.form(str::to_owned);
        match self.step {
            FormStep::PushUsage => usage::check(&form),
            FormStep::Open => sales::opened(&form).map(drop),
            FormStep::Bind => tenants::check(&form),
            FormStep::AddUsers => {
                tenants::accounts(form.get("users").ok_or("users is missing, such as \"lihua:Li Hua\"")?).map(drop)
            }
            FormStep::LogIn => form.get("user").map(drop).ok_or_else(|| "user is missing".to_owned()),
            FormStep::Fault => fault::rule(&form).map(drop),
            FormStep::CallbackFault => fault::callback_rule(&form).map(drop),
            FormStep::ClearFaults if form.get("all") != Some("all") => {
                Err("all faults are switched off: clear_faults = \"all\"".to_owned())
            }
            FormStep::ClearFaults | FormStep::Unbind => Ok(()),
        }
    }

    /// Returns the form, its values filled in.
    pub fn form(&self, fill: impl Fn(&str) -> String) -> Form {
        Form::of(self.fields.iter().map(|(name, found)| (name.clone(), fill(&found.value))).collect())
    }

    /// Returns the values and their positions.
    pub fn values(&self) -> impl Iterator<Item = (&str, Place)> {
        self.fields.iter().map(|(_, found)| (found.value.as_str(), found.place.clone()))
    }
}
