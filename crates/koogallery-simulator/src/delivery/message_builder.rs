//! A callback as fields, to be edited before it is signed.

use http::Method;
use koogallery::protocol::Protocol;
use serde_json::Value;

use super::callback::Call;
use super::{Callback, TenantBinding};
use crate::message::{Message, TIME_STAMP, other_product};
use crate::{LineSpec, OrderSpec, PlacedOrder, SeededRandom, call};
use koogallery::activity::Activity;
use koogallery::kit::{Department, Flag, Role, User};
use koogallery::open_api::query_order::PeriodType;
use koogallery::saas;
use koogallery::timestamp::Timestamp;
use koogallery::wire::RenewalScene;

const BUSINESS_ID: &str = "businessId";

/// Builds a callback from fields. Mandatory fields have invented values at first; any field can be set, to valid or invalid
/// values, to see how a seller handles them.
///
/// ```
/// use koogallery::activity::Activity;
/// use koogallery::protocol::Protocol;
/// use koogallery_simulator::delivery::{Callback, MessageBuilder};
/// use koogallery_simulator::SeededRandom;
///
/// let now = "20250102030405".parse()?;
/// let mut message = MessageBuilder::new(Protocol::SaasV2, Activity::ReleaseInstance, &SeededRandom::new(7), now)
///     .ok_or("SaaS V2.0 has releases")?;
/// message.set("instanceId", "mine");
/// message.set("testFlag", "1");
/// assert_eq!(message.get("instanceId").and_then(|id| id.as_str()), Some("mine"));
/// let callback = Callback::from(message);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct MessageBuilder {
    protocol: Protocol,
    activity: Activity,
    message: Message,
    /// Generated for every call, unless set.
    fills_in: [bool; 2],
}

const FILLED_IN: [&str; 2] = [BUSINESS_ID, TIME_STAMP];

impl MessageBuilder {
    /// Creates a message of a protocol about an invented order, instance or enterprise; `None` if the protocol has no
    /// such activity.
    pub fn new(protocol: Protocol, activity: Activity, random: &SeededRandom, now: Timestamp) -> Option<Self> {
        let callback = invented(protocol, activity, random, now)?;
        let message = callback.fields(random.hex(32), now);
        let has_time = !protocol.scheme().has_nonce() || protocol.is_kit();
        let fills_in = [message.get(BUSINESS_ID).is_some(), has_time];
        Some(Self { protocol, activity, message, fills_in })
    }

    /// Returns the value of a field; `None` for fields that are generated for every call.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.message.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// Returns the names of the fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.message.fields.iter().map(|(name, _)| name.as_str())
    }

    /// Sets or adds a field. In a query every value is written as text.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.keep(name);
        self.message.set(name, value);
    }

    /// Removes a field.
    pub fn remove(&mut self, name: &str) {
        self.keep(name);
        self.message.remove(name);
    }

    fn keep(&mut self, name: &str) {
        for (filled_in, fills_in) in FILLED_IN.iter().zip(&mut self.fills_in) {
            *fills_in &= *filled_in != name;
        }
    }

    fn render(&self, call: &Call) -> String {
        let mut message = self.message.clone();
        let values = [&call.business_id, &call.time_stamp];
        for ((name, value), _) in FILLED_IN.iter().zip(values).zip(self.fills_in).filter(|(_, fills_in)| *fills_in) {
            message.set(name, value.as_str());
        }
        match *self.protocol.method() == Method::GET {
            true => call::encoded(&message.to_pairs()),
            false => message.to_json(),
        }
    }
}

impl From<MessageBuilder> for Callback {
    fn from(builder: MessageBuilder) -> Self {
        Self::new(builder.protocol, builder.activity, move |call| builder.render(call))
    }
}

/// A callback about an unknown order, instance or enterprise.
fn invented(protocol: Protocol, activity: Activity, random: &SeededRandom, now: Timestamp) -> Option<Callback> {
    let order = order(random, now);
    let instance = random.hex(32);
    let until = order.expire_time(0)?;
    let callback = match activity {
        Activity::NewInstance | Activity::GetLicense => Callback::purchase(protocol, &order, 0),
        Activity::QueryInstance => Callback::query(protocol, &[&instance]),
        Activity::RefreshInstance | Activity::RefreshLicenseCode | Activity::RefreshLicense => {
            Callback::refresh(protocol, RenewalScene::Renewal, &instance, &order, until)
        }
        Activity::UpdateInstanceStatus
        | Activity::UpdateLicenseCodeStatus
        | Activity::ExpireInstance
        | Activity::ExpireLicense => Callback::expiry(protocol, &instance),
        Activity::InstanceStatus if protocol == Protocol::SaasV1 => {
            Some(Callback::new(protocol, activity, move |call| {
                use saas::v1::instance_status::{InstanceStatus, Request};
                Request::new(call.time_stamp.as_str(), instance.as_str(), InstanceStatus::Freeze).to_query()
            }))
        }
        Activity::ReleaseInstance | Activity::ReleaseLicenseCode | Activity::ReleaseLicense => {
            Callback::release(protocol, &instance, &order.order_id)
        }
        Activity::UpgradeInstance | Activity::Upgrade => Callback::upgrade(protocol, &instance, &order),
        Activity::ChangeInstanceCheck => Some(Callback::change_check(&instance, other_product())),
        Activity::GetLicenseAsync => Some(Callback::license_application(&instance, &random.hex(32), now, Some(until))),
        Activity::OrderNotify => Some(Callback::order_notify(&order, 0)),
        Activity::SingleOrgSync => binding(random).department_change(protocol, &department(), Flag::Add),
        _ => binding(random).bind(protocol).into_iter().find(|callback| callback.activity() == activity),
    };
    callback.filter(|callback| callback.activity() == activity && callback.protocol() == protocol)
}

fn order(random: &SeededRandom, now: Timestamp) -> PlacedOrder {
    let order_id = format!("CS{}", random.hex(15).to_uppercase());
    let line = LineSpec::period("OFFI000000000000000001", PeriodType::Year, 1);
    PlacedOrder::new(order_id, now, OrderSpec::new(line))
}

fn department() -> Department {
    Department::new("D1", "Head office")
}

fn binding(random: &SeededRandom) -> TenantBinding {
    let tenant = format!("tenant-{}", random.hex(12));
    let instance = random.hex(32);
    TenantBinding::new(tenant, "app-1", instance)
        .with_client("client-1", "not-encrypted-with-the-seller's-key")
        .with_department(department())
        .with_user(User::new("zhangsan", "Zhang San", "D1", Role::User))
}
