//! Letting the customers' users in: `/login` sends them to the marketplace, `/sso` takes them back.

use std::collections::HashMap;
use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use koogallery::login::{Identity, Login, LoginError, OAuthCallback};
use koogallery::random::{self, OsRandom};

/// Logged-in users by session. A real server keeps this where its replicas share it, and lets sessions end.
#[derive(Clone)]
struct Sso {
    login: Arc<Login>,
    sessions: Arc<Mutex<HashMap<String, Identity>>>,
}

pub fn router(login: Login) -> Router {
    let sso = Sso { login: Arc::new(login), sessions: Arc::default() };
    Router::new().route("/login", get(begin)).route("/sso", get(complete)).with_state(sso)
}

async fn begin(State(sso): State<Sso>) -> Response {
    (StatusCode::FOUND, [(LOCATION, sso.login.url())]).into_response()
}

async fn complete(State(sso): State<Sso>, RawQuery(query): RawQuery) -> Response {
    let callback = query.unwrap_or_default().parse::<OAuthCallback>();
    let identity = match callback {
        Ok(callback) => sso.login.complete(callback).await,
        Err(error) => Err(error),
    };
    match identity {
        Ok(identity) => sso.open_session(identity),
        Err(error) => refused(&error),
    }
}

impl Sso {
    fn open_session(&self, identity: Identity) -> Response {
        let Ok(session) = random::hex(&OsRandom) else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        // The page must show who is logged in: nothing binds this login to the browser that began it.
        let greeting = format!("Hello {} of {}", identity.user.user_name.expose(), identity.tenant_id);
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(session.clone(), identity);
        // The workbench shows the application in a frame of its own, so the cookie has to cross sites.
        let cookie = format!("session={session}; HttpOnly; Secure; SameSite=None; Path=/");
        let headers: [(HeaderName, String); 1] = [(SET_COOKIE, cookie)];
        (headers, greeting).into_response()
    }
}

/// The developer reads what is wrong, the user that it is.
fn refused(error: &LoginError) -> Response {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    eprintln!("login refused: {text} ({})", error.hint());
    let status = if error.is_retryable() { StatusCode::BAD_GATEWAY } else { StatusCode::FORBIDDEN };
    (status, "The login did not succeed.").into_response()
}
