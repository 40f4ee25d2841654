//! The marketplace's other side: open APIs that the seller calls, and the authentication centre of one enterprise.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Form, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub const CLIENT_ID: &str = "client-1";
pub const CLIENT_SECRET: &str = "what only the application and its centre know";

/// What the desk has seen.
#[derive(Clone, Default)]
pub struct Desk {
    licenses: Arc<Mutex<HashMap<String, String>>>,
    used_codes: Arc<Mutex<Vec<String>>>,
}

impl Desk {
    /// Answers on a free port of its own.
    pub async fn open(&self) -> std::io::Result<SocketAddr> {
        let router = Router::new()
            .route("/api/mkp-openapi-public/global/v1/order/query", get(order))
            .route("/api/mkp-openapi-public/global/v1/market-event/{event}/file", post(upload))
            .route("/api/v1/oauth2/token", post(token))
            .route("/api/v1/oauth2/userinfo", get(user_info))
            .with_state(self.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(address)
    }

    /// The License that was delivered for an event.
    pub fn license(&self, event_id: &str) -> Option<String> {
        self.licenses.lock().unwrap_or_else(PoisonError::into_inner).get(event_id).cloned()
    }
}

async fn order(Query(query): Query<HashMap<String, String>>) -> Json<Value> {
    let (order, line) = (&query["orderId"], &query["orderLineId"]);
    Json(json!({"resultCode": "MKT.0000", "resultMsg": "Success", "orderInfo": {
        "orderId": order, "orderType": "NEW", "createTime": "20251121000000",
        "orderLine": [{"orderLineId": line, "chargingMode": "PERIOD", "periodType": "year", "periodNumber": 1,
            "productInfo": [{"productId": "OFFI01", "skuCode": "sku-1", "linearValue": 50}],
            "currency": "100", "currencyAfterDiscount": "90"}],
        "buyerInfo": {"customerId": "customer-1", "customerName": "buyer"}}}))
}

async fn upload(State(desk): State<Desk>, Path(event): Path<String>, body: String) -> Json<Value> {
    let license = body.split(r#""characters":""#).nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
    desk.licenses.lock().unwrap_or_else(PoisonError::into_inner).insert(event, license.to_owned());
    Json(json!({"error_code": "CBC.0000", "error_msg": "Success"}))
}

/// A code works once, for the client that it was given to.
async fn token(
    State(desk): State<Desk>,
    Form(form): Form<HashMap<String, String>>,
) -> Result<Json<Value>, (StatusCode, Json<Value>)> {
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let refused = |error, description| {
        Err((StatusCode::BAD_REQUEST, Json(json!({"error": error, "error_description": description}))))
    };
    if (field("client_id"), field("client_secret")) != (CLIENT_ID, CLIENT_SECRET) {
        return refused("invalid_client", "Bad client credentials");
    }
    let mut used = desk.used_codes.lock().unwrap_or_else(PoisonError::into_inner);
    if used.iter().any(|code| code == field("code")) {
        return refused("invalid_grant", "Invalid authorization code");
    }
    used.push(field("code").to_owned());
    let token = format!("token-of-{}", field("code"));
    Ok(Json(json!({"access_token": token, "token_type": "Bearer", "expires_in": 7199, "scope": "get_user_info"})))
}

/// The code names the user, which is good enough for a desk.
async fn user_info(headers: HeaderMap) -> Json<Value> {
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let user = token.rsplit('-').next().unwrap_or_default();
    Json(json!({"userName": user, "name": user, "tenant": "tenant-1", "role": "user"}))
}
