//! Callback handling of SaaS V1.0.

use bytes::Bytes;

use crate::callback::CallbackError;
use crate::callback::command::{Call, Change, Command, Created, Reply, SubscriptionCommand};
use crate::callback::dialect::changes::unknown_status;
use crate::callback::dialect::conversions;
use crate::callback::dialect::{AnswerRules, Envelope};
use crate::callback::handler::subscription::{
    AccessInfo, Customer, Event, Freeze, FreezeReason, Product, PurchaseDetails, Release, Renewal, RenewalScene,
    Unfreeze, Upgrade,
};
use crate::callback::settings::Settings;
use crate::cipher::field::{Ciphertext, FieldCipher};
use crate::lease::Fence;
use crate::ledger::{Completion, Effect, OrderKey, Step};
use crate::protocol::Protocol;
use crate::random::Random;
use crate::redact::Sensitive;
use crate::saas::v1::instance_status::InstanceStatus;
use crate::saas::v1::{Callback, ChargingMode, new_instance, query_instance, refresh_instance};
use crate::saas::{AppInfo, InstanceInfo};
use crate::timestamp::Timestamp;
use crate::wire::{FieldProblem, FieldWarning, Members, ParseError, RawField, TestFlag};

pub(in crate::callback) fn read(members: &Members<'_>, envelope: &Envelope<'_>) -> Result<Call, CallbackError> {
    let callback = Callback::from_members(members)?;
    let activity = callback.activity();
    let warnings = callback.warnings().to_vec();
    let mut reader =
        Reader { settings: envelope.settings, key_index: envelope.key_index, now: envelope.received_at, warnings };
    let (test_flag, command) = reader.read(callback)?;
    Ok(Call { activity, test_flag, command: Command::Subscription(command), warnings: reader.warnings })
}

pub(in crate::callback) fn write(
    rules: AnswerRules,
    reply: Reply,
    envelope: &Envelope<'_>,
) -> Result<Bytes, CallbackError> {
    let Envelope { settings, key_index, random, .. } = *envelope;
    let cipher = settings.v1_cipher(key_index)?;
    let app_info = |access| app_info(cipher, random, access);
    let body = match reply {
        Reply::Created(Created { instance_id, description, .. }) => {
            let app_info = description.and_then(|description| description.access).map(app_info).transpose()?;
            let response = new_instance::Response::new(settings.encrypt_type, instance_id, app_info);
            rules.write(&response)
        }
        Reply::Done | Reply::Accepted | Reply::Licensed { .. } => rules.acknowledge(),
        Reply::Described(instances) => {
            let info = instances.into_iter().map(|(instance_id, description)| {
                let app_info = description.access.map(app_info).transpose()?;
                Ok(InstanceInfo { instance_id, app_info, usage_info: conversions::usage(description.usage) })
            });
            let info = info.collect::<Result<_, CallbackError>>()?;
            rules.write(&query_instance::Response::new(settings.encrypt_type, info))
        }
    };
    Ok(body?)
}

fn app_info(
    cipher: &FieldCipher,
    random: &dyn Random,
    access: AccessInfo,
) -> Result<AppInfo<Ciphertext>, CallbackError> {
    let encrypt = |field, text: Option<Sensitive>| {
        text.map(|text| cipher.encrypt_with(text.expose(), random))
            .transpose()
            .map_err(|source| CallbackError::Encrypt { field, source })
    };
    Ok(AppInfo {
        front_end_url: access.front_end_url,
        admin_url: access.admin_url,
        user_name: encrypt("userName", access.user_name)?,
        password: encrypt("password", access.password)?,
        memo: access.memo,
    })
}

struct Reader<'s> {
    settings: &'s Settings,
    key_index: usize,
    now: Timestamp,
    warnings: Vec<FieldWarning>,
}

impl Reader<'_> {
    fn read(&mut self, callback: Callback) -> Result<(TestFlag, SubscriptionCommand), CallbackError> {
        Ok(match callback {
            Callback::NewInstance(request) => (request.test_flag, self.purchase(request)?),
            Callback::RefreshInstance(request) => (request.test_flag, self.renewal(request)?),
            Callback::ExpireInstance(request) => {
                (request.test_flag, self.freeze(request.instance_id, FreezeReason::Expired, request.test_flag))
            }
            Callback::InstanceStatus(request) => {
                let command = match request.instance_status {
                    InstanceStatus::Freeze => {
                        self.freeze(request.instance_id, FreezeReason::Unspecified, request.test_flag)
                    }
                    status if status == InstanceStatus::Normal || status.as_str() == "UNFREEZE" => {
                        let test_call = request.test_flag == TestFlag::Debug;
                        let instance_id = request.instance_id;
                        let event = Event::Unfreeze(Unfreeze { test_call, ..Unfreeze::new(&*instance_id) });
                        self.change(&instance_id, Effect::Unfreeze, event)
                    }
                    status => return Err(unknown_status("instanceStatus", status.as_str())),
                };
                (request.test_flag, command)
            }
            Callback::ReleaseInstance(request) => {
                let event = Event::Release(Release {
                    order_id: request.order_id,
                    test_call: request.test_flag == TestFlag::Debug,
                    ..Release::new(&*request.instance_id)
                });
                (request.test_flag, self.change(&request.instance_id, Effect::Release, event))
            }
            Callback::Upgrade(request) => {
                let key = format!("upgrade {}", request.order_id);
                let effect = Effect::Upgrade { key, product_id: Some(request.product_id.clone()) };
                let event = Event::Upgrade(Upgrade {
                    instance_id: request.instance_id.clone(),
                    order_id: request.order_id,
                    order_line_id: None,
                    product: Some(Product {
                        product_id: request.product_id,
                        sku_code: Some(request.sku_code),
                        product_name: None,
                        amount: request.amount,
                        disk_size: request.disk_size,
                        band_width: request.band_width,
                    }),
                    test_call: request.test_flag == TestFlag::Debug,
                    fence: Fence::default(),
                    completion: Completion::default(),
                });
                (request.test_flag, self.change(&request.instance_id, effect, event))
            }
            Callback::QueryInstance(request) => {
                (request.test_flag, SubscriptionCommand::Describe(request.instance_ids.into()))
            }
        })
    }

    fn change(&self, instance_id: &str, effect: Effect, event: Event) -> SubscriptionCommand {
        SubscriptionCommand::Change(Box::new(Change { step: Step::on(instance_id, effect), event }))
    }

    fn freeze(&self, instance_id: String, reason: FreezeReason, test_flag: TestFlag) -> SubscriptionCommand {
        let test_call = test_flag == TestFlag::Debug;
        let event = Event::Freeze(Freeze { test_call, ..Freeze::new(&*instance_id, reason) });
        self.change(&instance_id, Effect::Freeze, event)
    }

    fn purchase(&mut self, request: new_instance::Request) -> Result<SubscriptionCommand, CallbackError> {
        let mut order = OrderKey::new(request.order_id);
        if let Some(ChargingMode::PayPerUse | ChargingMode::PayPerUsePackage) = request.charging_mode {
            order = order.with_product(request.product_id.clone());
        }
        let expire_time = request.expire_time.map(|time| time.in_zone(self.settings.v1_zone));
        let (mobile_phone, email) =
            (self.decrypt("mobilePhone", request.mobile_phone)?, self.decrypt("email", request.email)?);
        let trial = self.is_trial(request.trial_flag.as_deref());
        let details = PurchaseDetails {
            customer: Some(Customer {
                customer_id: Some(request.customer_id),
                customer_name: request.customer_name,
                user_id: request.user_id,
                user_name: request.user_name,
                real_name: None,
                mobile_phone,
                email,
            }),
            product: Product {
                product_id: request.product_id,
                sku_code: request.sku_code,
                product_name: None,
                amount: request.amount,
                disk_size: request.disk_size,
                band_width: request.band_width,
            },
            charging_mode: request.charging_mode.as_ref().map(conversions::charging_mode),
            period: conversions::period(request.period_type, request.period_number),
            trial,
            expire_time,
            acceptance_time: request.acceptance_time.map(|time| time.in_zone(self.settings.v1_zone)),
            amount_paid: request.order_amount,
            extend_params: conversions::extend_params(request.saas_extend_params),
            provision_type: request.provision_type,
            warnings: self.warnings.clone(),
        };
        let (details, test_call) = (Some(Box::new(details)), request.test_flag == TestFlag::Debug);
        Ok(SubscriptionCommand::Change(Box::new(Change::purchase(order, request.business_id, details, test_call))))
    }

    fn renewal(&self, request: refresh_instance::Request) -> Result<SubscriptionCommand, ParseError> {
        let expire_time = request.expire_time.in_zone(self.settings.v1_zone);
        let refunded = request.order_amount.is_some_and(|amount| amount.is_negative());
        let converts_trial = request.trial_to_formal.as_deref().map_or(Ok(false), converts_trial)?;
        let scene = match (converts_trial, refunded) {
            (true, _) => RenewalScene::TrialToFormal,
            (false, true) => RenewalScene::UnsubscribeRenewalPeriod,
            (false, false) => RenewalScene::Renewal,
        };
        let effect = Effect::Renew {
            key: format!("renew {} {expire_time}", request.order_id),
            expire_time,
            product_id: request.product_id.clone(),
            // V1.0 has no separate call for it: a renewal in the freeze period unfreezes.
            unfreezes: !refunded && expire_time > self.now,
        };
        let event = Event::Renew(Renewal {
            instance_id: request.instance_id.clone(),
            order_id: request.order_id,
            order_line_id: None,
            scene,
            expire_time,
            product_id: request.product_id,
            product: None,
            period: conversions::period(request.period_type, request.period_number),
            amount_paid: request.order_amount,
            test_call: request.test_flag == TestFlag::Debug,
            fence: Fence::default(),
            completion: Completion::default(),
        });
        Ok(self.change(&request.instance_id, effect, event))
    }

    /// Personal data that cannot be decrypted do not fail an order: they are absent, or read with the other AES size.
    fn decrypt(&mut self, field: &str, text: Option<Ciphertext>) -> Result<Option<Sensitive>, CallbackError> {
        let Some(text) = text else { return Ok(None) };
        if let Ok(plain) = self.settings.v1_cipher(self.key_index)?.decrypt(&text) {
            return Ok(Some(plain));
        }
        let raw = RawField::Text(text.as_str().into());
        let key = self.settings.keys_of(Protocol::SaasV1)?.get(self.key_index);
        Ok(match FieldCipher::new(key, self.settings.encrypt_type.other()).decrypt(&text) {
            Ok(plain) => {
                self.warnings.push(FieldWarning::taken(field, FieldProblem::OtherEncryptType, &raw));
                Some(plain)
            }
            Err(_) => {
                self.warnings.push(FieldWarning::absent(field, FieldProblem::Undecryptable, &raw));
                None
            }
        })
    }

    fn is_trial(&mut self, flag: Option<&str>) -> bool {
        let Some(flag) = flag else { return false };
        let raw = RawField::Text(flag.into());
        raw.truth().unwrap_or_else(|| {
            self.warnings.push(FieldWarning::absent("trialFlag", FieldProblem::NotA("0 or 1"), &raw));
            false
        })
    }
}

/// Any number but 0 converts: besides 1 there probably is another value for pay-per-use.
fn converts_trial(flag: &str) -> Result<bool, ParseError> {
    let raw = RawField::Text(flag.into());
    let converts = raw.truth().or_else(|| Some(raw.integer::<u8>()? != 0));
    converts.ok_or_else(|| ParseError::new("trialToFormal", FieldProblem::NotA("0 or 1"), &raw))
}
