//! What people and scripts do: sell, change, log in, move the clock.

use koogallery_simulator::{LifecycleError, Marketplace, OrderSpec};
use serde_json::{Value, json};

use super::action::Action;
use super::control::Control;
use super::form::Form;
use super::reply::{NotDone, Outcome, Refused};
use super::routes::unknown;
use super::view;
use crate::commands::scenario::plan::FormStep;
use crate::support::duration;
use crate::support::order_line::{self, ORDER_FIELDS};

/// Reads the form of an instance that is registered: its id, and the order behind it.
pub fn opened(form: &Form) -> Result<(&str, OrderSpec), String> {
    let instance_id = form.get("instance").ok_or("instance is missing")?;
    let mut line = form.order_line()?;
    line.mode.get_or_insert_with(|| "on-demand".to_owned());
    Ok((instance_id, line.order()?))
}

impl Control {
    /// Places an order; the seller is called in the background, which may take hours. Without a seller the order can only
    /// be queried.
    pub fn sell(&self, body: &[u8]) -> Result<Value, Refused> {
        let form = Form::parse(body, &[&["profile"], &ORDER_FIELDS[..]].concat())?;
        let Some(marketplace) = &self.marketplace else {
            if form.get("profile").is_some() {
                return Err(Refused::from(
                    "profile is for calls, and no seller is called: start with --target".to_owned(),
                ));
            }
            return Ok(view::order(&self.open_api.place_order(form.order_line()?.order()?)));
        };
        let protocol = match form.get("profile") {
            Some(name) => name.parse().map_err(|error| format!("profile: {error}"))?,
            None => *self.sold.first().ok_or_else(|| "no access key is in the environment".to_owned())?,
        };
        if !self.sold.contains(&protocol) {
            let why = format!("{} has no orders, or its key is not in the environment", protocol.id());
            return Err(why.into());
        }
        let order = marketplace.place_order(form.order_line()?.order()?);
        let mut sold = view::order(&order);
        sold["profile"] = protocol.id().into();
        let noted = self.recorder.bought(&order.order_id, protocol.id(), &form, &ORDER_FIELDS);
        let (marketplace, recorder) = (marketplace.clone(), self.recorder.clone());
        // Errors are in the log.
        tokio::spawn(async move {
            if let Err(error) = marketplace.buy_all(protocol, &order).await {
                recorder.failed(noted, &error);
            }
        });
        Ok(sold)
    }

    /// Registers an instance as if the seller had created it for an order.
    pub fn open(&self, body: &[u8]) -> Result<Value, Refused> {
        let form = Form::parse(body, &[&["instance"], &ORDER_FIELDS[..]].concat())?;
        let opened = self.open_instance(&form)?;
        self.recorder.filled_in(FormStep::Open, &form);
        Ok(opened)
    }

    pub fn open_instance(&self, form: &Form) -> Result<Value, String> {
        let (instance_id, order) = opened(form)?;
        let order = self.open_api.place_order(order);
        self.open_api.open_instance(&order, 0, instance_id);
        Ok(json!({"instanceId": instance_id, "orderId": order.order_id}))
    }

    /// Logs a user in, and returns where the login leads.
    pub fn log_in(&self, tenant_id: &str, body: &[u8]) -> Result<Outcome, Refused> {
        let form = Form::parse(body, &["user"])?;
        let user = form.get("user").ok_or_else(|| "user is missing".to_owned())?;
        let url = self.login_address(tenant_id, user).map_err(unknown)?;
        self.recorder.filled_in(FormStep::LogIn, &form.with("tenant", tenant_id));
        Ok(Outcome::Login(url))
    }

    pub fn login_address(&self, tenant_id: &str, user: &str) -> Result<String, String> {
        let is_known = self.open_api.log_in(tenant_id, user);
        let url = self.open_api.login_callback(tenant_id, user).filter(|_| is_known);
        url.ok_or_else(|| format!("tenant {tenant_id:?} has no user {user:?}"))
    }

    /// Moves the calendar forward; what becomes due is processed in the background.
    pub fn move_clock(&self, body: &[u8]) -> Result<Value, Refused> {
        let form = Form::parse(body, &["by"])?;
        let by = form.get("by").ok_or_else(|| "by is missing: a duration such as 15d".to_owned())?;
        let by = duration::parse(by).map_err(|why| format!("by: {why}"))?;
        let marketplace = self.marketplace()?;
        marketplace.advance(by);
        self.recorder.passed(form.get("by").unwrap_or_default());
        Ok(json!({"now": marketplace.now().to_compact_seconds()}))
    }

    pub async fn change(&self, instance_id: &str, what: &str, body: &[u8]) -> Result<Value, Refused> {
        let action = Action::named(what)?;
        let form = Form::parse(body, action.fields())?;
        let marketplace = self.marketplace()?;
        // The seller may answer for hours, and may refuse.
        let sold = marketplace.subscription(instance_id);
        let noted = sold.and_then(|sold| self.recorder.changed(&sold, action.name(), &form, action.fields()));
        let changed = self.changed(marketplace, instance_id, action, &form).await;
        if let Err(NotDone::Seller(error)) = &changed {
            self.recorder.failed(noted, error);
        }
        Ok(changed?)
    }

    async fn changed(
        &self,
        marketplace: &Marketplace,
        instance_id: &str,
        action: Action,
        form: &Form,
    ) -> Result<Value, NotDone> {
        let period = || order_line::period(form.get("period").unwrap_or("1 month"));
        let sold = match action {
            Action::Renew => {
                let (unit, periods) = period()?;
                marketplace.renew(instance_id, unit, periods).await?
            }
            Action::ConvertTrial => {
                let (unit, periods) = period()?;
                marketplace.convert_trial(instance_id, unit, periods).await?
            }
            Action::Upgrade => marketplace.upgrade(instance_id, form.order_line()?.line()?).await?,
            Action::CancelRenewal => marketplace.cancel_renewal(instance_id).await?,
            Action::Freeze => marketplace.freeze(instance_id).await?,
            Action::Unfreeze => marketplace.unfreeze(instance_id).await?,
            Action::Release => marketplace.release(instance_id).await?,
            Action::Query => {
                marketplace.query(instance_id).await?;
                let sold = marketplace.subscription(instance_id);
                sold.ok_or_else(|| LifecycleError::Unknown(instance_id.to_owned()))?
            }
            Action::Apply => {
                let event = marketplace.apply_for_license(instance_id).await?;
                return Ok(json!({"instanceId": instance_id, "eventId": event}));
            }
        };
        Ok(view::subscription(&self.open_api, &sold))
    }
}
