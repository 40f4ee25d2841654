//! Logins against a scripted authentication center: what is asked, what is read, and who is let in.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::{Request, Response};
use koogallery::login::cas::{Format, Validation};
use koogallery::login::token::{CodeExchange, Refresh, Tokens};
use koogallery::login::user_info::{UserInfo, UserInfoQuery};
use koogallery::login::{
    AuthenticationCenter, AuthenticationCenterError, CallbackProblem, CasCallback, Cause, CenterError, DirectoryError,
    DirectoryUser, Exchange, Identity, Login, LoginDirectory, LoginError, OAuthCallback, TenantLogin, authorize,
};
use koogallery::random::OsRandom;
use koogallery::transport::{Transport, TransportError};
use proptest::prelude::*;

const TOKENS: &str =
    r#"{"access_token":"at-1","token_type":"Bearer","expires_in":7199,"scope":"get_user_info","refresh_token":"rt-1"}"#;
const USER: &str = r#"{"id":"20240305","userName":"lihua","name":"李华","email":"","mobile":"138****0000","role":"user","organizationName":"研发部","organizationCode":"D002","projectName":"示例企业","tenant":"t-5f0c"}"#;
const CAS_XML: &str = r#"<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas">
  <cas:authenticationSuccess>
    <cas:user>lihua</cas:user>
    <cas:attributes>
      <cas:isFromNewLogin>true</cas:isFromNewLogin>
      <cas:role>user</cas:role>
      <cas:organizationCode>D002</cas:organizationCode>
      <cas:name>李华 &amp; &#x41;</cas:name>
      <cas:userName>lihua</cas:userName>
      <cas:tenant>t-5f0c</cas:tenant>
    </cas:attributes>
  </cas:authenticationSuccess>
</cas:serviceResponse>"#;

type Reply = Result<Response<Bytes>, TransportError>;

/// Answers from a script, and keeps what it was sent.
#[derive(Clone, Default)]
struct Center {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    requests: Arc<Mutex<Vec<Request<Bytes>>>>,
}

impl Transport for Center {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Reply> {
        self.requests.lock().unwrap().push(request);
        let reply = self.replies.lock().unwrap().pop_front();
        ready(reply.expect("no more requests than scripted")).boxed()
    }
}

/// One tenant, with an enabled and a disabled user.
struct Directory {
    tenant: TenantLogin,
    broken: bool,
}

impl LoginDirectory for Directory {
    fn tenant_login<'a>(
        &'a self,
        tenant_id: &'a str,
        app_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<TenantLogin>, DirectoryError>> {
        // As a database that ignores the case of letters.
        let known = app_id == "app-77" && tenant_id.eq_ignore_ascii_case(&self.tenant.tenant_id);
        let answer = if self.broken { Err(DirectoryError::new("no connection")) } else { Ok(known) };
        ready(answer.map(|known| known.then(|| self.tenant.clone()))).boxed()
    }

    fn user<'a>(
        &'a self,
        tenant_id: &'a str,
        app_id: &'a str,
        user_name: &'a str,
    ) -> BoxFuture<'a, Result<Option<DirectoryUser>, DirectoryError>> {
        assert_eq!((tenant_id, app_id), ("t-5f0c", "app-77"));
        let enabled = [("lihua", true), ("wangwu", false)].into_iter().find(|(name, _)| *name == user_name);
        ready(Ok(enabled.map(|(_, enabled)| DirectoryUser::new(enabled)))).boxed()
    }
}

fn tenant() -> TenantLogin {
    let center = "https://acme.idp.example.com".parse().unwrap();
    TenantLogin::new("t-5f0c", center, "c-90af", "s3cr3t &+=").unwrap()
}

struct Stage {
    center: Center,
    login: Login,
}

fn stage(replies: impl IntoIterator<Item = Reply>) -> Stage {
    let center = Center::default();
    center.replies.lock().unwrap().extend(replies);
    let login = Login::new("app-77", Directory { tenant: tenant(), broken: false }, center.clone());
    Stage { center, login }
}

impl Stage {
    fn complete(&self, query: &str) -> Result<Identity, LoginError> {
        self.login.complete(query.parse()?).now_or_never().unwrap()
    }

    fn complete_cas(&self, query: &str) -> Result<Identity, LoginError> {
        self.login.complete_cas(CasCallback::new("https://app.example.com/sso", query)?).now_or_never().unwrap()
    }

    /// Method, address and body of what was sent.
    fn sent(&self) -> Vec<(String, String, String)> {
        let requests = self.center.requests.lock().unwrap();
        let line = |request: &Request<Bytes>| {
            let body = String::from_utf8(request.body().to_vec()).unwrap();
            (request.method().to_string(), request.uri().to_string(), body)
        };
        requests.iter().map(line).collect()
    }
}

fn response(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder().status(status).body(body.into()).unwrap()
}

fn answer(status: u16, body: &'static str) -> Reply {
    Ok(response(status, body))
}

fn user_of(name: &str, tenant: &str) -> Reply {
    Ok(response(200, USER.replace("lihua", name).replace("t-5f0c", tenant)))
}

#[test]
fn a_code_becomes_a_known_user() {
    let stage = stage([answer(200, TOKENS), answer(200, USER)]);
    let identity = stage.complete("code=z2D%2B4q&tenant=t-5f0c").unwrap();
    assert_eq!((identity.tenant_id.as_str(), identity.user.user_name.expose()), ("t-5f0c", "lihua"));
    let tokens = identity.tokens.as_ref().unwrap();
    assert_eq!(tokens.refresh_token.as_ref().unwrap().expose(), "rt-1");
    assert_eq!(tokens.expires_in, Some(Duration::from_secs(7199)));
    assert_eq!(
        stage.sent(),
        [
            (
                "POST".to_owned(),
                "https://acme.idp.example.com/api/v1/oauth2/token".to_owned(),
                "client_id=c-90af&client_secret=s3cr3t%20%26%2B%3D&code=z2D%2B4q&grant_type=authorization_code"
                    .to_owned()
            ),
            ("GET".to_owned(), "https://acme.idp.example.com/api/v1/oauth2/userinfo".to_owned(), String::new()),
        ]
    );
    let requests = stage.center.requests.lock().unwrap();
    assert_eq!(requests[0].headers()["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(requests[1].headers()["authorization"], "Bearer at-1");
    assert!(requests[1].headers()["authorization"].is_sensitive(), "not for logs");
    assert_eq!(requests[1].headers()["accept"], "application/json");

    let debug = format!("{identity:?}");
    for secret in ["at-1", "rt-1", "lihua", "李华", "138****0000"] {
        assert!(!debug.contains(secret), "{secret} in {debug}");
    }
    assert!(debug.contains("t-5f0c") && debug.contains("D002"));
}

#[test]
fn the_callback_address_is_sent_where_it_is_set() {
    let stage = stage([answer(200, TOKENS), answer(200, USER)]);
    let login = stage.login.clone().with_redirect_uri("https://app.example.com/sso");
    let callback = OAuthCallback::new("t-5f0c", "z2D4q");
    login.complete(callback).now_or_never().unwrap().unwrap();
    assert!(stage.sent()[0].2.ends_with("&redirect_uri=https%3A%2F%2Fapp.example.com%2Fsso"));
}

#[test]
fn only_stored_tenants_are_asked() {
    let stage = stage([]);
    for tenant in ["t-other", "T-5F0C", "https%3A%2F%2Fevil.example.com"] {
        let error = stage.complete(&format!("code=z2D4q&tenant={tenant}")).unwrap_err();
        assert!(matches!(error, LoginError::UnknownTenant(_)), "{error}");
        assert!(!error.is_retryable());
    }
    let error = stage.complete("code=z2D4q&tenant=t%0AERROR%20forged").unwrap_err();
    assert!(!error.to_string().contains('\n'), "a log line stays one: {error}");
    assert_eq!(stage.sent(), [], "nothing was sent anywhere");

    let another = Login::new("app-78", Directory { tenant: tenant(), broken: false }, stage.center.clone());
    let error = another.tenant("t-5f0c").now_or_never().unwrap().unwrap_err();
    assert!(matches!(error, LoginError::UnknownTenant(_)), "another application's");
    let broken = Login::new("app-77", Directory { tenant: tenant(), broken: true }, stage.center.clone());
    let error = broken.tenant("t-5f0c").now_or_never().unwrap().unwrap_err();
    assert!(matches!(error, LoginError::Directory(_)) && error.is_retryable());
}

#[test]
fn only_known_and_enabled_users_of_the_tenant_are_let_in() {
    let complete = |user: Reply| stage([answer(200, TOKENS), user]).complete("code=z2D4q&tenant=t-5f0c");
    assert!(complete(user_of("lihua", "")).is_ok(), "the tenant may be missing");
    assert!(complete(answer(200, r#"{"userName":"lihua"}"#)).is_ok());
    for (user, expected) in [
        (user_of("zhangsan", "t-5f0c"), "the user was not granted the application"),
        (user_of("LIHUA", "t-5f0c"), "the user was not granted the application"),
        (user_of("wangwu", "t-5f0c"), "the user is disabled"),
        (user_of("lihua", "t-other"), r#"named tenant "t-5f0c", and the user belongs to "t-other""#),
    ] {
        let error = complete(user).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.is_retryable() && !error.hint().is_empty());
        for name in ["zhangsan", "wangwu"] {
            assert!(!format!("{error} {error:?}").contains(name), "{error:?}");
        }
    }
    assert!(matches!(complete(user_of("wangwu", "t-5f0c")), Err(LoginError::DisabledUser { .. })));
    assert!(matches!(complete(user_of("zhangsan", "t-5f0c")), Err(LoginError::UnknownUser { .. })));
}

#[test]
fn a_refusal_ends_the_login_and_nothing_is_sent_again() {
    let refused = stage([answer(400, r#"{"error":"invalid_grant","error_description":"Invalid authorization code"}"#)]);
    let error = refused.complete("code=used&tenant=t-5f0c").unwrap_err();
    assert!(matches!(&error, LoginError::Center { error, .. } if error.cause == Cause::CodeRefused), "{error}");
    assert!(error.is_retryable(), "with a new login");

    for fault in
        [TransportError::Timeout, TransportError::Connect("refused".into()), TransportError::Broken("cut".into())]
    {
        let silent = stage([Err(fault)]);
        let error = silent.complete("code=z2D4q&tenant=t-5f0c").unwrap_err();
        assert!(matches!(error, LoginError::NoAnswer { request: "exchange code", .. }), "{error}");
        assert!(error.is_retryable());
        assert_eq!(silent.sent().len(), 1);
    }

    let silent = stage([answer(200, TOKENS), Err(TransportError::Timeout)]);
    let error = silent.complete("code=z2D4q&tenant=t-5f0c").unwrap_err();
    assert!(matches!(error, LoginError::NoAnswer { request: "user info", .. }), "{error}");
}

#[test]
fn what_the_browser_brings_is_read_strictly() {
    let problem = |query: &str| match query.parse::<OAuthCallback>() {
        Err(LoginError::Callback { parameter, problem }) => (parameter, problem),
        other => panic!("{query}: {other:?}"),
    };
    assert_eq!(problem(""), ("tenant", CallbackProblem::Missing));
    assert_eq!(problem("code=1"), ("tenant", CallbackProblem::Missing));
    assert_eq!(problem("code=&tenant=t"), ("code", CallbackProblem::Missing));
    assert_eq!(problem("code&tenant=t"), ("code", CallbackProblem::Missing));
    assert_eq!(problem("code=1&tenant=t&tenant=u"), ("tenant", CallbackProblem::Repeated));
    assert_eq!(problem("code=1&tenant=t&%63ode=2"), ("code", CallbackProblem::Repeated));
    assert_eq!(problem("code=%FF&tenant=t"), ("code", CallbackProblem::NotText));
    assert_eq!(problem(&format!("code={}&tenant=t", "x".repeat(1025))), ("code", CallbackProblem::TooLong));

    let callback: OAuthCallback = "x=1&code=a+b&&tenant=t&state=".parse().unwrap();
    assert_eq!(callback.code.expose(), "a+b", "codes hold no space");
    assert_eq!(callback.state, None);
    assert!(!format!("{callback:?}").contains("a+b"));

    let denied = "error=access_denied&error_description=no&tenant=t&code=1".parse::<OAuthCallback>().unwrap_err();
    assert!(matches!(&denied, LoginError::Denied(error) if error == "access_denied") && denied.is_retryable());
}

#[test]
fn a_state_binds_the_callback_to_the_browser() {
    let [state, other] = [(); 2].map(|()| authorize::State::generate(&OsRandom).unwrap());
    assert_ne!(state, other);
    assert!(state.as_str().len() >= 22 && state.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let query = format!("code=1&tenant=t&state={}", state.as_str());
    let callback = || query.parse::<OAuthCallback>().unwrap();
    assert!(callback().expecting(&authorize::State::from_session(state.as_str())).is_ok());
    assert!(matches!(callback().expecting(&other), Err(LoginError::StateMismatch)));
    assert!(matches!(OAuthCallback::new("t", "1").expecting(&state), Err(LoginError::StateMismatch)));

    let url = authorize::url(&tenant(), "https://app.example.com/sso?a=b", Some(&other));
    assert_eq!(
        url,
        format!(
            "https://acme.idp.example.com/api/v1/oauth2/authorize?response_type=code&client_id=c-90af\
             &redirect_uri=https%3A%2F%2Fapp.example.com%2Fsso%3Fa%3Db&scope=get_user_info&state={}",
            other.as_str()
        )
    );
    assert!(!authorize::url(&tenant(), "https://app.example.com/sso", None).contains("state"));
}

#[test]
fn the_address_of_the_center_is_normalised() {
    let read = |text: &str| text.parse::<AuthenticationCenter>().map(|center| center.to_string());
    for text in ["https://acme.idp.example.com", "acme.idp.example.com", " https://acme.idp.example.com// \n"] {
        assert_eq!(read(text).as_deref(), Ok("https://acme.idp.example.com"), "{text:?}");
    }
    assert_eq!(read("acme.example.com:8443").as_deref(), Ok("https://acme.example.com:8443"));
    for text in ["", "/", "https://", "any text", "https://a/b", "https://u@a", "https://a?b", "ftp://a"] {
        assert_eq!(read(text), Err(AuthenticationCenterError::Malformed), "{text:?}");
    }
    assert_eq!(read("http://a"), Err(AuthenticationCenterError::NotHttps));
    assert_eq!(AuthenticationCenter::insecure("http://127.0.0.1:1/").unwrap().to_string(), "http://127.0.0.1:1");

    let center = || "a".parse().unwrap();
    let empty = TenantLogin::new("t", center(), "c", "").unwrap_err();
    assert!(empty.to_string().contains("clientSecret"));
    assert!(TenantLogin::new("", center(), "c", "s").is_err() && TenantLogin::new("t", center(), "", "s").is_err());
}

fn tokens(status: u16, body: impl Into<Bytes>) -> Result<Tokens, CenterError> {
    CodeExchange::from_http(&response(status, body))
}

fn user(status: u16, body: impl Into<Bytes>) -> Result<UserInfo, CenterError> {
    UserInfoQuery::from_http(&response(status, body))
}

#[test]
fn tokens_are_read_in_all_their_forms() {
    let expires = |text: &str| {
        tokens(200, format!(r#"{{"access_token":"at","expires_in":{text}}}"#))
            .unwrap()
            .expires_in
            .map(|it| it.as_secs())
    };
    assert_eq!(expires("7200"), Some(7200));
    assert_eq!(expires(r#""7200""#), Some(7200));
    for unreadable in ["null", r#""""#, "-1", r#""soon""#] {
        assert_eq!(expires(unreadable), None, "{unreadable}");
    }
    for (text, seconds) in [("7200.0", 7200), (r#""+7.2E3""#, 7200), (r#"" 7200 ""#, 7200)] {
        assert_eq!(expires(text), Some(seconds), "{text}");
    }
    assert_eq!(tokens(200, format!("\u{feff}{TOKENS}")).unwrap(), tokens(200, TOKENS).unwrap());
    assert_eq!(user(200, format!("\u{feff}{USER}")).unwrap(), user(200, USER).unwrap());
    for odd in ["{}", "[]", "true", "5", r#""\ud800""#] {
        let odd =
            format!(r#"{{"access_token":"at","token_type":{odd},"scope":{odd},"refresh_token":{odd},"x":{odd}}}"#);
        assert_eq!(tokens(200, odd.clone()).unwrap().access_token.expose(), "at", "{odd}");
    }
    assert!(tokens(200, r#"{"access_token":"at","access_token":"another"}"#).is_err());
    assert!(tokens(200, r#"{"access_token":"","access_token":"another"}"#).is_err());
    let bare = tokens(200, r#"{"access_token":"at","refresh_token":null,"more":{}}"#).unwrap();
    assert_eq!((bare.refresh_token, bare.token_type), (None, None));

    for unusable in [
        "{}",
        r#"{"access_token":""}"#,
        r#"{"access_token":"a b"}"#,
        r#"{"access_token":"a\nb"}"#,
        r#"{"access_token":"密"}"#,
        r#"{"access_token":null}"#,
        &TOKENS[..40],
        r#"["at"]"#,
        "null",
        "",
    ] {
        let error = tokens(200, unusable.to_owned()).unwrap_err();
        assert!(matches!(error.cause, Cause::UnexpectedAnswer { .. }), "{unusable}: {error}");
        assert!(!error.is_retryable());
    }
}

#[test]
fn a_refusal_says_what_to_fix() {
    let oauth =
        |error: &str, description: &str| format!(r#"{{"error":"{error}","error_description":"{description}"}}"#);
    let html = "<html><body>403 Forbidden</body></html>".to_owned();
    for (status, body, cause, retryable) in [
        (400, oauth("invalid_grant", "Invalid authorization code"), Cause::CodeRefused, true),
        (401, oauth("invalid_client", "Client ID mismatch"), Cause::StaleClientId, false),
        (400, oauth("invalid_client", "Bad client credentials"), Cause::WrongClientSecret, false),
        (401, oauth("invalid_client", "other"), Cause::ClientRefused, false),
        (401, r#"{"error":"invalid_client"}"#.to_owned(), Cause::ClientRefused, false),
        (200, oauth("invalid_client", "Client ID mismatch"), Cause::StaleClientId, false),
        (403, html.clone(), Cause::Forbidden, false),
        (403, oauth("access_denied", ""), Cause::Forbidden, false),
        (401, html.clone(), Cause::ClientRefused, false),
        (400, oauth("invalid_request", "Redirect URI mismatch."), Cause::RequestRefused, false),
        (404, r#"{"status":404,"error":"Not Found"}"#.to_owned(), Cause::RequestRefused, false),
        (401, r#"{"status":401,"error":"Unauthorized"}"#.to_owned(), Cause::ClientRefused, false),
        (500, String::new(), Cause::Unavailable, true),
        (502, html.clone(), Cause::Unavailable, true),
        (429, html.clone(), Cause::Unavailable, true),
        (503, oauth("temporarily_unavailable", ""), Cause::Unavailable, true),
    ] {
        let error = tokens(status, body.clone()).unwrap_err();
        assert_eq!((&error.cause, error.is_retryable()), (&cause, retryable), "{status} {body}");
        assert_eq!(error.status.as_u16(), status);
        assert!(!error.to_string().contains(cause.hint()), "said once, by `hint`: {error}");
    }
    let refresh = |status, body: String| Refresh::from_http(&response(status, body)).unwrap_err().cause;
    assert_eq!(refresh(400, oauth("invalid_grant", "Invalid refresh token")), Cause::RefreshTokenRefused);
    let user = |status, body: String| user(status, body).unwrap_err().cause;
    assert_eq!(user(401, oauth("unauthorized", "Full authentication is required")), Cause::AccessTokenRefused);
    assert_eq!(user(401, oauth("invalid_token", "expired")), Cause::AccessTokenRefused);
    assert_eq!(user(401, String::new()), Cause::AccessTokenRefused);

    // A description may repeat what was sent, and a code may be anything.
    let error = tokens(400, oauth("invalid_grant", "Invalid authorization code: z2D4q")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("z2D4q"));
    assert!(error.description.unwrap().expose().ends_with("z2D4q"));
    let error = tokens(400, oauth(&format!("a\\n{}", "b".repeat(1000)), "")).unwrap_err();
    assert!(error.to_string().len() < 200 && !error.to_string().contains('\n'), "{error}");
}

#[test]
fn what_a_center_says_in_its_own_form_is_kept() {
    for (body, code) in [
        (r#"{"code":"60008","message":"no such z2D4q"}"#, "60008"),
        (r#"{"code":60008,"msg":"no such z2D4q"}"#, "60008"),
        (r#"{"error_code":"IDP.01","error_msg":"no such z2D4q"}"#, "IDP.01"),
        (r#"{"errorCode":" 7 ","errorMsg":"no such z2D4q"}"#, "7"),
        (r#"{"resultCode":"000001","resultMsg":"no such z2D4q","access_token":null}"#, "000001"),
        (r#"{"error":{"code":60008,"message":"no such z2D4q"}}"#, "60008"),
        (r#"{"error":null,"code":"60008","description":"no such z2D4q"}"#, "60008"),
    ] {
        for status in [200, 400, 404] {
            let errors = [
                tokens(status, body).unwrap_err(),
                Refresh::from_http(&response(status, body)).unwrap_err(),
                user(status, body).unwrap_err(),
                Validation::from_http(&response(status, body)).unwrap_err(),
            ];
            for error in errors {
                assert_eq!((&error.cause, error.code.as_deref()), (&Cause::RequestRefused, Some(code)), "{body}");
                assert_eq!(error.description.as_ref().unwrap().expose(), "no such z2D4q");
                assert!(error.to_string().contains(&format!("HTTP {status}, {code:?}: ")), "{error}");
                assert!(!format!("{error} {error:?}").contains("z2D4q"));
            }
        }
        let error = tokens(401, body).unwrap_err();
        assert_eq!((error.cause, error.code.as_deref()), (Cause::ClientRefused, Some(code)));
        assert_eq!(tokens(503, body).unwrap_err().cause, Cause::Unavailable);
    }
    // A member of the same name takes nothing from a success.
    let with_code = TOKENS.replacen('{', r#"{"code":0,"message":"ok","#, 1);
    assert!(tokens(200, with_code).is_ok());
    assert!(user(200, r#"{"code":"200","userName":"lihua"}"#).is_ok());
    let by_its_names = tokens(400, r#"{"error_code":"invalid_grant"}"#).unwrap_err();
    assert_eq!(by_its_names.cause, Cause::CodeRefused);
    let token = tokens(400, r#"{"code":"7a89eebee93ea9537338ce165dc98a21"}"#).unwrap_err();
    assert!(!token.to_string().contains("7a89"), "{token}");
}

#[test]
fn a_page_in_place_of_an_answer_is_named_as_such() {
    let mut page = response(200, "<!DOCTYPE html><html><body>Log in</body></html>");
    page.headers_mut().insert("content-type", "text/html; charset=utf-8".parse().unwrap());
    let expected = Cause::UnexpectedAnswer { content_type: "text/html; charset=utf-8".to_owned(), length: 47 };
    for error in [
        CodeExchange::from_http(&page).unwrap_err(),
        Refresh::from_http(&page).unwrap_err(),
        UserInfoQuery::from_http(&page).unwrap_err(),
        Validation::from_http(&page).unwrap_err(),
    ] {
        assert_eq!(error.cause, expected);
        assert!(error.to_string().contains("text/html") && !error.to_string().contains("Log in"), "{error}");
    }
    let redirect = tokens(302, "").unwrap_err();
    assert!(matches!(redirect.cause, Cause::UnexpectedAnswer { length: 0, .. }));

    let padded = |length: usize| format!("{}{}", TOKENS, " ".repeat(length - TOKENS.len()));
    assert!(tokens(200, padded(64 * 1024)).is_ok());
    let large = tokens(200, padded(64 * 1024 + 1)).unwrap_err();
    assert!(matches!(large.cause, Cause::UnexpectedAnswer { length: 65_537, .. }));
    assert!(tokens(200, "[".repeat(60_000)).is_err(), "no recursion without end");
}

#[test]
fn user_information_needs_no_more_than_a_name() {
    let full = user(200, USER).unwrap();
    assert_eq!(full.name.as_ref().unwrap().expose(), "李华");
    assert_eq!(full.email, None, "empty is absent");
    assert_eq!((full.role.as_deref(), full.organization_code.as_deref()), (Some("user"), Some("D002")));
    assert_eq!(full.tenant_id.as_deref(), Some("t-5f0c"));
    assert!(full.others.is_empty());

    let odd = r#"{"userName":["lihua"],"id":20240305,"role":["user","admin"],"name":null,"loginName":"l","x":{"y":1},"mobile":true}"#;
    let odd = user(200, odd).unwrap();
    assert_eq!(odd.user_name.expose(), "lihua");
    assert_eq!((odd.id.as_deref(), odd.role, odd.mobile), (Some("20240305"), None, None));
    assert_eq!(odd.others.keys().collect::<Vec<_>>(), ["loginName"]);

    for nobody in
        ["{}", r#"{"userName":""}"#, r#"{"userName":null,"id":"1"}"#, r#"{"userName":[["a"]]}"#, r#"["lihua"]"#]
    {
        assert!(matches!(user(200, nobody).unwrap_err().cause, Cause::UnexpectedAnswer { .. }), "{nobody}");
    }
}

#[test]
fn a_refresh_brings_new_tokens() {
    let stage = stage([answer(200, r#"{"access_token":"at-2","expires_in":"7200"}"#)]);
    let tokens = stage.login.refresh("t-5f0c", "rt/1".into()).now_or_never().unwrap().unwrap();
    assert_eq!(tokens.access_token.expose(), "at-2");
    assert_eq!(
        stage.sent()[0].2,
        "client_id=c-90af&client_secret=s3cr3t%20%26%2B%3D&grant_type=refresh_token&refresh_token=rt%2F1"
    );
}

#[test]
fn a_ticket_becomes_a_known_user() {
    let stage = stage([answer(200, CAS_XML)]);
    let identity = stage.complete_cas("tenant=t-5f0c&a=%20&ticket=ST-1").unwrap();
    assert_eq!((identity.user.user_name.expose(), &identity.tokens), ("lihua", &None));
    assert_eq!(
        stage.sent(),
        [(
            "GET".to_owned(),
            "https://acme.idp.example.com/api/v1/cas/p3/serviceValidate\
             ?service=https%3A%2F%2Fapp.example.com%2Fsso%3Ftenant%3Dt-5f0c%26a%3D%2520&ticket=ST-1&format=XML"
                .to_owned(),
            String::new()
        )]
    );
    for (query, parameter) in [("ticket=ST-1", "tenant"), ("tenant=t-5f0c", "ticket"), ("", "tenant")] {
        let error = stage.complete_cas(query).unwrap_err();
        assert!(matches!(error, LoginError::Callback { parameter: found, .. } if found == parameter), "{query}");
    }
    let twice = CasCallback::new("https://app.example.com/sso?b#c", "tenant=t&ticket=1&ticket=2").unwrap_err();
    assert!(matches!(twice, LoginError::Callback { problem: CallbackProblem::Repeated, .. }));

    let as_json = Validation::new("https://s", "ST-1").with_format(Format::Json).to_http(&tenant());
    assert!(as_json.uri().query().unwrap().ends_with("&format=JSON"));
}

fn validated(body: impl Into<Bytes>) -> Result<UserInfo, CenterError> {
    Validation::from_http(&response(200, body))
}

#[test]
fn cas_answers_in_xml_and_in_json() {
    let from_xml = validated(CAS_XML).unwrap();
    assert_eq!(from_xml.name.as_ref().unwrap().expose(), "李华 & A");
    assert_eq!(from_xml.others.keys().collect::<Vec<_>>(), ["isFromNewLogin"]);

    let json = r#"{"serviceResponse":{"authenticationSuccess":{"user":"lihua","attributes":
        {"userName":"lihua","name":["李华 & A"],"tenant":["t-5f0c"],"organizationCode":"D002","role":"user","isFromNewLogin":["true"]}}}}"#;
    assert_eq!(validated(json).unwrap(), from_xml, "lists of one are their entry");

    let declared = format!("\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", CAS_XML.replace("cas:", "c:"));
    assert_eq!(validated(declared.replace(":cas=", ":c=")).unwrap(), from_xml, "any prefix");

    let bare =
        r#"<serviceResponse><authenticationSuccess><user>lihua</user></authenticationSuccess></serviceResponse>"#;
    assert_eq!(validated(bare).unwrap().user_name.expose(), "lihua");
    assert_eq!(
        validated(r#"{"serviceResponse":{"authenticationSuccess":{"user":"lihua"},"authenticationFailure":null}}"#)
            .unwrap()
            .user_name
            .expose(),
        "lihua"
    );
    // What stands beside the user decides nothing, and two users are none.
    let with = |attributes: &str| {
        validated(format!(
            r#"{{"serviceResponse":{{"authenticationSuccess":{{"user":"lihua","attributes":{attributes}}}}}}}"#
        ))
        .map(|user| user.user_name.expose().to_owned())
        .ok()
    };
    for odd in ["[]", "{}", "null", "5", r#""""#, r#""x""#, r#"[{"role":"user"}]"#, r#""{\"role\":{}}""#] {
        assert_eq!(with(odd).as_deref(), Some("lihua"), "{odd}");
    }
    for two in [
        r#"{"userName":"lihua","userName":"admin"}"#,
        r#"{"userName":null,"userName":"admin"}"#,
        r#"{"userName":["lihua","admin"]}"#,
        r#"{"userName":{"a":"admin"}}"#,
    ] {
        assert_eq!(with(two), None, "{two}");
    }
    // A comment must not make one user out of another.
    let comment = bare.replace("lihua", "admin<!-- -->istrator");
    assert_eq!(validated(comment).unwrap().user_name.expose(), "administrator");
    let twice = CAS_XML.replace("<cas:role>user</cas:role>", "<cas:role>user</cas:role><cas:role>admin</cas:role>");
    assert_eq!(validated(twice).unwrap().role, None, "two roles are none");
}

#[test]
fn cas_failures_and_nonsense_are_distinguished() {
    let failure = |code: &str| {
        format!(
            r#"<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas"><cas:authenticationFailure code="{code}">Ticket ST-1 not recognized</cas:authenticationFailure></cas:serviceResponse>"#
        )
    };
    for (code, cause) in [
        ("INVALID_TICKET", Cause::TicketRefused),
        ("INVALID_SERVICE", Cause::TicketRefused),
        ("INTERNAL_ERROR", Cause::Unavailable),
        ("INVALID_REQUEST", Cause::RequestRefused),
        ("", Cause::RequestRefused),
    ] {
        let error = validated(failure(code)).unwrap_err();
        assert_eq!((&error.cause, error.code.as_deref()), (&cause, Some(code)));
        assert!(!format!("{error} {error:?}").contains("ST-1"));
        let json =
            format!(r#"{{"serviceResponse":{{"authenticationFailure":{{"code":"{code}","description":"x"}}}}}}"#);
        assert_eq!(validated(json).unwrap_err().cause, cause);
    }
    for odd in [r#"{"code":["INVALID_TICKET"],"description":{}}"#, "{}"] {
        let json = format!(
            r#"{{"serviceResponse":{{"authenticationSuccess":{{"user":"a"}},"authenticationFailure":{odd}}}}}"#
        );
        assert_eq!(validated(json).unwrap_err().cause, Cause::RequestRefused, "{odd}");
    }
    let both = r#"{"serviceResponse":{"authenticationSuccess":{"user":"a"},"authenticationFailure":{"code":"INVALID_TICKET"}}}"#;
    assert_eq!(validated(both).unwrap_err().cause, Cause::TicketRefused);

    let entities = format!("<!DOCTYPE r [<!ENTITY u \"lihua\">]>{}", CAS_XML.replace(">lihua<", ">&u;<"));
    let external = format!("<!DOCTYPE r SYSTEM \"file:///etc/passwd\">{CAS_XML}");
    let deep = "<a>".repeat(20_000);
    let wide = CAS_XML.replace("<cas:attributes>", &format!("<cas:attributes>{}", "<x/>".repeat(3000)));
    let nobody = CAS_XML.replace("lihua", " ");
    let another_root = CAS_XML.replace("serviceResponse", "samlResponse");
    for nonsense in
        [entities, external, deep, wide, nobody, another_root, CAS_XML[..250].to_owned(), "yes\nlihua\n".to_owned()]
    {
        let error = validated(nonsense.clone()).unwrap_err();
        assert!(matches!(error.cause, Cause::UnexpectedAnswer { .. }), "{:.60}: {error}", nonsense);
    }
    assert!(validated(vec![0xff; 100]).is_err());
    for (status, cause) in [(403, Cause::Forbidden), (500, Cause::Unavailable), (502, Cause::Unavailable)] {
        assert_eq!(
            Validation::from_http(&response(status, CAS_XML)).unwrap_err().cause,
            cause,
            "no success without 200"
        );
    }
}

/// Whatever an answer of the center looks like after somebody damaged it.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let answer = prop::sample::select(vec![TOKENS, USER, CAS_XML]);
    let damage = (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..4), 0_usize..4);
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        (answer, damage).prop_map(|(answer, (at, inserted, removed))| {
            let mut bytes = answer.as_bytes().to_vec();
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + removed);
            bytes.splice(at..end, inserted);
            bytes
        }),
    ]
}

proptest! {
    #[test]
    fn every_answer_is_read_or_refused(status in 200_u16..600, body in damaged()) {
        let response = response(status, body);
        let texts = [
            CodeExchange::from_http(&response).err().map(|error| error.to_string()),
            UserInfoQuery::from_http(&response).err().map(|error| error.to_string()),
            Validation::from_http(&response).err().map(|error| error.to_string()),
        ];
        prop_assert!(status < 300 || texts.iter().all(Option::is_some), "only 2xx is a success");
        prop_assert!(texts.iter().flatten().all(|text| text.len() < 1000 && !text.contains('\n')));
    }

    #[test]
    fn every_query_is_read_or_refused(query in ".{0,60}", name in "code|tenant|ticket", value in "[a-zA-Z0-9%+&=_.-]{0,40}") {
        for query in [query, format!("{name}={value}&tenant=t&code=c")] {
            if let Ok(callback) = query.parse::<OAuthCallback>() {
                prop_assert!(!callback.code.expose().is_empty() && !callback.tenant_id.is_empty());
            }
            if let Ok(callback) = CasCallback::new("https://app.example.com/sso", &query) {
                prop_assert!(callback.service.starts_with("https://app.example.com/sso?"));
                prop_assert!(!callback.service.contains("?ticket=") && !callback.service.contains("&ticket="));
            }
        }
    }
}
