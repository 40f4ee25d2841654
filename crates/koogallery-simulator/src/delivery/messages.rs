//! Callbacks about orders, instances and applications.

use super::Callback;
use crate::PlacedOrder;
use koogallery::activity::Activity;
use koogallery::license;
use koogallery::open_api::query_order::PeriodType;
use koogallery::order_notify;
use koogallery::protocol::Protocol;
use koogallery::saas;
use koogallery::saas::v2::change_instance_check::TargetProduct;
use koogallery::timestamp::Timestamp;
use koogallery::wire::{CompactTime, FreezeStatus, RenewalScene};

impl Callback {
    /// Creates a purchase (`newInstance`, `getLicense`) of a line, counted from 0; for a pay-per-use line, of its first
    /// product. V1.0 does not define a time zone for the expiry; UTC is used. `None` if the line does not exist, or the
    /// protocol has no purchase call: authorization codes and the Kit have none, and order notification has
    /// [`Callback::order_notify`].
    pub fn purchase(protocol: Protocol, order: &PlacedOrder, line: usize) -> Option<Self> {
        let line_spec = order.spec.lines.get(line)?;
        let (order_id, line_id) = (order.order_id.clone(), order.order_line_id(line));
        let customer = order.spec.buyer.clone();
        let product = line_spec.products.first()?.clone();
        let expire_time = order.expire_time(line).map(CompactTime::from);
        let period = line_spec.period.clone();
        Some(match protocol {
            Protocol::SaasV2 => Self::new(protocol, Activity::NewInstance, move |call| {
                saas::v2::new_instance::Request::new(order_id.as_str(), line_id.as_str(), call.business_id.as_str())
                    .to_body()
            }),
            Protocol::LicenseOnline => Self::new(protocol, Activity::NewInstance, move |call| {
                let business_id = call.business_id.as_str();
                license::online::new_instance::Request::new(order_id.as_str(), line_id.as_str(), business_id).to_body()
            }),
            Protocol::SaasV1 => {
                let charging_mode = charging_mode_v1(line_spec.charging_mode.as_str());
                Self::new(protocol, Activity::NewInstance, move |call| {
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
            Protocol::LicenseV1 => Self::new(protocol, Activity::GetLicense, move |call| {
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

    /// Creates the notification of an order line, counted from 0.
    pub fn order_notify(order: &PlacedOrder, line: usize) -> Self {
        let body = order_notify::Request::new(order.order_id.as_str(), order.order_line_id(line)).to_body();
        Self::new(Protocol::OrderNotify, Activity::OrderNotify, move |_| body.clone())
    }

    /// Creates a change of expiry of an instance or an authorization code, by the first line of an order: a renewal,
    /// its cancellation, or the conversion of a trial. `None` for protocols without instances.
    pub fn refresh(
        protocol: Protocol,
        scene: RenewalScene,
        resource: &str,
        order: &PlacedOrder,
        expiry: Timestamp,
    ) -> Option<Self> {
        let (resource, order_id, line_id) = (resource.to_owned(), order.order_id.clone(), order.order_line_id(0));
        Some(match protocol {
            Protocol::SaasV2 => Self::fixed(
                protocol,
                Activity::RefreshInstance,
                saas::v2::refresh_instance::Request::new(scene, order_id, line_id, resource, expiry).to_body(),
            ),
            Protocol::LicenseOnline => Self::fixed(
                protocol,
                Activity::RefreshInstance,
                license::online::refresh_instance::Request::new(scene, order_id, line_id, resource, expiry).to_body(),
            ),
            Protocol::LicenseCode => Self::fixed(
                protocol,
                Activity::RefreshLicenseCode,
                license::code::refresh_license_code::Request::new(scene, order_id, line_id, resource, expiry).to_body(),
            ),
            Protocol::SaasV1 => {
                let line = order.spec.lines.first()?;
                let product_id = line.products.first()?.product_id.clone();
                let paid = match scene {
                    RenewalScene::UnsubscribeRenewalPeriod => format!("-{}", line.amounts.1).parse().ok(),
                    _ => Some(line.amounts.1),
                };
                Self::new(protocol, Activity::RefreshInstance, move |call| {
                    let (order_id, resource) = (order_id.as_str(), resource.as_str());
                    let expiry = CompactTime::from(expiry);
                    let mut request =
                        saas::v1::refresh_instance::Request::new(call.time_stamp.as_str(), order_id, resource, expiry);
                    request.order_amount = paid;
                    if scene == RenewalScene::TrialToFormal {
                        request.trial_to_formal = Some("1".to_owned());
                        request.product_id = Some(product_id.clone());
                    }
                    request.to_query()
                })
            }
            Protocol::LicenseV1 => Self::new(protocol, Activity::RefreshLicense, move |call| {
                let (order_id, resource) = (order_id.as_str(), resource.as_str());
                let expiry = CompactTime::from(expiry);
                license::v1::refresh_license::Request::new(call.time_stamp.as_str(), order_id, resource, expiry)
                    .to_query()
            }),
            _ => return None,
        })
    }

    /// Creates the upgrade or expansion of an instance, by the first line of an order. `None` except for SaaS.
    pub fn upgrade(protocol: Protocol, resource: &str, order: &PlacedOrder) -> Option<Self> {
        let (resource, order_id) = (resource.to_owned(), order.order_id.clone());
        match protocol {
            Protocol::SaasV2 => Some(Self::fixed(
                protocol,
                Activity::UpgradeInstance,
                saas::v2::upgrade_instance::Request::new(resource, order_id, order.order_line_id(0)).to_body(),
            )),
            Protocol::SaasV1 => {
                let product = order.spec.lines.first()?.products.first()?.clone();
                Some(Self::new(protocol, Activity::Upgrade, move |call| {
                    let mut request = saas::v1::upgrade::Request::new(
                        call.time_stamp.as_str(),
                        resource.as_str(),
                        order_id.as_str(),
                        product.sku_code.as_str(),
                        product.product_id.as_str(),
                    );
                    request.amount = product.linear_value;
                    request.to_query()
                }))
            }
            _ => None,
        }
    }

    /// Creates a query of one to 100 instances. `None` except for SaaS.
    pub fn query(protocol: Protocol, instances: &[&str]) -> Option<Self> {
        let ids: saas::InstanceIds = instances.iter().copied().collect();
        match protocol {
            Protocol::SaasV2 => {
                let body = saas::v2::query_instance::Request::new(ids).to_body();
                Some(Self::fixed(protocol, Activity::QueryInstance, body))
            }
            Protocol::SaasV1 => Some(Self::new(protocol, Activity::QueryInstance, move |call| {
                saas::v1::query_instance::Request::new(call.time_stamp.as_str(), ids.clone()).to_query()
            })),
            _ => None,
        }
    }

    /// Creates the question whether a SaaS V2.0 instance may change to another product at its renewal.
    pub fn change_check(instance: &str, product: TargetProduct) -> Self {
        let body = saas::v2::change_instance_check::Request::new(instance, product).to_body();
        Self::fixed(Protocol::SaasV2, Activity::ChangeInstanceCheck, body)
    }

    /// Creates the application for the License of an online License's instance, valid from now to its expiry.
    pub fn license_application(instance: &str, event_id: &str, from: Timestamp, until: Option<Timestamp>) -> Self {
        let mut request = license::online::get_license_async::Request::new(instance, from, event_id);
        request.expire_time = until.map(Into::into);
        Self::fixed(Protocol::LicenseOnline, Activity::GetLicenseAsync, request.to_body())
    }

    /// Creates the freeze of an expired instance or code. `None` for protocols without instances.
    pub fn expiry(protocol: Protocol, resource: &str) -> Option<Self> {
        let resource = resource.to_owned();
        match protocol {
            Protocol::SaasV1 => Some(Self::new(protocol, Activity::ExpireInstance, move |call| {
                saas::v1::expire_instance::Request::new(call.time_stamp.as_str(), resource.as_str()).to_query()
            })),
            Protocol::LicenseV1 => Some(Self::new(protocol, Activity::ExpireLicense, move |call| {
                license::v1::expire_license::Request::new(call.time_stamp.as_str(), resource.as_str()).to_query()
            })),
            _ => Self::status(protocol, resource, FreezeStatus::Freeze),
        }
    }

    /// Creates the unfreeze of an instance or a code. `None` for V1.0 protocols, where a renewal unfreezes.
    pub fn unfreezing(protocol: Protocol, resource: &str) -> Option<Self> {
        Self::status(protocol, resource.to_owned(), FreezeStatus::Unfreeze)
    }

    fn status(protocol: Protocol, resource: String, status: FreezeStatus) -> Option<Self> {
        let (activity, body) = match protocol {
            Protocol::SaasV2 => {
                let request = saas::v2::update_instance_status::Request::new(resource, status);
                (Activity::UpdateInstanceStatus, request.to_body())
            }
            Protocol::LicenseOnline => {
                let request = license::online::update_instance_status::Request::new(resource, status);
                (Activity::UpdateInstanceStatus, request.to_body())
            }
            Protocol::LicenseCode => {
                let request = license::code::update_license_code_status::Request::new(resource, status);
                (Activity::UpdateLicenseCodeStatus, request.to_body())
            }
            _ => return None,
        };
        Some(Self::fixed(protocol, activity, body))
    }

    /// Creates the release of an instance or a code; `order_id` is the purchase, which V1.0 includes. `None` for
    /// protocols without instances.
    pub fn release(protocol: Protocol, resource: &str, order_id: &str) -> Option<Self> {
        let (resource, order_id) = (resource.to_owned(), order_id.to_owned());
        Some(match protocol {
            Protocol::SaasV2 => Self::fixed(
                protocol,
                Activity::ReleaseInstance,
                saas::v2::release_instance::Request::new(resource).to_body(),
            ),
            Protocol::LicenseOnline => Self::fixed(
                protocol,
                Activity::ReleaseInstance,
                license::online::release_instance::Request::new(resource).to_body(),
            ),
            Protocol::LicenseCode => Self::fixed(
                protocol,
                Activity::ReleaseLicenseCode,
                license::code::release_license_code::Request::new(resource).to_body(),
            ),
            Protocol::SaasV1 => Self::new(protocol, Activity::ReleaseInstance, move |call| {
                let mut request = saas::v1::release_instance::Request::new(call.time_stamp.as_str(), resource.as_str());
                request.order_id = Some(order_id.clone());
                request.to_query()
            }),
            Protocol::LicenseV1 => Self::new(protocol, Activity::ReleaseLicense, move |call| {
                let (order_id, resource) = (order_id.as_str(), resource.as_str());
                license::v1::release_license::Request::new(call.time_stamp.as_str(), order_id, resource).to_query()
            }),
            _ => return None,
        })
    }
}

/// The digit used by V1.0.
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
