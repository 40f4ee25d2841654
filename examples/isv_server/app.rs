//! The server around the shop: callbacks on every path, a health check, and a look at the instances.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::adapter::tower::Endpoint;
use koogallery::callback::CallbackService;
use koogallery::cipher::field::EncryptType;
use koogallery::key::AccessKeys;
use koogallery::ledger::{Ledger as _, SqliteLedger};
use koogallery::replay::SqliteReplayGuard;
use koogallery::sqlite::{Database, DatabaseError};
use serde_json::{Value, json};

use crate::shop::Shop;

/// A server's parts.
pub struct App {
    pub service: CallbackService,
    pub router: Router,
}

impl App {
    pub async fn new(
        keys: AccessKeys,
        encrypt_type: EncryptType,
        database: &Database,
        opening_time: Duration,
    ) -> Result<Self, DatabaseError> {
        let ledger = SqliteLedger::new(database).await?;
        let service = CallbackService::builder(keys, TokioRuntime)
            .subscription(Shop::new(database, opening_time).await?, ledger.clone())
            .replay_guard(SqliteReplayGuard::new(database).await?)
            .encrypt_type(encrypt_type)
            .build();
        let router = Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .route("/admin/instances", get(instances))
            .with_state(ledger)
            .fallback_service(Endpoint::new(service.clone()));
        Ok(Self { service, router })
    }
}

/// All instances. A real server would let nobody but its operators see this.
async fn instances(State(ledger): State<SqliteLedger>) -> Result<Json<Vec<Value>>, StatusCode> {
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = ledger.instances(after.as_deref(), 500).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        let Some(last) = page.last() else { return Ok(Json(listed)) };
        after = Some(last.instance_id.clone());
        listed.extend(page.iter().map(|instance| {
            json!({
                "instanceId": instance.instance_id,
                "orderId": instance.order.order_id,
                "orderLineId": instance.order.order_line_id,
                "productId": instance.product_id,
                "state": instance.state.as_str(),
                "expireTime": instance.expire_time,
                "handlerRuns": instance.handler_runs,
            })
        }));
    }
}
