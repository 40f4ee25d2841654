//! A look into the seller's data, so that effects can be checked and not only answers.

use std::future::Future;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::Value;

use super::http_target::{HttpTarget, TargetUrlError, get};
use koogallery::ledger::{Ledger, licenses_of, subscriptions_of};
use koogallery::tenant::TenantName;

/// Lists the seller's instances.
///
/// The form of the list is that of the example server's `/admin/instances`: a JSON array of objects with `instanceId`,
/// `orderId`, `orderLineId`, `productId`, `state` (`active`, `frozen`, `released`, in any letter case), `expireTime`
/// (`yyyyMMddHHmmss`, UTC) and `handlerRuns`. All but the first two are optional; `orderId` is `null` for instances that no
/// order created. Duplicates are found by it, so a list without it is an error, which is better than a check that finds
/// nothing. A released instance may stay in the list or be gone from it.
///
/// A list that cannot be read at the beginning ends the run with [`CheckError::Probe`](crate::CheckError::Probe); one that
/// becomes unreadable during the run fails the checks that need it.
pub trait Probe: Send + Sync + 'static {
    /// Returns all instances.
    ///
    /// # Errors
    ///
    /// The list is not available.
    fn instances(&self) -> impl Future<Output = Result<Vec<ProbedInstance>, ProbeError>> + Send;
}

/// An instance in the seller's data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ProbedInstance {
    /// Its id.
    pub instance_id: String,
    /// The order that created it.
    pub order_id: String,
    /// The order line that created it.
    pub order_line_id: Option<String>,
    /// The product, if known.
    pub product_id: Option<String>,
    /// `active`, `frozen`, `released`, or a state of the seller's own; checks compare with these three, in any letter case.
    pub state: Option<String>,
    /// `yyyyMMddHHmmss` or with milliseconds, in UTC.
    pub expire_time: Option<String>,
    /// Number of times that the seller's own code ran for it.
    pub handler_runs: Option<u32>,
}

/// Reason why the instances cannot be listed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the seller's instances cannot be listed: {0}")]
pub struct ProbeError(String);

impl ProbeError {
    /// Creates an error, for custom probes.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// Lists the instances that a URL returns as JSON.
#[derive(Clone, Debug)]
pub struct HttpProbe(HttpTarget);

impl HttpProbe {
    /// Creates a probe of a URL, such as `http://127.0.0.1:8080/admin/instances`.
    ///
    /// # Errors
    ///
    /// As for [`HttpTarget::new`].
    pub fn new(url: &str) -> Result<Self, TargetUrlError> {
        HttpTarget::new(url).map(Self)
    }
}

/// Creates a probe of a target's URL, with the same trusted certificates.
impl From<HttpTarget> for HttpProbe {
    fn from(target: HttpTarget) -> Self {
        Self(target)
    }
}

impl Probe for HttpProbe {
    async fn instances(&self) -> Result<Vec<ProbedInstance>, ProbeError> {
        let answer = get(&self.0).await.map_err(|error| ProbeError(error.to_string()))?;
        if answer.status != 200 {
            return Err(ProbeError(format!("HTTP status {}", answer.status)));
        }
        read(&answer.body)
    }
}

/// Reads the list; every entry must name its instance and its order.
fn read(body: &[u8]) -> Result<Vec<ProbedInstance>, ProbeError> {
    let other = || ProbeError("the answer is not a JSON array of objects".to_owned());
    let Ok(Value::Array(entries)) = serde_json::from_slice(body) else { return Err(other()) };
    let mut instances = Vec::with_capacity(entries.len());
    for (number, entry) in (1..).zip(entries) {
        let Value::Object(mut members) = entry else { return Err(other()) };
        match members.get("orderId") {
            // By no order of the marketplace.
            Some(Value::Null) => drop(members.remove("orderId")),
            Some(_) => {}
            None => {
                let why = format!(
                    "entry {number} has no orderId (null where no order created the instance): without it duplicates \
                     cannot be found"
                );
                return Err(ProbeError(why));
            }
        }
        if !members.get("instanceId").is_some_and(Value::is_string) {
            return Err(ProbeError(format!("entry {number} has no instanceId, or one that is no text")));
        }
        let read = serde_json::from_value(Value::Object(members));
        instances.push(read.map_err(|error| ProbeError(format!("entry {number}: {error}")))?);
    }
    Ok(instances)
}

/// Lists the instances of subscriptions and Licenses in a [ledger](koogallery::ledger) in this process.
#[derive(Clone, Debug)]
pub struct LedgerProbe<L> {
    ledger: Arc<L>,
    tenant: Option<TenantName>,
}

impl<L: Ledger> LedgerProbe<L> {
    /// Creates a probe of a ledger.
    pub fn new(ledger: L) -> Self {
        Self { ledger: Arc::new(ledger), tenant: None }
    }

    /// Sets the [name](koogallery::callback::CallbackServiceBuilder::tenant) of the service whose instances are listed
    /// (default: none).
    #[must_use]
    pub fn with_tenant(mut self, name: TenantName) -> Self {
        self.tenant = Some(name);
        self
    }
}

/// Returns all instances of a ledger.
async fn list(ledger: &impl Ledger) -> Result<Vec<ProbedInstance>, ProbeError> {
    let mut listed: Vec<ProbedInstance> = Vec::new();
    loop {
        let after = listed.last().map(|instance| instance.instance_id.clone());
        let page = ledger.instances(after.as_deref(), 500).await.map_err(|e| ProbeError(e.to_string()))?;
        if page.is_empty() {
            return Ok(listed);
        }
        listed.extend(page.iter().map(|instance| ProbedInstance {
            instance_id: instance.instance_id.clone(),
            order_id: instance.order.order_id.clone(),
            order_line_id: instance.order.order_line_id.clone(),
            product_id: instance.product_id.clone(),
            state: Some(instance.state.as_str().to_owned()),
            expire_time: instance.expire_time.map(|time| time.to_string()),
            handler_runs: Some(instance.handler_runs),
        }));
    }
}
impl<L: Ledger> Probe for LedgerProbe<L> {
    async fn instances(&self) -> Result<Vec<ProbedInstance>, ProbeError> {
        let (ledger, tenant) = (|| Arc::clone(&self.ledger) as Arc<dyn Ledger>, self.tenant.as_ref());
        let mut listed = list(&subscriptions_of(ledger(), tenant)).await?;
        listed.extend(list(&licenses_of(ledger(), tenant)).await?);
        Ok(listed)
    }
}

impl<F, Fut> Probe for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Vec<ProbedInstance>> + Send,
{
    async fn instances(&self) -> Result<Vec<ProbedInstance>, ProbeError> {
        Ok(self().await)
    }
}

/// [`Probe`] as a trait object.
pub(super) trait ErasedProbe: Send + Sync {
    fn instances(&self) -> BoxFuture<'_, Result<Vec<ProbedInstance>, ProbeError>>;
}

impl<P: Probe> ErasedProbe for P {
    fn instances(&self) -> BoxFuture<'_, Result<Vec<ProbedInstance>, ProbeError>> {
        Probe::instances(self).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_instances_and_orders() {
        let good = br#"[{"instanceId":"i","orderId":"o","state":"ACTIVE","more":1},{"instanceId":"j","orderId":null}]"#;
        let listed = read(good).unwrap();
        assert_eq!((&*listed[0].order_id, listed[0].state.as_deref()), ("o", Some("ACTIVE")));
        assert_eq!((&*listed[1].instance_id, &*listed[1].order_id), ("j", ""));
        assert_eq!(read(b"[]"), Ok(Vec::new()));
        for (bad, why) in [
            (r#"{"resultCode":"000002"}"#, "not a JSON array"),
            ("<html>", "not a JSON array"),
            ("[1]", "not a JSON array"),
            (r#"[{"instanceId":"i","orderId":"o"},{"instanceId":"j"}]"#, "entry 2 has no orderId"),
            (r#"[{"orderId":"o"}]"#, "entry 1 has no instanceId"),
            (r#"[{"instanceId":"i","orderId":"o","handlerRuns":"many"}]"#, "entry 1: "),
        ] {
            let error = read(bad.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }
}
