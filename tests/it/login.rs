//! Logins over real sockets, at a small authentication center.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use koogallery::login::{
    AuthenticationCenter, CasCallback, Cause, DirectoryError, DirectoryUser, Login, LoginDirectory, LoginError,
    TenantLogin,
};
use koogallery::transport::{ReqwestTransport, TransportError};
use serde_json::json;
use tokio::net::TcpListener;

type Parameters = Query<std::collections::HashMap<String, String>>;

/// What was used up already; codes, tickets and tokens work once or never.
#[derive(Clone, Default)]
struct Used(Arc<Mutex<HashSet<String>>>);

impl Used {
    fn first_time(&self, text: &str) -> bool {
        self.0.lock().unwrap().insert(text.to_owned())
    }
}

fn refused(error: &str, description: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": error, "error_description": description }))).into_response()
}

async fn token(State(used): State<Used>, Form(form): Form<std::collections::HashMap<String, String>>) -> Response {
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    match (field("client_id"), field("client_secret"), field("grant_type"), field("code")) {
        ("c-90af", "s3cr3t &+=密", "authorization_code", code) => match code {
            "slow" => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                StatusCode::OK.into_response()
            }
            "html" => Html("<html>the portal of the enterprise</html>").into_response(),
            code if code.starts_with("expired") || !used.first_time(code) => {
                refused("invalid_grant", "Invalid authorization code")
            }
            _ => Json(json!({ "access_token": "at-1", "expires_in": "7200", "refresh_token": "rt-1" })).into_response(),
        },
        ("c-90af", "s3cr3t &+=密", "refresh_token", _) if field("refresh_token") == "rt-1" => {
            Json(json!({ "access_token": "at-1", "expires_in": 7200 })).into_response()
        }
        ("c-90af", "s3cr3t &+=密", ..) => refused("invalid_grant", "Invalid refresh token"),
        ("c-90af", ..) => refused("invalid_client", "Bad client credentials"),
        _ => refused("invalid_client", "Client ID mismatch"),
    }
}

async fn user_info(headers: HeaderMap) -> Response {
    if headers["authorization"] == "Bearer at-1" {
        Json(json!({ "userName": "lihua", "name": "李华", "tenant": "t-5f0c" })).into_response()
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

async fn service_validate(State(used): State<Used>, Query(query): Parameters) -> String {
    let served = query["service"] == "https://app.example.com/sso?tenant=t-5f0c" && query["format"] == "XML";
    let outcome = if served && query["ticket"].starts_with("ST-") && used.first_time(&query["ticket"]) {
        "<cas:authenticationSuccess><cas:user>lihua</cas:user></cas:authenticationSuccess>"
    } else {
        "<cas:authenticationFailure code=\"INVALID_TICKET\">no such ticket</cas:authenticationFailure>"
    };
    format!("<cas:serviceResponse xmlns:cas=\"http://www.yale.edu/tp/cas\">{outcome}</cas:serviceResponse>")
}

async fn authentication_center() -> String {
    let app = Router::new()
        .route("/api/v1/oauth2/token", post(token))
        .route("/api/v1/oauth2/userinfo", get(user_info))
        .route("/api/v1/cas/p3/serviceValidate", get(service_validate))
        .with_state(Used::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// Tenants with the same users, and what is wrong with them in their ids.
struct Directory {
    url: String,
}

impl LoginDirectory for Directory {
    fn tenant_login<'a>(
        &'a self,
        tenant_id: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<TenantLogin>, DirectoryError>> {
        let (url, client_id, secret) = match tenant_id {
            "t-5f0c" => (self.url.as_str(), "c-90af", "s3cr3t &+=密"),
            "t-another" => (self.url.as_str(), "c-90af", "s3cr3t &+=密"),
            "t-ciphertext" => (self.url.as_str(), "c-90af", "bm90IGRlY3J5cHRlZA=="),
            "t-stale" => (self.url.as_str(), "c-0001", "s3cr3t &+=密"),
            "t-down" => ("http://127.0.0.1:1", "c-90af", "s3cr3t &+=密"),
            _ => return ready(Ok(None)).boxed(),
        };
        let center = AuthenticationCenter::insecure(url).map_err(DirectoryError::new);
        let tenant = center.and_then(|center| {
            TenantLogin::new(tenant_id, center, client_id, secret).map_err(DirectoryError::new).map(Some)
        });
        ready(tenant).boxed()
    }

    fn user<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        user_name: &'a str,
    ) -> BoxFuture<'a, Result<Option<DirectoryUser>, DirectoryError>> {
        ready(Ok((user_name == "lihua").then(|| DirectoryUser::new(true)))).boxed()
    }
}

async fn login() -> Login {
    let client = reqwest::Client::builder().timeout(Duration::from_millis(500)).build().unwrap();
    Login::new("app-77", Directory { url: authentication_center().await }, ReqwestTransport::with_client(client))
}

fn cause(error: LoginError) -> Cause {
    match error {
        LoginError::Center { error, .. } => error.cause,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_code_lets_in_once() {
    let login = login().await;
    let complete = |query: &str| login.complete(query.parse().unwrap());
    let identity = complete("code=z2D4q&tenant=t-5f0c").await.unwrap();
    assert_eq!(identity.user.name.unwrap().expose(), "李华");
    let refresh_token = identity.tokens.unwrap().refresh_token.unwrap();
    assert_eq!(login.refresh("t-5f0c", refresh_token).await.unwrap().refresh_token, None);

    let again = complete("code=z2D4q&tenant=t-5f0c").await.unwrap_err();
    assert!(again.is_retryable(), "with a new login");
    assert_eq!(cause(again), Cause::CodeRefused);
    assert_eq!(cause(complete("code=expired-1&tenant=t-5f0c").await.unwrap_err()), Cause::CodeRefused);
    let stale = login.refresh("t-5f0c", "rt-0".into()).await.unwrap_err();
    assert_eq!(cause(stale), Cause::RefreshTokenRefused);
}

#[tokio::test]
async fn a_ticket_lets_in_once() {
    let login = login().await;
    let callback = || CasCallback::new("https://app.example.com/sso", "tenant=t-5f0c&ticket=ST-1").unwrap();
    assert_eq!(login.complete_cas(callback()).await.unwrap().user.user_name.expose(), "lihua");
    assert_eq!(cause(login.complete_cas(callback()).await.unwrap_err()), Cause::TicketRefused);
}

#[tokio::test]
async fn wrong_tenants_are_distinguished() {
    let login = login().await;
    let complete = async |tenant: &str| {
        login.complete(format!("code=for-{tenant}&tenant={tenant}").parse().unwrap()).await.unwrap_err()
    };
    assert!(matches!(complete("t-unknown").await, LoginError::UnknownTenant(_)));
    assert!(matches!(complete("t-another").await, LoginError::TenantMismatch { .. }), "t-5f0c's center");
    assert_eq!(cause(complete("t-ciphertext").await), Cause::WrongClientSecret);
    assert_eq!(cause(complete("t-stale").await), Cause::StaleClientId);
}

#[tokio::test]
async fn a_center_that_is_down_slow_or_answers_with_a_page_ends_the_login_in_time() {
    let login = login().await;
    let complete = |query: &str| login.complete(query.parse().unwrap());
    let down = complete("code=1&tenant=t-down").await.unwrap_err();
    assert!(matches!(down, LoginError::NoAnswer { source: TransportError::Connect(_), .. }), "{down:?}");

    let begun = Instant::now();
    let slow = complete("code=slow&tenant=t-5f0c").await.unwrap_err();
    assert!(matches!(slow, LoginError::NoAnswer { source: TransportError::Timeout, .. }), "{slow:?}");
    assert!(slow.is_retryable() && begun.elapsed() < Duration::from_secs(10));

    let page = cause(complete("code=html&tenant=t-5f0c").await.unwrap_err());
    assert!(matches!(page, Cause::UnexpectedAnswer { content_type, .. } if content_type.starts_with("text/html")));
}
