//! Conversions between the documents' types and those of the events.

use crate::callback::handler::subscription::{
    ChargingMode, ExtendParam, Period, PeriodType, RenewalScene, TargetProduct, UsageInfo,
};
use crate::saas;
use crate::saas::v1;
use crate::saas::v2::change_instance_check;
use crate::wire;

pub(in crate::callback) fn charging_mode(mode: &v1::ChargingMode) -> ChargingMode {
    match mode {
        v1::ChargingMode::PayPerUse => ChargingMode::OnDemand,
        v1::ChargingMode::Period => ChargingMode::Period,
        v1::ChargingMode::OneTime => ChargingMode::OneTime,
        v1::ChargingMode::PayPerUsePackage => ChargingMode::OnDemandPackage,
        other => other.as_str().into(),
    }
}

pub(in crate::callback) fn period(unit: Option<wire::PeriodType>, number: Option<u32>) -> Option<Period> {
    Some(Period::new(PeriodType::from(unit?.as_str()), number))
}

pub(in crate::callback) fn scene(scene: &wire::RenewalScene) -> RenewalScene {
    scene.as_str().into()
}

pub(in crate::callback) fn extend_params(params: Option<wire::ExtendParams>) -> Vec<ExtendParam> {
    let params: Vec<wire::ExtendParam> = params.map(Into::into).unwrap_or_default();
    params.into_iter().map(|param| ExtendParam::new(param.name, param.value)).collect()
}

pub(in crate::callback) fn target_product(product: change_instance_check::TargetProduct) -> TargetProduct {
    TargetProduct {
        product_id: product.product_id,
        sku_code: product.sku_code,
        product_name: product.product_name,
        linear_value: product.linear_value,
        unknown: product.unknown,
    }
}

pub(in crate::callback) fn usage(usage: Vec<UsageInfo>) -> Vec<saas::UsageInfo> {
    let usage = usage.into_iter().map(|usage| {
        let mut info = saas::UsageInfo::new(usage.usage_value, usage.statistical_time);
        info.related_instance_id = usage.related_instance_id;
        info.dashboard_url = usage.dashboard_url;
        info
    });
    usage.collect()
}
