//! One callback: what it says at every call, how it is signed, and when it is made.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Response, Uri};

use super::{Generation, Schedule, Verdict};
use crate::activity::Activity;
use crate::key::{AccessKey, AccessKeys};
use crate::license;
use crate::open_api::query_order::PeriodType;
use crate::order_notify;
use crate::saas;
use crate::signature::{auth_token, auth_token_body, callback_v2, kit_v2};
use crate::simulator::{PlacedOrder, SeededRandom};
use crate::timestamp::{CHINA, Timestamp};
use crate::wire::{CompactTime, FreezeStatus, RenewalScene};

/// Where a seller is called, and with which keys.
#[derive(Clone, Debug)]
pub struct Endpoint {
    address: Uri,
    keys: AccessKeys,
}

impl Endpoint {
    /// The production address, without a query, and the keys of its interfaces; the first of each signs.
    pub fn new(address: Uri, keys: AccessKeys) -> Self {
        Self { address, keys }
    }
}

/// What is different at every call of a callback.
struct Call {
    business_id: String,
    /// `yyyyMMddHHmmssSSS`, in the generation's zone.
    time_stamp: String,
}

type Render = dyn Fn(&Call) -> String + Send + Sync;

/// A callback of the marketplace's, to be made as often as its schedule wants.
#[derive(Clone)]
pub struct Callback {
    generation: Generation,
    activity: Activity,
    /// The body, or the query without its token.
    render: Arc<Render>,
}

/// One planned call.
#[derive(Debug)]
#[non_exhaustive]
pub struct Delivery {
    /// Which try it is, counted from 1.
    pub attempt: u32,
    /// When it is due; the request is signed for this time.
    pub due_at: Timestamp,
    /// The request.
    pub request: Request<Bytes>,
}

/// Why a call cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// The endpoint has no key of the interface.
    #[error("the endpoint has no access key for {0}")]
    NoKey(Generation),
    /// The message cannot be signed.
    #[error("the message of {0} cannot be signed")]
    Unsignable(Generation),
    /// The address and the message make no address.
    #[error("the production address cannot be called: it has a query, or is none")]
    Address,
}

impl Callback {
    fn new(
        generation: Generation,
        activity: Activity,
        render: impl Fn(&Call) -> String + Send + Sync + 'static,
    ) -> Self {
        Self { generation, activity, render: Arc::new(render) }
    }

    /// A message that is the same at every call: a JSON body, or the query of V1.0 without `timeStamp` and `authToken`,
    /// which are added. For the Kit, and for what no other constructor makes.
    pub fn message(generation: Generation, activity: Activity, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(generation, activity, move |call| match generation {
            Generation::SaasV1 | Generation::LicenseV1 => format!("{message}&timeStamp={}", call.time_stamp),
            // The members of Kit V1.0 are told apart by name, so the time may stand in front.
            Generation::KitV1 => message.replacen('{', &format!("{{\"timeStamp\":\"{}\",", call.time_stamp), 1),
            _ => message.clone(),
        })
    }

    /// A purchase (`newInstance`, `getLicense`) of a line, counted from 0; of a pay-per-use line, of its first product. V1.0
    /// states no zone for the expiry: it is told in UTC. `None` where the line does not exist, or the
    /// generation tells of no purchase: authorization codes and the Kit do not, and order notification has
    /// [`Callback::order_notify`].
    pub fn purchase(generation: Generation, order: &PlacedOrder, line: usize) -> Option<Self> {
        let line_spec = order.spec.lines.get(line)?;
        let (order_id, line_id) = (order.order_id.clone(), order.order_line_id(line));
        let customer = order.spec.buyer.clone();
        let product = line_spec.products.first()?.clone();
        let expire_time = order.expire_time(line).map(CompactTime::from);
        let period = line_spec.period.clone();
        Some(match generation {
            Generation::SaasV2 => Self::new(generation, Activity::NewInstance, move |call| {
                saas::v2::new_instance::Request::new(order_id.as_str(), line_id.as_str(), call.business_id.as_str())
                    .to_body()
            }),
            Generation::LicenseOnline => Self::new(generation, Activity::NewInstance, move |call| {
                let business_id = call.business_id.as_str();
                license::online::new_instance::Request::new(order_id.as_str(), line_id.as_str(), business_id).to_body()
            }),
            Generation::SaasV1 => {
                let charging_mode = charging_mode_v1(line_spec.charging_mode.as_str());
                Self::new(generation, Activity::NewInstance, move |call| {
                    let mut request = saas::v1::new_instance::Request::new(
                        call.time_stamp.as_str(),
                        customer.customer_id.as_str(),
                        call.business_id.as_str(),
                        order_id.as_str(),
                        product.product_id.as_str(),
                    );
                    request.customer_name = Some(customer.customer_name.clone());
                    request.sku_code = Some(product.sku_code.clone());
                    request.expire_time = expire_time.clone();
                    request.charging_mode.clone_from(&charging_mode);
                    request.amount = product.linear_value;
                    (request.period_type, request.period_number) = period_v1(period.as_ref());
                    request.to_query()
                })
            }
            Generation::LicenseV1 => Self::new(generation, Activity::GetLicense, move |call| {
                let mut request = license::v1::get_license::Request::new(
                    call.time_stamp.as_str(),
                    customer.customer_id.as_str(),
                    call.business_id.as_str(),
                    order_id.as_str(),
                    product.product_id.as_str(),
                );
                request.customer_name = Some(customer.customer_name.clone());
                request.expire_time = expire_time.clone();
                request.amount = product.linear_value;
                (request.period_type, request.period_number) = period_v1(period.as_ref());
                request.to_query()
            }),
            _ => return None,
        })
    }

    /// The notification of an order's line, counted from 0.
    pub fn order_notify(order: &PlacedOrder, line: usize) -> Self {
        let body = order_notify::Request::new(order.order_id.as_str(), order.order_line_id(line)).to_body();
        Self::new(Generation::OrderNotify, Activity::OrderNotify, move |_| body.clone())
    }

    /// A renewal of an instance or an authorization code, by the first line of a renewal order. `None` for generations
    /// without instances.
    pub fn renewal(generation: Generation, resource: &str, order: &PlacedOrder, expiry: Timestamp) -> Option<Self> {
        let (resource, order_id, line_id) = (resource.to_owned(), order.order_id.clone(), order.order_line_id(0));
        let scene = RenewalScene::Renewal;
        Some(match generation {
            Generation::SaasV2 => Self::fixed(
                generation,
                Activity::RefreshInstance,
                saas::v2::refresh_instance::Request::new(scene, order_id, line_id, resource, expiry).to_body(),
            ),
            Generation::LicenseOnline => Self::fixed(
                generation,
                Activity::RefreshInstance,
                license::online::refresh_instance::Request::new(scene, order_id, line_id, resource, expiry).to_body(),
            ),
            Generation::LicenseCode => Self::fixed(
                generation,
                Activity::RefreshLicenseCode,
                license::code::refresh_license_code::Request::new(scene, order_id, line_id, resource, expiry).to_body(),
            ),
            Generation::SaasV1 => Self::new(generation, Activity::RefreshInstance, move |call| {
                let (order_id, resource) = (order_id.as_str(), resource.as_str());
                let expiry = CompactTime::from(expiry);
                saas::v1::refresh_instance::Request::new(call.time_stamp.as_str(), order_id, resource, expiry)
                    .to_query()
            }),
            Generation::LicenseV1 => Self::new(generation, Activity::RefreshLicense, move |call| {
                let (order_id, resource) = (order_id.as_str(), resource.as_str());
                let expiry = CompactTime::from(expiry);
                license::v1::refresh_license::Request::new(call.time_stamp.as_str(), order_id, resource, expiry)
                    .to_query()
            }),
            _ => return None,
        })
    }

    /// The freezing of an instance or a code that has expired. `None` for generations without instances.
    pub fn expiry(generation: Generation, resource: &str) -> Option<Self> {
        let resource = resource.to_owned();
        match generation {
            Generation::SaasV1 => Some(Self::new(generation, Activity::ExpireInstance, move |call| {
                saas::v1::expire_instance::Request::new(call.time_stamp.as_str(), resource.as_str()).to_query()
            })),
            Generation::LicenseV1 => Some(Self::new(generation, Activity::ExpireLicense, move |call| {
                license::v1::expire_license::Request::new(call.time_stamp.as_str(), resource.as_str()).to_query()
            })),
            _ => Self::status(generation, resource, FreezeStatus::Freeze),
        }
    }

    /// The unfreezing of an instance or a code. `None` for the generations of V1.0, where a renewal does it.
    pub fn unfreezing(generation: Generation, resource: &str) -> Option<Self> {
        Self::status(generation, resource.to_owned(), FreezeStatus::Unfreeze)
    }

    fn status(generation: Generation, resource: String, status: FreezeStatus) -> Option<Self> {
        let (activity, body) = match generation {
            Generation::SaasV2 => {
                let request = saas::v2::update_instance_status::Request::new(resource, status);
                (Activity::UpdateInstanceStatus, request.to_body())
            }
            Generation::LicenseOnline => {
                let request = license::online::update_instance_status::Request::new(resource, status);
                (Activity::UpdateInstanceStatus, request.to_body())
            }
            Generation::LicenseCode => {
                let request = license::code::update_license_code_status::Request::new(resource, status);
                (Activity::UpdateLicenseCodeStatus, request.to_body())
            }
            _ => return None,
        };
        Some(Self::fixed(generation, activity, body))
    }

    /// The release of an instance or a code; `order_id` is that of the purchase, which V1.0 tells. `None` for generations
    /// without instances.
    pub fn release(generation: Generation, resource: &str, order_id: &str) -> Option<Self> {
        let (resource, order_id) = (resource.to_owned(), order_id.to_owned());
        Some(match generation {
            Generation::SaasV2 => Self::fixed(
                generation,
                Activity::ReleaseInstance,
                saas::v2::release_instance::Request::new(resource).to_body(),
            ),
            Generation::LicenseOnline => Self::fixed(
                generation,
                Activity::ReleaseInstance,
                license::online::release_instance::Request::new(resource).to_body(),
            ),
            Generation::LicenseCode => Self::fixed(
                generation,
                Activity::ReleaseLicenseCode,
                license::code::release_license_code::Request::new(resource).to_body(),
            ),
            Generation::SaasV1 => Self::new(generation, Activity::ReleaseInstance, move |call| {
                let mut request = saas::v1::release_instance::Request::new(call.time_stamp.as_str(), resource.as_str());
                request.order_id = Some(order_id.clone());
                request.to_query()
            }),
            Generation::LicenseV1 => Self::new(generation, Activity::ReleaseLicense, move |call| {
                let (order_id, resource) = (order_id.as_str(), resource.as_str());
                license::v1::release_license::Request::new(call.time_stamp.as_str(), order_id, resource).to_query()
            }),
            _ => return None,
        })
    }

    fn fixed(generation: Generation, activity: Activity, body: String) -> Self {
        Self::new(generation, activity, move |_| body.clone())
    }

    /// Its generation.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// What it is about.
    pub fn activity(&self) -> Activity {
        self.activity
    }

    /// The schedule that the documents give it, as far as they do; where an interval is missing, that of a sibling.
    pub fn schedule(&self) -> Schedule {
        use Activity::{ExpireLicense, GetLicenseAsync, RefreshLicense, ReleaseLicense};
        let creates = matches!(self.activity, Activity::NewInstance | Activity::UpgradeInstance | Activity::Upgrade);
        match (self.generation, self.activity) {
            (_, RefreshLicense | ExpireLicense | ReleaseLicense | Activity::ChangeInstanceCheck) => Schedule::ONCE,
            (_, Activity::QueryInstance | GetLicenseAsync) | (Generation::KitV1 | Generation::KitV2, _) => {
                Schedule::ONCE
            }
            (Generation::LicenseCode, _) => Schedule::CODE_60X2MIN,
            (Generation::LicenseOnline, _) | (Generation::SaasV2, Activity::RefreshInstance) => Schedule::V2_2MIN_2H,
            (Generation::LicenseV1 | Generation::OrderNotify, _) => Schedule::V1_HOURLY_3H,
            (Generation::SaasV1 | Generation::SaasV2, _) if creates => Schedule::V1_HOURLY_3H,
            (Generation::SaasV1 | Generation::SaasV2, _) => Schedule::EXPIRE_1H,
        }
    }

    /// One call, signed for a time.
    ///
    /// # Errors
    ///
    /// The endpoint cannot be called so, or has no key for it.
    pub fn request(
        &self,
        endpoint: &Endpoint,
        at: Timestamp,
        random: &SeededRandom,
    ) -> Result<Request<Bytes>, DeliveryError> {
        let ring = endpoint.keys.get(self.generation.interface());
        let key = ring.ok_or(DeliveryError::NoKey(self.generation))?.signing_key();
        let time_stamp = match self.generation {
            Generation::KitV1 => at.to_compact_millis_in(CHINA),
            _ => at.to_compact_millis(),
        };
        let message = (self.render)(&Call { business_id: random.hex(32), time_stamp });
        let (path, query, headers) = self.proof(key, &message, at, random)?;
        let is_get = matches!(self.generation, Generation::SaasV1 | Generation::LicenseV1);
        let body = if is_get { Bytes::new() } else { message.into() };
        let mut request = Request::new(body);
        *request.method_mut() = if is_get { Method::GET } else { Method::POST };
        *request.uri_mut() = address(&endpoint.address, &path, &query).ok_or(DeliveryError::Address)?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        if !is_get {
            let json = HeaderValue::from_static("application/json;charset=utf8");
            request.headers_mut().insert(CONTENT_TYPE, json);
        }
        for (name, value) in headers {
            let value = HeaderValue::try_from(value).map_err(|_| DeliveryError::Unsignable(self.generation))?;
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        Ok(request)
    }

    /// What stands behind the production address, the query, and the headers.
    fn proof(
        &self,
        key: &AccessKey,
        message: &str,
        at: Timestamp,
        random: &SeededRandom,
    ) -> Result<Proof, DeliveryError> {
        let unsignable = |_| DeliveryError::Unsignable(self.generation);
        let body = message.as_bytes();
        Ok(match self.generation {
            Generation::SaasV1 | Generation::LicenseV1 => {
                (String::new(), auth_token::signed_query(key, message).map_err(unsignable)?, Vec::new())
            }
            Generation::KitV1 => {
                let token = auth_token_body::sign(key, body).map_err(unsignable)?;
                (format!("/produceAPI/{}", self.activity), String::new(), vec![("authtoken", token)])
            }
            Generation::KitV2 => {
                let headers = kit_v2::signed_headers(key, &random.hex(32), at, body);
                (format!("/produceAPI/v2/{}", self.activity), String::new(), headers.into())
            }
            _ => (String::new(), callback_v2::signed_query(key, &random.hex(32), at, body), Vec::new()),
        })
    }

    /// The calls of a schedule. They are made one after the other until an answer is [final](Verdict::is_final).
    pub fn deliveries<'a>(
        &'a self,
        endpoint: &'a Endpoint,
        schedule: Schedule,
        first: Timestamp,
        random: &'a SeededRandom,
    ) -> impl Iterator<Item = Result<Delivery, DeliveryError>> + 'a {
        (1..).zip(schedule.due(first)).map(move |(attempt, due_at)| {
            let request = self.request(endpoint, due_at, random)?;
            Ok(Delivery { attempt, due_at, request })
        })
    }

    /// What an answer means.
    pub fn judge(&self, response: &Response<Bytes>) -> Verdict {
        let creates = matches!(self.activity, Activity::NewInstance | Activity::GetLicenseAsync);
        let takes_processing = matches!(self.generation, Generation::SaasV2 | Generation::LicenseOnline) && creates;
        Verdict::of(response, takes_processing)
    }
}

type Proof = (String, String, Vec<(&'static str, String)>);

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { generation, activity, .. } = self;
        f.debug_struct("Callback").field("generation", generation).field("activity", activity).finish_non_exhaustive()
    }
}

fn address(base: &Uri, path: &str, query: &str) -> Option<Uri> {
    if base.query().is_some() {
        return None;
    }
    let mut parts = base.clone().into_parts();
    let before = if path.is_empty() { base.path() } else { base.path().trim_end_matches('/') };
    let separator = if query.is_empty() { "" } else { "?" };
    parts.path_and_query = Some(format!("{before}{path}{separator}{query}").parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// The digit of V1.0.
fn charging_mode_v1(charging_mode: &str) -> Option<saas::v1::ChargingMode> {
    let digit = match charging_mode {
        "ON_DEMAND" => "0",
        "PERIOD" => "1",
        "ONE_TIME" => "3",
        "ON_DEMAND_PKG" => "5",
        _ => return None,
    };
    Some(digit.into())
}

fn period_v1(period: Option<&(PeriodType, u32)>) -> (Option<saas::v1::PeriodType>, Option<u32>) {
    period.map(|(unit, number)| (saas::v1::PeriodType::from(unit.as_str()), *number)).unzip()
}
