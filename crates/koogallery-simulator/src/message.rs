//! The marketplace's calls before they are signed: written by the wire models, and taken apart into fields so that each
//! can be removed, altered or added.

pub(super) mod kit;

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::charging::Charging;
use super::delivery::Callback;
use super::open_api_server::{LineSpec, OpenApiServer, OrderSpec, PlacedOrder};
use super::profile::Profile;
use koogallery::activity::Activity;
use koogallery::kit::Flag;
use koogallery::open_api::query_order::{OrderType, PeriodType};
use koogallery::protocol::Protocol;
use koogallery::query::{self, Plus};
use koogallery::saas;
use koogallery::saas::v2::change_instance_check::TargetProduct;
use koogallery::timestamp::Timestamp;
use koogallery::wire::RenewalScene;

pub(super) const TIME_STAMP: &str = "timeStamp";

/// A call as fields. In a query every value is a string.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) activity: String,
    /// Path suffix added to the production address.
    pub(super) suffix: String,
    pub(super) fields: Vec<(String, Value)>,
}

impl Message {
    pub(super) fn from_body(activity: &str, body: &str) -> Self {
        let members: Map<String, Value> = serde_json::from_str(body).unwrap_or_default();
        Self { activity: activity.to_owned(), suffix: String::new(), fields: members.into_iter().collect() }
    }

    pub(super) fn from_query(activity: &str, text: &str) -> Self {
        let pairs = query::raw_pairs(text).filter_map(|pair| {
            let (name, value) = (pair.decoded_name(Plus::Space)?, pair.decoded_value(Plus::Space)?);
            Some((name.into_owned(), Value::from(value)))
        });
        // The timestamp is left to the signer.
        let fields = pairs.filter(|(name, _)| name != TIME_STAMP).collect();
        Self { activity: activity.to_owned(), suffix: String::new(), fields }
    }

    /// Sets or adds a field.
    pub(super) fn set(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.fields.iter_mut().find(|(found, _)| found == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((name.to_owned(), value)),
        }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.set(name, value);
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.remove(name);
        self
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.fields.retain(|(found, _)| found != name);
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found == name).and_then(|(_, value)| value.as_str())
    }

    /// Returns compact JSON with the members in ascending order.
    pub(super) fn to_json(&self) -> String {
        let members: Map<String, Value> = self.fields.iter().cloned().collect();
        // `Map` preserves or sorts the order, depending on a feature that other crates may have enabled.
        let mut sorted: Vec<_> = members.into_iter().collect();
        sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
        object(&sorted)
    }

    /// Returns the form that V2.0 signs: sorted, compact, and without null.
    pub(super) fn to_canonical_json(&self) -> String {
        let fields = self.fields.iter().filter(|(_, value)| !value.is_null()).cloned().collect();
        Self { fields, ..self.clone() }.to_json()
    }

    pub(super) fn to_pairs(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.fields.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }
}

/// Returns compact JSON with the members in the given order.
pub(super) fn object(members: &[(String, Value)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("{}:{value}", Value::from(&**name))).collect();
    format!("{{{}}}", members.join(","))
}

/// Invented ids and texts, derived from the seed.
#[derive(Clone, Debug)]
pub(super) struct Ids(u64);

impl Ids {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn hex(&mut self, length: usize) -> String {
        let mut text = String::new();
        while text.len() < length {
            text.push_str(&format!("{:016x}", self.number()));
        }
        text.truncate(length);
        text
    }

    /// Ends in a letter: trailing digits could be read as part of a timestamp in seconds.
    pub(super) fn nonce(&mut self) -> String {
        self.hex(31) + "n"
    }

    /// Returns an id in the form of a business id.
    pub(super) fn uuid(&mut self) -> String {
        let hex = self.hex(32);
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    pub(super) fn order(&mut self) -> String {
        format!("CS{}", self.hex(15).to_uppercase())
    }

    pub(super) fn named(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", self.hex(12))
    }
}

/// Writes the calls of a profile.
#[derive(Clone, Debug)]
pub(super) struct Author {
    pub(super) profile: Profile,
    pub(super) ids: Ids,
    pub(super) test_flag: bool,
    /// The open-API server with the invented orders.
    pub(super) open_api: Option<OpenApiServer>,
    /// Time of the orders.
    pub(super) began: Timestamp,
    /// Way of charging for the product that is bought.
    pub(super) charging: Charging,
    /// Fields that every purchase has, or lacks.
    pub(super) fields: Vec<(String, Option<Value>)>,
    /// Whether calls that are no tests say so, in place of leaving the flag out.
    pub(super) sends_flag_off: bool,
    /// Activities that the product does not need, and the endpoint does not implement.
    pub(super) not_served: HashSet<Activity>,
}

impl Author {
    /// Registers the order of a message with the open-API server, as one with two lines.
    pub(super) fn place_order(&self, message: &Message) {
        let (Some(open_api), Some(order)) = (&self.open_api, message.get("orderId")) else { return };
        if open_api.order(order).is_some() {
            return;
        }
        let order_type = match message.activity.as_str() {
            "refreshInstance" | "refreshLicenseCode" => OrderType::Renew,
            "upgradeInstance" => OrderType::Change,
            "releaseInstance" => OrderType::Unsubscribe,
            _ => OrderType::New,
        };
        let line = || line(self.charging, PRODUCT);
        open_api.place_order(OrderSpec::new(line()).with_line(line()).with_order_type(order_type).with_order_id(order));
    }

    /// Returns a call that the seller must accept in any state, about something new.
    pub(super) fn fresh(&mut self, now: Timestamp) -> Message {
        match self.profile {
            Profile::Protocol(Protocol::KitV1) | Profile::Protocol(Protocol::KitV2) => {
                let firm = self.enterprise();
                self.tenant(&firm, Flag::Add, now)
            }
            Profile::Protocol(Protocol::LicenseCode) => {
                let code = self.ids.named("code-");
                self.renewal(&code, now).unwrap_or_else(|| self.purchase())
            }
            Profile::Protocol(Protocol::OrderNotify) => {
                let order = self.ids.order();
                self.notice_of(&order, 1)
            }
            _ => self.purchase(),
        }
    }

    /// Returns the notice of an order line.
    pub(super) fn notice_of(&mut self, order: &str, line: u32) -> Message {
        let index = usize::try_from(line).unwrap_or_default().saturating_sub(1);
        let order = self.placed(order, PRODUCT);
        self.flagged(Callback::order_notify(&order, index).fields(String::new(), self.began))
    }

    /// Returns a purchase of a new order.
    pub(super) fn purchase(&mut self) -> Message {
        let order = self.ids.order();
        self.purchase_of(&order, 1)
    }

    /// Returns a repeated purchase of one order line, with another `businessId`.
    pub(super) fn purchase_of(&mut self, order: &str, line: u32) -> Message {
        let index = usize::try_from(line).unwrap_or_default().saturating_sub(1);
        let purchase = Callback::purchase(self.profile.protocol(), &self.placed(order, PRODUCT), index);
        let mut purchase = self.content(purchase).unwrap_or_else(|| Message::from_body("newInstance", "{}"));
        for (name, value) in &self.fields {
            match value {
                Some(value) => purchase.set(name, value.clone()),
                None => purchase.remove(name),
            }
        }
        purchase
    }

    /// Returns a purchase of a new order of a product that is charged for in this way.
    pub(super) fn purchase_by(&mut self, charging: Charging) -> Message {
        let own = std::mem::replace(&mut self.charging, charging);
        let purchase = self.purchase();
        self.charging = own;
        purchase
    }

    /// An order with two lines.
    fn placed(&self, order_id: &str, product_id: &str) -> PlacedOrder {
        let line = || line(self.charging, product_id);
        PlacedOrder::new(order_id, self.began, OrderSpec::new(line()).with_line(line()))
    }

    /// Returns a renewal to a time, by a new order.
    pub(super) fn renewal(&mut self, id: &str, expire_time: Timestamp) -> Option<Message> {
        let order = self.ids.order();
        self.renewal_by(id, expire_time, &order, RenewalScene::Renewal)
    }

    pub(super) fn renewal_by(
        &mut self,
        id: &str,
        expire_time: Timestamp,
        order: &str,
        scene: RenewalScene,
    ) -> Option<Message> {
        let time = expire_time.to_compact_seconds().parse().unwrap_or(expire_time);
        let order = self.placed(order, OTHER_PRODUCT);
        self.content(Callback::refresh(self.profile.protocol(), scene, id, &order, time))
    }

    /// Returns a freeze.
    pub(super) fn freeze(&mut self, id: &str) -> Option<Message> {
        self.content(Callback::expiry(self.profile.protocol(), id))
    }

    /// Returns an unfreeze, if the protocol has one.
    pub(super) fn unfreeze(&mut self, id: &str) -> Option<Message> {
        if self.profile.protocol() != Protocol::SaasV1 {
            return self.content(Callback::unfreezing(self.profile.protocol(), id));
        }
        use saas::v1::instance_status::{InstanceStatus, Request};
        let request = Request::new("", id, InstanceStatus::Normal);
        let is_served = !self.not_served.contains(&Activity::InstanceStatus);
        is_served.then(|| self.flagged(Message::from_query("instanceStatus", &request.to_query())))
    }

    /// Returns a release.
    pub(super) fn release(&mut self, id: &str) -> Option<Message> {
        let order = self.ids.order();
        self.content(Callback::release(self.profile.protocol(), id, &order))
    }

    /// Returns an upgrade by a new order.
    pub(super) fn upgrade(&mut self, id: &str) -> Option<Message> {
        let order = self.ids.order();
        let order = self.placed(&order, OTHER_PRODUCT);
        self.content(Callback::upgrade(self.profile.protocol(), id, &order))
    }

    /// Returns an application for the License of an instance.
    pub(super) fn application_for_license(&mut self, id: &str, now: Timestamp) -> Option<Message> {
        let event = self.ids.uuid();
        let is_meant = self.profile.protocol() == Protocol::LicenseOnline;
        self.content(is_meant.then(|| Callback::license_application(id, &event, now, None)))
    }

    /// Returns the question whether an instance may change at its renewal.
    pub(super) fn change_check(&mut self, id: &str) -> Option<Message> {
        let is_meant = self.profile.protocol() == Protocol::SaasV2;
        self.content(is_meant.then(|| Callback::change_check(id, other_product())))
    }

    /// Returns a query of instances.
    pub(super) fn query(&mut self, ids: &[&str]) -> Option<Message> {
        self.content(Callback::query(self.profile.protocol(), ids))
    }

    /// Returns the content of a callback as fields.
    fn content(&mut self, callback: Option<Callback>) -> Option<Message> {
        let callback = callback.filter(|callback| !self.not_served.contains(&callback.activity()));
        // None of these messages contains a time of its own.
        let message = callback?.fields(self.ids.uuid(), Timestamp::from_unix_millis(0));
        Some(self.flagged(message))
    }

    fn flagged(&self, message: Message) -> Message {
        self.place_order(&message);
        match (self.test_flag, self.sends_flag_off) {
            (true, _) => message.with("testFlag", "1"),
            (false, true) => message.with("testFlag", "0"),
            (false, false) => message,
        }
    }
}

const PRODUCT: &str = "OFFI000000000000000001";
const OTHER_PRODUCT: &str = "OFFI000000000000000002";

/// The target product of a change.
pub(crate) fn other_product() -> TargetProduct {
    TargetProduct::new(OTHER_PRODUCT, "11111111-2222-3333-4444-555555555556", "sample product,advanced,monthly")
}

fn line(charging: Charging, product_id: &str) -> LineSpec {
    match charging {
        Charging::OneTime => LineSpec::one_time(product_id),
        Charging::Period => LineSpec::period(product_id, PeriodType::Year, 1),
        Charging::OnDemand => LineSpec::on_demand(product_id),
        Charging::Package => LineSpec::on_demand_package(product_id, PeriodType::Year, 1),
    }
}
