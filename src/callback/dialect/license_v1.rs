//! Callback handling of License V1.

use bytes::Bytes;

use crate::callback::CallbackError;
use crate::callback::command::{Call, Change, Command, LicensingCommand, Reply, SubscriptionCommand};
use crate::callback::dialect::conversions;
use crate::callback::dialect::{AnswerRules, Envelope};
use crate::callback::handler::subscription::{
    Customer, Event, Freeze, FreezeReason, Product, PurchaseDetails, Release, Renewal, RenewalScene,
};
use crate::callback::settings::Settings;
use crate::lease::Fence;
use crate::ledger::{Completion, Effect, OrderKey, Step};
use crate::license::v1::{Callback, get_license, refresh_license};
use crate::license_store::{ApplicationId, LicenseApplication};
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;
use crate::wire::{Members, TestFlag, Violation};

pub(in crate::callback) fn read(members: &Members<'_>, envelope: &Envelope<'_>) -> Result<Call, CallbackError> {
    let callback = Callback::from_members(members)?;
    let (activity, warnings) = (callback.activity(), callback.warnings().to_vec());
    let (test_flag, command) = command(envelope.settings, callback, envelope.received_at)?;
    Ok(Call { activity, test_flag, command: Command::Licensing(command), warnings })
}

pub(in crate::callback) fn write(rules: AnswerRules, reply: Reply) -> Result<Bytes, Violation> {
    match reply {
        Reply::Licensed { instance_id, license } => rules.write(&get_license::Response::new(instance_id, license)),
        _ => rules.acknowledge(),
    }
}

fn command(
    settings: &Settings,
    callback: Callback,
    now: Timestamp,
) -> Result<(TestFlag, LicensingCommand), CallbackError> {
    let change = |instance_id: &str, effect, event| {
        LicensingCommand::Instance(SubscriptionCommand::Change(Box::new(Change {
            step: Step::on(instance_id, effect),
            event,
        })))
    };
    Ok(match callback {
        Callback::GetLicense(request) => {
            request.check_identification_code()?;
            (request.test_flag, purchase(settings, request))
        }
        Callback::RefreshLicense(request) => {
            let (test_flag, id) = (request.test_flag, request.instance_id.clone());
            let (effect, event) = renewal(settings, request, now);
            (test_flag, change(&id, effect, event))
        }
        Callback::ExpireLicense(request) => {
            let (id, test_call) = (request.instance_id, request.test_flag == TestFlag::Debug);
            let event = Event::Freeze(Freeze { test_call, ..Freeze::new(&*id, FreezeReason::Expired) });
            (request.test_flag, change(&id, Effect::Freeze, event))
        }
        Callback::ReleaseLicense(request) => {
            let event = Event::Release(Release {
                order_id: Some(request.order_id),
                test_call: request.test_flag == TestFlag::Debug,
                ..Release::new(&*request.instance_id)
            });
            (request.test_flag, change(&request.instance_id, Effect::Release, event))
        }
    })
}

/// The purchase, and the application for its License.
fn purchase(settings: &Settings, request: get_license::Request) -> LicensingCommand {
    let expire_time = request.expire_time.as_ref().map(|time| time.in_zone(settings.v1_zone));
    let application = LicenseApplication {
        device: request.identification_code().map(Sensitive::from),
        expire_time,
        ..LicenseApplication::new(ApplicationId::Order(request.order_id.clone()), &*request.business_id)
    };
    let product = Product { sku_code: request.sku_code, amount: request.amount, ..Product::new(request.product_id) };
    let details = PurchaseDetails {
        customer: Some(Customer { customer_name: request.customer_name, ..Customer::new(request.customer_id) }),
        period: conversions::period(request.period_type, request.period_number),
        expire_time,
        extend_params: conversions::extend_params(request.saas_extend_params),
        warnings: request.warnings,
        ..PurchaseDetails::new(product)
    };
    let (order, test_call) = (OrderKey::new(request.order_id), request.test_flag == TestFlag::Debug);
    let purchase = Change::purchase(order, request.business_id, Some(Box::new(details)), test_call);
    LicensingCommand::Buy(Box::new(purchase), Box::new(application))
}

fn renewal(settings: &Settings, request: refresh_license::Request, now: Timestamp) -> (Effect, Event) {
    let expire_time = request.expire_time.in_zone(settings.v1_zone);
    let effect = Effect::Renew {
        key: format!("renew {} {expire_time}", request.order_id),
        expire_time,
        product_id: request.product_id.clone(),
        // V1 has no separate call for it: a renewal in the freeze period unfreezes.
        unfreezes: expire_time > now,
    };
    let event = Event::Renew(Renewal {
        instance_id: request.instance_id,
        order_id: request.order_id,
        order_line_id: None,
        // Or a trial's conversion; the call does not say.
        scene: RenewalScene::Renewal,
        expire_time,
        product_id: request.product_id,
        product: None,
        period: conversions::period(request.period_type, request.period_number),
        amount_paid: None,
        test_call: request.test_flag == TestFlag::Debug,
        fence: Fence::default(),
        completion: Completion::default(),
    });
    (effect, event)
}
