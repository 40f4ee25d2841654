//! Callback handling of SaaS V2.0.

use bytes::Bytes;

use crate::callback::CallbackError;
use crate::callback::command::{Call, Change, Command, Created, Reply, SubscriptionCommand};
use crate::callback::dialect::AnswerRules;
use crate::callback::dialect::changes::{self, release_of, renewal_of};
use crate::callback::dialect::conversions;
use crate::callback::handler::subscription::{AccessInfo, ChangeCheck, Event, Upgrade};
use crate::lease::Fence;
use crate::ledger::{Completion, Effect, OrderKey, Step};
use crate::redact::Sensitive;
use crate::result_code::ResultCode;
use crate::saas::v2::{Callback, new_instance, query_instance};
use crate::saas::{AppInfo, InstanceInfo};
use crate::wire::{Members, TestFlag, Violation};

pub(in crate::callback) fn read(members: &Members<'_>) -> Result<Call, CallbackError> {
    let callback = Callback::from_members(members)?;
    let (activity, warnings) = (callback.activity(), callback.warnings().to_vec());
    let (test_flag, command) = command(callback)?;
    Ok(Call { activity, test_flag, command: Command::Subscription(command), warnings })
}

pub(in crate::callback) fn write(rules: AnswerRules, reply: Reply) -> Result<Bytes, Violation> {
    match reply {
        Reply::Created(Created { instance_id, processing, .. }) => {
            let code = if processing { ResultCode::Processing } else { ResultCode::Success };
            rules.write(&new_instance::Response::new(code, instance_id))
        }
        Reply::Done | Reply::Accepted | Reply::Licensed { .. } => rules.acknowledge(),
        Reply::Described(instances) => {
            let info = instances.into_iter().map(|(instance_id, description)| InstanceInfo {
                instance_id,
                app_info: description.access.map(app_info),
                usage_info: conversions::usage(description.usage),
            });
            rules.write(&query_instance::Response::new(info.collect()))
        }
    }
}

fn app_info(access: AccessInfo) -> AppInfo<Sensitive> {
    AppInfo {
        front_end_url: access.front_end_url,
        admin_url: access.admin_url,
        user_name: access.user_name,
        password: access.password,
        memo: access.memo,
    }
}

fn command(callback: Callback) -> Result<(TestFlag, SubscriptionCommand), CallbackError> {
    let change = |instance_id: &str, effect, event| {
        SubscriptionCommand::Change(Box::new(Change { step: Step::on(instance_id, effect), event }))
    };
    Ok(match callback {
        Callback::NewInstance(request) => {
            let mut order = OrderKey::new(request.order_id).with_order_line(request.order_line_id);
            order.product_id = request.product_id;
            let purchase = Change::purchase(order, request.business_id, None, request.test_flag == TestFlag::Debug);
            (request.test_flag, SubscriptionCommand::Change(Box::new(purchase)))
        }
        Callback::RefreshInstance(request) => {
            let id = request.instance_id;
            (request.test_flag, SubscriptionCommand::Change(changes::renew(id.clone(), renewal_of!(request, id))))
        }
        Callback::UpdateInstanceStatus(request) => {
            let (id, test_call) = (request.instance_id, request.test_flag == TestFlag::Debug);
            let change = changes::set_status(id.clone(), id, request.status, test_call)?;
            (request.test_flag, SubscriptionCommand::Change(change))
        }
        Callback::ReleaseInstance(request) => {
            let id = request.instance_id;
            (request.test_flag, SubscriptionCommand::Change(changes::release(id.clone(), release_of!(request, id))))
        }
        Callback::UpgradeInstance(request) => {
            let key = format!("upgrade {} {}", request.order_id, request.order_line_id);
            let event = Event::Upgrade(Upgrade {
                instance_id: request.instance_id.clone(),
                order_id: request.order_id,
                order_line_id: Some(request.order_line_id),
                product: None,
                test_call: request.test_flag == TestFlag::Debug,
                fence: Fence::default(),
                completion: Completion::default(),
            });
            (request.test_flag, change(&request.instance_id, Effect::Upgrade { key, product_id: None }, event))
        }
        Callback::ChangeInstanceCheck(request) => {
            let check = ChangeCheck {
                instance_id: request.instance_id,
                product: conversions::target_product(request.product_info.product),
                more_products: request.product_info.more.into_iter().map(conversions::target_product).collect(),
                test_call: request.test_flag == TestFlag::Debug,
            };
            (request.test_flag, SubscriptionCommand::Check(Box::new(check)))
        }
        Callback::QueryInstance(request) => {
            (request.test_flag, SubscriptionCommand::Describe(request.instance_ids.into()))
        }
    })
}
