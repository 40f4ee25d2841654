//! The lives of what is bought: each step as work of its own, which may be held back while the next ones are done.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use koogallery_simulator::LifecycleError;
use tokio::task::JoinHandle;

use super::Run;
use crate::commands::scenario::plan::{Action, ORDER, Step, name_of_line};

/// A step whose call is held back.
pub struct HeldStep {
    pub step: Step,
    /// The number of the latest call before it.
    pub before: u64,
    /// The instance that it is about; none of a purchase.
    pub instance_id: Option<String>,
    pub work: JoinHandle<Lived>,
}

impl HeldStep {
    pub fn is_purchase(&self) -> bool {
        matches!(self.step.action, Action::Buy { .. })
    }
}

/// What has come of a step: names and their values, and the error if there was one.
pub struct Lived {
    pub names: Vec<(String, String)>,
    pub result: Result<(), LifecycleError>,
}

impl Run {
    pub(super) fn life(&self, action: Action) -> BoxFuture<'static, Lived> {
        let (marketplace, moves_calendar) = (self.marketplace.clone(), self.moves_calendar);
        let id = action.name().and_then(|name| self.names.get(name)).cloned().unwrap_or_default();
        let driver = marketplace.clone();
        let work = async move {
            let mut names = Vec::new();
            let result = async {
                match action {
                    Action::Buy { name, protocol, order } => {
                        let order = marketplace.place_order(order);
                        names.push((format!("{name}{ORDER}"), order.order_id.clone()));
                        for line in 0..order.spec.lines.len() {
                            let sold = marketplace.buy(protocol, &order, line).await?;
                            names.push((name_of_line(&name, line), sold.instance_id));
                        }
                    }
                    Action::Renew { period: (unit, periods), .. } => drop(marketplace.renew(&id, unit, periods).await?),
                    Action::ConvertTrial { period: (unit, periods), .. } => {
                        marketplace.convert_trial(&id, unit, periods).await?;
                    }
                    Action::CancelRenewal { .. } => drop(marketplace.cancel_renewal(&id).await?),
                    Action::Upgrade { line, .. } => drop(marketplace.upgrade(&id, line).await?),
                    Action::Freeze { .. } => drop(marketplace.freeze(&id).await?),
                    Action::Unfreeze { .. } => drop(marketplace.unfreeze(&id).await?),
                    Action::Release { .. } => drop(marketplace.release(&id).await?),
                    Action::Query { .. } => drop(marketplace.query(&id).await?),
                    Action::Apply { .. } => drop(marketplace.apply_for_license(&id).await?),
                    _ => {}
                }
                Ok(())
            };
            let result = result.await;
            Lived { names, result }
        };
        match moves_calendar {
            true => async move { driver.without_waiting(work).await }.boxed(),
            false => work.boxed(),
        }
    }
}
