//! The server around the shop: callbacks of every family on every path, logins, a health check, and a look at the
//! instances.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::adapter::tower::Endpoint;
use koogallery::callback::CallbackService;
use koogallery::cipher::client_secret::{OaepDecryptor, PrivateKey};
use koogallery::cipher::field::EncryptType;
use koogallery::key::{AccessKeys, InterfaceType};
use koogallery::login::{Login, StoreLogin};
use koogallery::open_api::Client;
use koogallery::transport::ReqwestTransport;
use serde_json::{Value, json};

use crate::books::Books;
use crate::database::Database;
use crate::office::Office;
use crate::shop::Shop;
use crate::sso;

/// Settings of a server.
pub struct Settings {
    pub keys: AccessKeys,
    pub encrypt_type: EncryptType,
    /// Time that opening an account takes.
    pub opening_time: Duration,
    /// Decrypt client secrets. Without any the Kit is not served, and there is no login.
    pub private_keys: Vec<PrivateKey>,
    /// Completes orders and uploads Licenses.
    pub open_api: Option<Client>,
    /// The application's id in the marketplace, for logins.
    pub app_id: String,
    /// Whether authentication centers may be addressed without TLS.
    pub allows_http: bool,
}

/// A server's parts.
pub struct App {
    pub service: CallbackService,
    pub router: Router,
}

impl App {
    pub async fn new(
        settings: Settings,
        database: &Database,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let ledger = database.ledger().await?;
        let office = Office { signing_key: "for development only".to_owned(), issuing_time: Duration::ZERO };
        let mut builder = CallbackService::builder(settings.keys, TokioRuntime)
            .subscription(Shop::new(database, settings.opening_time).await?, ledger.clone())
            .licensing(office, ledger.clone(), database.license_store().await?)
            // Both families on one address: only the key distinguishes their purchases.
            .online_license_key(InterfaceType::License)
            .orders(Books, ledger)
            .replay_guard(database.replay_guard().await?)
            .encrypt_type(settings.encrypt_type);
        if let Some(client) = settings.open_api {
            builder = builder.open_api(client);
        }
        let mut router = Router::new().route("/healthz", get(|| async { "ok" }));
        if !settings.private_keys.is_empty() {
            let decryptor = Arc::new(OaepDecryptor::new(settings.private_keys)?);
            let directory = database.directory(Arc::clone(&decryptor) as _).await?;
            builder = builder.directory(directory.clone(), decryptor);
            let directory = StoreLogin::new(directory);
            let directory = if settings.allows_http { directory.allow_http() } else { directory };
            router = router.merge(sso::router(Login::new(settings.app_id, directory, ReqwestTransport::new()?)));
        }
        let service = builder.build();
        let looks = Router::new().route("/admin/instances", get(instances)).with_state(service.clone());
        let router = router.merge(looks).fallback_service(Endpoint::new(service.clone()));
        Ok(Self { service, router })
    }
}

/// All instances. A real server would show this to its operators only.
async fn instances(State(service): State<CallbackService>) -> Result<Json<Vec<Value>>, StatusCode> {
    let mut listed = Vec::new();
    for ledger in service.ledger().into_iter().chain(service.license_ledger()) {
        let mut after = None;
        loop {
            let page = ledger.instances(after.as_deref(), 500).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
            let Some(last) = page.last() else { break };
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
    Ok(Json(listed))
}
