//! A step: what it does, and what has to come of it.

use std::time::Duration;

use koogallery::activity::Activity;
use koogallery::open_api::query_order::PeriodType;
use koogallery::protocol::Protocol;
use koogallery_simulator::{LineSpec, OrderSpec};
use serde_json::Value;

use super::form::FormPlan;

/// One step.
#[derive(Clone)]
pub struct Step {
    /// Title in the report.
    pub title: String,
    pub action: Action,
    /// The accepted codes; if empty, the seller has to confirm.
    pub expect: Vec<String>,
    /// Members that the answer must have.
    pub answer: Vec<(String, Value)>,
}

#[derive(Clone)]
pub enum Action {
    Buy {
        name: String,
        protocol: Protocol,
        order: OrderSpec,
    },
    Renew {
        name: String,
        period: (PeriodType, u32),
    },
    ConvertTrial {
        name: String,
        period: (PeriodType, u32),
    },
    CancelRenewal {
        name: String,
    },
    Upgrade {
        name: String,
        line: LineSpec,
    },
    Freeze {
        name: String,
    },
    Unfreeze {
        name: String,
    },
    Release {
        name: String,
    },
    Query {
        name: String,
    },
    Apply {
        name: String,
    },
    Call(Box<CallPlan>),
    /// The latest call of this kind again, the same bytes; or one so many before it.
    Repeat {
        protocol: Protocol,
        activity: Activity,
        before: u32,
    },
    /// What a form of the console does.
    Form(FormPlan),
    /// In real time.
    Wait(Duration),
    /// In calendar time, processing everything that becomes due.
    Pass(Duration),
}

impl Action {
    /// Returns the name of what was bought that it is about.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Renew { name, .. }
            | Self::ConvertTrial { name, .. }
            | Self::CancelRenewal { name }
            | Self::Upgrade { name, .. }
            | Self::Freeze { name }
            | Self::Unfreeze { name }
            | Self::Release { name }
            | Self::Query { name }
            | Self::Apply { name } => Some(name),
            _ => None,
        }
    }
}

/// A call as fields.
#[derive(Clone)]
pub struct CallPlan {
    pub protocol: Protocol,
    pub activity: Activity,
    pub set: Vec<(String, Value)>,
    pub without: Vec<String>,
    pub clock: Clock,
    pub wrong_key: bool,
    pub damaged: bool,
    pub hang_up: Option<Duration>,
    pub how_often: HowOften,
    /// Name for the answer's instance in later steps.
    pub name: Option<String>,
}

#[derive(Clone, Copy)]
pub enum Clock {
    Right,
    Ahead(Duration),
    Behind(Duration),
}

#[derive(Clone, Copy)]
pub enum HowOften {
    /// One after the other, each signed by itself.
    Times(u32),
    AtOnce(u32),
    /// The identical call twice.
    Replayed,
}

impl CallPlan {
    pub const KNOWN: &str = "profile, set, without, as, times, at_once, replay, clock, wrong_key, damaged, hang_up";
}
