//! Logins at the authentication center.

use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::Request;
use koogallery::login::cas::{Format, Validation};
use koogallery::login::user_info::{UserInfo, UserInfoQuery};
use koogallery::login::{
    CasCallback, Cause, DirectoryError, DirectoryUser, Exchange, Login, LoginDirectory, LoginError, OAuthCallback,
    TenantLogin, authorize, cas, logout,
};
use koogallery::random::OsRandom;
use koogallery_simulator::{Operation, Tenant, User};

use super::Stage;

const CALLBACK: &str = "https://app.example.com/sso";
const SECRET: &str = "s3cr3t &+=密";

fn tenant(client_id: &str, secret: &str) -> TenantLogin {
    let login = "https://acme.idp.example.com".parse().unwrap();
    TenantLogin::new("t-5f0c", login, client_id, secret).unwrap()
}

struct Directory(TenantLogin);

impl LoginDirectory for Directory {
    fn tenant_login<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<TenantLogin>, DirectoryError>> {
        ready(Ok(Some(self.0.clone()))).boxed()
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

fn stage() -> Stage {
    let stage = Stage::new();
    let mut user = User::new("lihua", "李华 <&>");
    user.organization_code = "D002".to_owned();
    stage.open_api.put_tenant(Tenant::new("t-5f0c", "c-90af", SECRET, CALLBACK).with_user(user));
    stage
}

fn login(stage: &Stage, tenant: TenantLogin) -> Login {
    Login::new("app-77", Directory(tenant), stage.open_api.clone())
}

fn query(address: &str) -> &str {
    address.split_once('?').unwrap().1
}

fn cause(error: LoginError) -> Cause {
    match error {
        LoginError::Center { error, .. } => error.cause,
        other => panic!("{other}"),
    }
}

/// Where the browser is sent.
fn browse(stage: &Stage, url: &str) -> Option<String> {
    let response = stage.open_api.answer(Request::get(url).body(Bytes::new()).unwrap());
    let location = response.headers().get("location")?.to_str().unwrap();
    assert_eq!(response.status(), 302);
    Some(location.to_owned())
}

#[tokio::test]
async fn a_code_lets_in_once() {
    let stage = stage();
    let login = login(&stage, tenant("c-90af", SECRET));
    let callback = || stage.open_api.login_callback("t-5f0c", "lihua").unwrap();
    let address = callback();
    assert!(address.starts_with("https://app.example.com/sso?code=") && address.ends_with("&tenant=t-5f0c"));
    let identity = login.complete(query(&address).parse().unwrap()).await.unwrap();
    assert_eq!(identity.user.name.unwrap().expose(), "李华 <&>");
    assert_eq!(identity.user.organization_code.as_deref(), Some("D002"));
    let again = login.complete(query(&address).parse().unwrap()).await.unwrap_err();
    assert_eq!(cause(again), Cause::CodeRefused);

    let late = callback();
    stage.clock.advance(Duration::from_secs(301));
    assert_eq!(cause(login.complete(query(&late).parse().unwrap()).await.unwrap_err()), Cause::CodeRefused);

    let tokens = identity.tokens.unwrap();
    let who = async |token: &str| {
        let request = UserInfoQuery::new(token).to_http(&tenant("c-90af", SECRET));
        UserInfoQuery::from_http(&stage.open_api.answer(request))
            .map(|user: UserInfo| user.user_name.expose().to_owned())
    };
    assert_eq!(who(tokens.access_token.expose()).await.unwrap(), "lihua");
    assert_eq!(tokens.expires_in, Some(Duration::from_secs(7200)));
    stage.clock.advance(Duration::from_secs(7200));
    assert_eq!(who(tokens.access_token.expose()).await.unwrap_err().cause, Cause::AccessTokenRefused);
    let refresh_token = tokens.refresh_token.unwrap();
    let renewed = login.refresh("t-5f0c", refresh_token.clone()).await.unwrap();
    assert_eq!(who(renewed.access_token.expose()).await.unwrap(), "lihua");
    stage.clock.advance(Duration::from_secs(30 * 24 * 3600));
    assert_eq!(cause(login.refresh("t-5f0c", refresh_token).await.unwrap_err()), Cause::RefreshTokenRefused);
    assert!(stage.open_api.login_callback("t-5f0c", "nobody").is_none());
    let log = stage.open_api.log();
    assert_eq!((log[0].operation, log[0].about.as_str()), (Some(Operation::Token), "t-5f0c"));
    assert!(!format!("{log:?}").contains(query(&address)), "no codes in the log");
}

#[tokio::test]
async fn stale_and_undecrypted_credentials_are_distinguished() {
    let stage = stage();
    let try_with = async |client_id, secret| {
        let callback = stage.open_api.login_callback("t-5f0c", "lihua").unwrap();
        let login = login(&stage, tenant(client_id, secret));
        cause(login.complete(query(&callback).parse().unwrap()).await.unwrap_err())
    };
    assert_eq!(try_with("c-0001", SECRET).await, Cause::StaleClientId);
    assert_eq!(try_with("c-90af", "bm90IGRlY3J5cHRlZA==").await, Cause::WrongClientSecret);
    let callback = stage.open_api.login_callback("t-5f0c", "lihua").unwrap();
    let elsewhere = login(&stage, tenant("c-90af", SECRET)).with_redirect_uri("https://other.example.com/");
    let error = elsewhere.complete(query(&callback).parse().unwrap()).await.unwrap_err();
    assert_eq!(cause(error), Cause::CodeRefused, "another callback address");
}

#[tokio::test]
async fn the_browser_is_sent_back_when_it_is_logged_in() {
    let stage = stage();
    let tenant = tenant("c-90af", SECRET);
    let state = authorize::State::generate(&OsRandom).unwrap();
    let url = |address| authorize::url(&tenant, address, Some(&state));
    assert_eq!(browse(&stage, &url(CALLBACK)), None, "the login page");
    assert!(!stage.open_api.log_in("t-5f0c", "nobody"));
    assert!(stage.open_api.log_in("t-5f0c", "lihua"));
    assert_eq!(browse(&stage, &url("https://evil.example.com/sso")), None, "not registered");
    let back = browse(&stage, &url(CALLBACK)).unwrap();
    let callback = query(&back).parse::<OAuthCallback>().unwrap().expecting(&state).unwrap();
    let login = login(&stage, tenant.clone()).with_redirect_uri(CALLBACK);
    assert_eq!(login.complete(callback).await.unwrap().user.user_name.expose(), "lihua");

    let home = "https://app.example.com/?a=1";
    assert_eq!(browse(&stage, &logout::url(&tenant, Some(home))).as_deref(), Some(home));
    assert_eq!(browse(&stage, &url(CALLBACK)), None, "logged out");
}

#[tokio::test]
async fn a_ticket_lets_in_once_in_either_form() {
    let stage = stage();
    let tenant = tenant("c-90af", SECRET);
    let service = "https://app.example.com/sso?tenant=t-5f0c";
    assert_eq!(browse(&stage, &cas::login_url(&tenant, service)), None, "the login page");
    stage.open_api.log_in("t-5f0c", "lihua");
    let ticket = || browse(&stage, &cas::login_url(&tenant, service)).unwrap();
    let login = login(&stage, tenant.clone());
    let callback = ticket();
    let complete = || login.complete_cas(CasCallback::new(CALLBACK, query(&callback)).unwrap());
    let user = complete().await.unwrap().user;
    assert_eq!((user.user_name.expose(), user.name.unwrap().expose()), ("lihua", "李华 <&>"));
    assert_eq!(cause(complete().await.unwrap_err()), Cause::TicketRefused);

    let validate = |service: &str, callback: &str, format| {
        let ticket = callback.rsplit_once("ticket=").unwrap().1;
        let validation = Validation::new(service, ticket).with_format(format);
        Validation::from_http(&stage.open_api.answer(validation.to_http(&tenant)))
    };
    assert_eq!(validate(service, &ticket(), Format::Json).unwrap().role.as_deref(), Some("user"));
    for format in [Format::Json, Format::Xml] {
        let elsewhere = validate("https://app.example.com/", &ticket(), format).unwrap_err();
        assert_eq!(elsewhere.cause, Cause::TicketRefused, "given for another service");
    }
}
