//! The calls that the marketplace makes, before they are signed: the wire models' own writing, taken apart into fields so
//! that one can be left out, spoiled or added.

pub(super) mod kit;

use serde_json::{Map, Value};

use super::desk::{Desk, LineSpec, OrderSpec};
use super::profile::{Profile, Scheme};
use crate::kit::Flag;
use crate::license;
use crate::open_api::query_order::{OrderType, PeriodType};
use crate::order_notify;
use crate::saas;
use crate::text::query::{self, Plus};
use crate::timestamp::{CHINA, Timestamp};
use crate::wire::{FreezeStatus, RenewalScene};

pub(super) const TIME_STAMP: &str = "timeStamp";

/// A call in fields. Where the query carries them every value is a text.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) activity: String,
    /// What is appended to the production address.
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
        // The time is the signer's to write.
        let fields = pairs.filter(|(name, _)| name != TIME_STAMP).collect();
        Self { activity: activity.to_owned(), suffix: String::new(), fields }
    }

    /// Sets a field, or adds it.
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

    /// Compact JSON, members in ascending order.
    pub(super) fn to_json(&self) -> String {
        let members: Map<String, Value> = self.fields.iter().cloned().collect();
        // `Map` keeps this order or sorts itself, depending on a feature that others may have set.
        let mut sorted: Vec<_> = members.into_iter().collect();
        sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
        object(&sorted)
    }

    pub(super) fn to_pairs(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.fields.iter().map(|(name, value)| (name.clone(), text(value))).collect()
    }
}

/// Compact JSON, members as they stand.
pub(super) fn object(members: &[(String, Value)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("{}:{value}", Value::from(&**name))).collect();
    format!("{{{}}}", members.join(","))
}

/// Invented ids and texts, the same for the same seed.
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

    pub(super) fn nonce(&mut self) -> String {
        self.hex(32)
    }

    /// In the form of a business id.
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

/// Writes calls of a profile.
#[derive(Clone, Debug)]
pub(super) struct Author {
    pub(super) profile: Profile,
    pub(super) ids: Ids,
    pub(super) test_flag: bool,
    /// Where the seller asks for the orders that are made up.
    pub(super) desk: Option<Desk>,
}

impl Author {
    /// Makes the order of a message known at the desk, as one with two lines.
    pub(super) fn place_order(&self, message: &Message) {
        let (Some(desk), Some(order)) = (&self.desk, message.get("orderId")) else { return };
        if desk.order(order).is_some() {
            return;
        }
        let order_type = match message.activity.as_str() {
            "refreshInstance" | "refreshLicenseCode" => OrderType::Renew,
            "upgradeInstance" => OrderType::Change,
            "releaseInstance" => OrderType::Unsubscribe,
            _ => OrderType::New,
        };
        let line = || LineSpec::period("OFFI000000000000000001", PeriodType::Year, 1);
        desk.place_order(OrderSpec::new(line()).line(line()).order_type(order_type).order_id(order));
    }

    /// A call that the seller has to accept whatever was before, about something new.
    pub(super) fn fresh(&mut self, now: Timestamp) -> Message {
        match self.profile {
            Profile::KitV1 | Profile::KitV2 => {
                let firm = self.enterprise();
                self.tenant(&firm, Flag::Add, now)
            }
            Profile::LicenseCode => {
                let code = self.ids.named("code-");
                self.renewal(&code, now).unwrap_or_else(|| self.purchase())
            }
            Profile::OrderNotify => {
                let order = self.ids.order();
                let line = line_of(&order);
                self.flagged(Message::from_body("orderNotify", &order_notify::Request::new(order, line).to_body()))
            }
            _ => self.purchase(),
        }
    }

    /// A purchase of a new order.
    pub(super) fn purchase(&mut self) -> Message {
        let order = self.ids.order();
        self.purchase_of(&order, 1)
    }

    /// The purchase of one line of an order, as the marketplace makes it once more: with another `businessId`.
    pub(super) fn purchase_of(&mut self, order: &str, line: u32) -> Message {
        let business = self.ids.uuid();
        let line = format!("{order}-{line:06}");
        let message = match self.profile {
            Profile::SaasV1 => {
                let mut request =
                    saas::v1::new_instance::Request::new("", CUSTOMER, business, order, "OFFI000000000000000001");
                request.customer_name = Some("desk-customer".into());
                request.charging_mode = Some(saas::v1::ChargingMode::OneTime);
                Message::from_query("newInstance", &request.to_query())
            }
            Profile::LicenseV1 => {
                let request =
                    license::v1::get_license::Request::new("", CUSTOMER, business, order, "OFFI000000000000000001");
                Message::from_query("getLicense", &request.to_query())
            }
            Profile::LicenseOnline => {
                let request = license::online::new_instance::Request::new(order, line, business);
                Message::from_body("newInstance", &request.to_body())
            }
            _ => {
                let request = saas::v2::new_instance::Request::new(order, line, business);
                Message::from_body("newInstance", &request.to_body())
            }
        };
        self.flagged(message)
    }

    /// A renewal to a time, by a new order.
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
        let line = line_of(order);
        let time: Timestamp = expire_time.to_compact_seconds().parse().unwrap_or(expire_time);
        Some(self.flagged(match self.profile {
            Profile::SaasV2 | Profile::Console => {
                let request = saas::v2::refresh_instance::Request::new(scene, order, line, id, time);
                Message::from_body("refreshInstance", &request.to_body())
            }
            Profile::LicenseOnline => {
                let request = license::online::refresh_instance::Request::new(scene, order, line, id, time);
                Message::from_body("refreshInstance", &request.to_body())
            }
            Profile::LicenseCode => {
                let request = license::code::refresh_license_code::Request::new(scene, order, line, id, time);
                Message::from_body("refreshLicenseCode", &request.to_body())
            }
            Profile::SaasV1 => {
                let mut request = saas::v1::refresh_instance::Request::new("", order, id, time);
                if scene == RenewalScene::TrialToFormal {
                    request.trial_to_formal = Some("1".to_owned());
                    request.product_id = Some("OFFI000000000000000002".to_owned());
                }
                Message::from_query("refreshInstance", &request.to_query())
            }
            Profile::LicenseV1 => {
                let request = license::v1::refresh_license::Request::new("", order, id, time);
                Message::from_query("refreshLicense", &request.to_query())
            }
            Profile::KitV1 | Profile::KitV2 | Profile::OrderNotify => return None,
        }))
    }

    /// Freezes.
    pub(super) fn freeze(&mut self, id: &str) -> Option<Message> {
        Some(self.flagged(match self.profile {
            Profile::SaasV1 => {
                Message::from_query("expireInstance", &saas::v1::expire_instance::Request::new("", id).to_query())
            }
            Profile::LicenseV1 => {
                Message::from_query("expireLicense", &license::v1::expire_license::Request::new("", id).to_query())
            }
            _ => return self.status(id, FreezeStatus::Freeze),
        }))
    }

    /// Unfreezes, where there is a call for it.
    pub(super) fn unfreeze(&mut self, id: &str) -> Option<Message> {
        match self.profile {
            Profile::SaasV1 => {
                use saas::v1::instance_status::{InstanceStatus, Request};
                let request = Request::new("", id, InstanceStatus::Normal);
                Some(self.flagged(Message::from_query("instanceStatus", &request.to_query())))
            }
            Profile::LicenseV1 => None,
            _ => self.status(id, FreezeStatus::Unfreeze),
        }
    }

    fn status(&mut self, id: &str, status: FreezeStatus) -> Option<Message> {
        Some(self.flagged(match self.profile {
            Profile::SaasV2 | Profile::Console => {
                let request = saas::v2::update_instance_status::Request::new(id, status);
                Message::from_body("updateInstanceStatus", &request.to_body())
            }
            Profile::LicenseOnline => {
                let request = license::online::update_instance_status::Request::new(id, status);
                Message::from_body("updateInstanceStatus", &request.to_body())
            }
            Profile::LicenseCode => {
                let request = license::code::update_license_code_status::Request::new(id, status);
                Message::from_body("updateLicenseCodeStatus", &request.to_body())
            }
            _ => return None,
        }))
    }

    /// Releases.
    pub(super) fn release(&mut self, id: &str) -> Option<Message> {
        let order = self.ids.order();
        Some(self.flagged(match self.profile {
            Profile::SaasV2 | Profile::Console => {
                Message::from_body("releaseInstance", &saas::v2::release_instance::Request::new(id).to_body())
            }
            Profile::LicenseOnline => {
                Message::from_body("releaseInstance", &license::online::release_instance::Request::new(id).to_body())
            }
            Profile::LicenseCode => {
                let request = license::code::release_license_code::Request::new(id);
                Message::from_body("releaseLicenseCode", &request.to_body())
            }
            Profile::SaasV1 => {
                Message::from_query("releaseInstance", &saas::v1::release_instance::Request::new("", id).to_query())
            }
            Profile::LicenseV1 => {
                let request = license::v1::release_license::Request::new("", order, id);
                Message::from_query("releaseLicense", &request.to_query())
            }
            Profile::KitV1 | Profile::KitV2 | Profile::OrderNotify => return None,
        }))
    }

    /// Upgrades by a new order.
    pub(super) fn upgrade(&mut self, id: &str) -> Option<Message> {
        let order = self.ids.order();
        let line = line_of(&order);
        Some(self.flagged(match self.profile {
            Profile::SaasV2 | Profile::Console => {
                let request = saas::v2::upgrade_instance::Request::new(id, order, line);
                Message::from_body("upgradeInstance", &request.to_body())
            }
            Profile::SaasV1 => {
                let request = saas::v1::upgrade::Request::new("", id, order, "sku-0002", "OFFI000000000000000002");
                Message::from_query("upgrade", &request.to_query())
            }
            _ => return None,
        }))
    }

    /// Applies for the License of an instance.
    pub(super) fn application_for_license(&mut self, id: &str, now: Timestamp) -> Option<Message> {
        let event = self.ids.uuid();
        let request = license::online::get_license_async::Request::new(id, now, event);
        let is_meant = self.profile == Profile::LicenseOnline;
        is_meant.then(|| self.flagged(Message::from_body("getLicenseAsync", &request.to_body())))
    }

    /// Asks whether an instance may change at its renewal.
    pub(super) fn change_check(&self, id: &str) -> Option<Message> {
        use saas::v2::change_instance_check::{ProductInfo, Request};
        let product = ProductInfo::from_json(r#"{"productId":"OFFI000000000000000002"}"#).ok()?;
        let is_meant = self.profile == Profile::SaasV2;
        is_meant.then(|| self.flagged(Message::from_body("changeInstanceCheck", &Request::new(id, product).to_body())))
    }

    /// Asks for instances.
    pub(super) fn query(&mut self, ids: &[&str]) -> Option<Message> {
        let ids: saas::InstanceIds = ids.iter().copied().collect();
        Some(self.flagged(match self.profile {
            Profile::SaasV2 | Profile::Console => {
                Message::from_body("queryInstance", &saas::v2::query_instance::Request::new(ids).to_body())
            }
            Profile::SaasV1 => {
                Message::from_query("queryInstance", &saas::v1::query_instance::Request::new("", ids).to_query())
            }
            _ => return None,
        }))
    }

    fn flagged(&self, message: Message) -> Message {
        self.place_order(&message);
        if self.test_flag { message.with("testFlag", "1") } else { message }
    }
}

fn line_of(order: &str) -> String {
    format!("{order}-000001")
}

/// Nobody's account.
const CUSTOMER: &str = "68cbc86abc2018ab880d92f36422fa0e";

/// The time in the fields of a V1.0 call.
pub(super) fn time_stamp(scheme: Scheme, time: Timestamp) -> String {
    match scheme {
        Scheme::AuthTokenBody => time.to_compact_millis_in(CHINA),
        _ => time.to_compact_millis(),
    }
}
