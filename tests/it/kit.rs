//! The Kit's callbacks through the service: routed, proved, handled once per call, answered in the exact form.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::directory::*;
use koogallery::callback::{CallbackService, CallbackServiceBuilder, DebugCalls, HandlerError};
use koogallery::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError};
use koogallery::clock::{Clock as _, ManualClock};
use koogallery::key::{AccessKey, AccessKeys, InterfaceType, KeyRing};
use koogallery::ledger::MemoryLedger;
use koogallery::redact::Sensitive;
use koogallery::signature::{auth_token_body, body_sign, kit_v2};
use koogallery::timestamp::CHINA;
use proptest::prelude::*;

use crate::information::{any_json, block_on};
use crate::support::{Answer, Log, NOW, Seller, key, nonce, purchase};

fn kit_key() -> AccessKey {
    AccessKey::new("kit-key-0001").unwrap()
}

/// Writes down what it receives, and fails if it should.
#[derive(Clone, Default)]
struct Notes {
    changes: Arc<Mutex<Vec<Change>>>,
    fails: Arc<Mutex<bool>>,
    pause: Arc<Mutex<Duration>>,
}

impl Notes {
    async fn note(&self, change: Change) -> Result<(), HandlerError> {
        let pause = *self.pause.lock().unwrap();
        tokio::time::sleep(pause).await;
        self.changes.lock().unwrap().push(change);
        if *self.fails.lock().unwrap() { Err(HandlerError::failed("the disk is full")) } else { Ok(()) }
    }

    fn last(&self) -> Change {
        self.changes.lock().unwrap().last().unwrap().clone()
    }

    fn count(&self) -> usize {
        self.changes.lock().unwrap().len()
    }
}

impl DirectoryHandler for Notes {
    async fn put_tenant(&self, tenant: Tenant) -> Result<(), HandlerError> {
        self.note(Change::PutTenant(tenant)).await
    }
    async fn remove_tenant(&self, removal: TenantRemoval) -> Result<(), HandlerError> {
        self.note(Change::RemoveTenant(removal)).await
    }
    async fn put_application(&self, application: Application) -> Result<(), HandlerError> {
        self.note(Change::PutApplication(application)).await
    }
    async fn remove_application(&self, removal: ApplicationRemoval) -> Result<(), HandlerError> {
        self.note(Change::RemoveApplication(removal)).await
    }
    async fn put_users(&self, users: UsersChange) -> Result<(), HandlerError> {
        self.note(Change::PutUsers(users)).await
    }
    async fn revoke_users(&self, users: UsersRemoval) -> Result<(), HandlerError> {
        self.note(Change::RevokeUsers(users)).await
    }
    async fn remove_users(&self, users: UsersRemoval) -> Result<(), HandlerError> {
        self.note(Change::RemoveUsers(users)).await
    }
    async fn put_department(&self, change: DepartmentChange) -> Result<(), HandlerError> {
        self.note(Change::PutDepartment(change)).await
    }
    async fn remove_department(&self, removal: DepartmentRemoval) -> Result<(), HandlerError> {
        self.note(Change::RemoveDepartment(removal)).await
    }
    async fn put_departments(&self, departments: Departments) -> Result<(), HandlerError> {
        self.note(Change::PutDepartments(departments)).await
    }
}

/// Opens what begins with `sealed:`.
struct Opener;

impl ClientSecretDecryptor for Opener {
    fn decrypt(&self, ciphertext: &str) -> Result<Sensitive, ClientSecretError> {
        ciphertext.strip_prefix("sealed:").map(Sensitive::from).ok_or(ClientSecretError)
    }
}

pub struct Stage {
    pub service: CallbackService,
    notes: Notes,
    pub log: Log,
    clock: Arc<ManualClock>,
    seller: Seller,
}

impl Stage {
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub fn with(configure: impl FnOnce(CallbackServiceBuilder) -> CallbackServiceBuilder) -> Self {
        let keys = AccessKeys::new().with(InterfaceType::Basic, key()).unwrap();
        let keys = keys.with(InterfaceType::Kit, kit_key()).unwrap();
        let (notes, log, clock) = (Notes::default(), Log::default(), Arc::new(ManualClock::new(NOW)));
        let seller = Seller::default();
        let builder = CallbackService::builder(keys, TokioRuntime)
            .directory(notes.clone(), Opener)
            .subscription(seller.clone(), MemoryLedger::new())
            .clock(Arc::clone(&clock))
            .observer(log.clone());
        Self { service: configure(builder).build(), notes, log, clock, seller }
    }

    fn v2_request(&self, message: &str, body: &str, nonce: &str) -> Request<Bytes> {
        let mut request = Request::post(format!("/isv/produceAPI/v2/{message}"));
        for (name, value) in kit_v2::signed_headers(&kit_key(), nonce, self.clock.now(), body.as_bytes()) {
            request = request.header(name, value);
        }
        request.body(Bytes::from(body.to_owned())).unwrap()
    }

    pub async fn v2(&self, message: &str, body: &str) -> Answer {
        let answer = Answer::read(self.service.call(self.v2_request(message, body, &nonce())).await);
        assert_eq!(answer.body_sign, None, "the Kit's answers of V2.0 are not signed");
        answer
    }

    fn v1_request(&self, message: &str, body: &str) -> Request<Bytes> {
        let token = auth_token_body::sign(&key(), body.as_bytes()).unwrap();
        let mut request = Request::new(Bytes::from(body.to_owned()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = format!("/isv/produceAPI/{message}").parse().unwrap();
        let name = HeaderName::try_from(auth_token_body::HEADER).unwrap();
        request.headers_mut().insert(name, HeaderValue::try_from(token).unwrap());
        request
    }

    pub async fn v1(&self, message: &str, body: &str) -> Answer {
        let answer = Answer::read(self.service.call(self.v1_request(message, body)).await);
        let sign = answer.body_sign.as_deref().expect("V1.0 answers are signed, refusals too");
        assert_eq!(body_sign::verify(&KeyRing::new(key()), sign, &answer.body), Ok(()));
        answer
    }

    /// Both generations of a message, whose lists V1.0 holds in text.
    async fn both(&self, message: &str, body: &str) -> [Answer; 2] {
        let text = |list: &str| serde_json::Value::from(list).to_string();
        let mut v1_body = body.to_owned();
        for (v1_name, v2_name) in [("userList", "userList"), ("orgInfo", "orgInfoList")] {
            if let Some(begin) = body.find(&format!("\"{v2_name}\":[")) {
                let list_begin = begin + v2_name.len() + 3;
                let list_end = list_begin + body[list_begin..].find(']').unwrap() + 1;
                let list = &body[list_begin..list_end];
                v1_body = format!("{}\"{v1_name}\":{}{}", &body[..begin], text(list), &body[list_end..]);
            }
        }
        [self.v1(message, &v1_body).await, self.v2(message, body).await]
    }
}

/// A message of now, in UTC+8.
pub fn body(members: &str) -> String {
    let time = NOW.to_compact_millis_in(CHINA);
    format!(r#"{{"instanceId":"inst-1","tenantId":"t-1",{members},"testFlag":0,"timeStamp":"{time}"}}"#)
}

pub const TENANT: &str =
    r#""orderId":"CS1","tenantCode":"acme","name":"示例企业","domainName":"https://acme.example.com","flag":1"#;
pub const APPLICATION: &str = r#""appId":"app-1","clientId":"c-1","clientSecret":"sealed:s3cret","flag":1"#;

fn users(flag: u8) -> String {
    body(&format!(
        r#""appId":"app-1","userList":[{{"userName":"lihua","name":"李华","orgCode":"D1","role":"admin","enable":"true"}}],"currentSyncTime":"20250102110405678","flag":{flag}"#
    ))
}

#[tokio::test]
async fn both_generations_tell_the_same() {
    let stage = Stage::new();
    let department = |flag: u8| body(&format!(r#""orgCode":"D2","orgName":"研发","parentCode":"D1","flag":{flag}"#));
    let all = body(
        r#""orgInfoList":[{"orgCode":"D1","orgName":"总部"},{"orgCode":"D2","orgName":"研发","parentCode":"D1"}]"#,
    );
    let removal = |members: &str| body(&members.replace("\"flag\":1", "\"flag\":0"));
    for (message, sent, reported) in [
        ("tenantSync", body(TENANT), "PutTenant"),
        ("tenantSync", body(&TENANT.replace("\"flag\":1", "\"flag\":2")), "PutTenant"),
        ("tenantSync", removal(TENANT), "RemoveTenant"),
        ("applicationSync", body(APPLICATION), "PutApplication"),
        ("applicationSync", removal(APPLICATION), "RemoveApplication"),
        ("authSync", users(1), "PutUsers"),
        ("authSync", users(2), "PutUsers"),
        ("authSync", users(3), "RevokeUsers"),
        ("authSync", users(0), "RemoveUsers"),
        ("singleOrgSync", department(1), "PutDepartment"),
        ("singleOrgSync", department(0), "RemoveDepartment"),
        ("allOrgSync", all, "PutDepartments"),
    ] {
        let before = stage.notes.count();
        for answer in stage.both(message, &sent).await {
            assert_eq!((answer.code.as_str(), answer.json.as_object().unwrap().len()), ("000000", 2), "{sent}");
        }
        let changes = stage.notes.changes.lock().unwrap()[before..].to_vec();
        assert_eq!(changes[0], changes[1], "{message}");
        assert!(format!("{:?}", changes[0]).starts_with(reported), "{:?}", changes[0]);
        let meta = changes[0].meta();
        assert_eq!((meta.tenant_id.as_str(), meta.instance_id.as_deref()), ("t-1", Some("inst-1")));
        assert_eq!((meta.sent_at, meta.test_call), (NOW, false));
    }
}

#[tokio::test]
async fn the_client_secret_is_given_decrypted_and_as_received_and_never_printed() {
    let stage = Stage::new();
    stage.v2("applicationSync", &body(APPLICATION)).await;
    let Change::PutApplication(application) = stage.notes.last() else { panic!() };
    assert_eq!(application.client_secret.plain.expose(), "s3cret");
    assert_eq!(application.client_secret.encrypted.expose(), "sealed:s3cret");
    assert!(!format!("{application:?}").contains("s3cret"));

    let damaged = stage.v2("applicationSync", &body(&APPLICATION.replace("sealed:", "damaged"))).await;
    assert_eq!(damaged.code, "000002");
    assert!(stage.log.last().contains("clientSecret") && !stage.log.last().contains("s3cret"), "{}", stage.log.last());
    let missing = body(&APPLICATION.replace(r#""clientSecret":"sealed:s3cret","#, ""));
    assert_eq!(stage.v2("applicationSync", &missing).await.code, "000002");
    assert_eq!(stage.notes.count(), 1);
    // A deletion needs no secret.
    let deletion = missing.replace("\"flag\":1", "\"flag\":0");
    assert_eq!(stage.v2("applicationSync", &deletion).await.code, "000000");
}

#[tokio::test]
async fn a_call_of_the_credential_application_is_kept() {
    let stage = Stage::new();
    for instance in [r#""instanceId":"","#, r#""instanceId":null,"#, ""] {
        for flag in [0, 1] {
            let sent = body(TENANT)
                .replace(r#""instanceId":"inst-1","#, instance)
                .replace(r#""testFlag":0"#, &format!(r#""testFlag":{flag}"#));
            let before = stage.notes.count();
            assert_eq!(stage.v2("tenantSync", &sent).await.code, "000000");
            assert_eq!(stage.notes.count(), before + 1, "the test account logs in with it");
            assert_eq!(stage.notes.last().meta().instance_id, None);
            assert_eq!(stage.notes.last().meta().test_call, flag == 1);
        }
    }
}

#[tokio::test]
async fn a_debug_call_for_an_instance_is_answered_and_not_handled() {
    let debug = body(APPLICATION).replace(r#""testFlag":0"#, r#""testFlag":1"#);
    let stage = Stage::new();
    assert_eq!(stage.v2("applicationSync", &debug).await.code, "000000");
    assert_eq!(stage.notes.count(), 0);
    let damaged = debug.replace("sealed:", "damaged");
    assert_eq!(stage.v2("applicationSync", &damaged).await.code, "000002", "the page tests the decryption");

    let stage = Stage::with(|builder| builder.debug_calls(DebugCalls::Handle));
    stage.v2("applicationSync", &debug).await;
    assert!(stage.notes.last().meta().test_call);
}

#[tokio::test]
async fn repeats_get_the_same_answer_and_are_handled_once() {
    let stage = Stage::new();
    let send = async |request| Answer::read(stage.service.call(request).await);
    let request = || stage.v2_request("tenantSync", &body(TENANT), "one-nonce");
    let first = send(request()).await;
    assert_eq!(first.code, "000000");
    assert_eq!(send(request()).await.body, first.body);
    let other = stage.v2_request("tenantSync", &body(TENANT).replace("acme", "other"), "one-nonce");
    assert_eq!(send(other).await.code, "000002", "another body under the nonce");
    assert!(stage.log.last().contains("the nonce was used before"), "{}", stage.log.last());
    assert_eq!(stage.notes.count(), 1);
    // The nonces of the two POST protocols are apart.
    let v2_body = purchase("CS1", "b1");
    let query = koogallery::signature::callback_v2::signed_query(&key(), "one-nonce", NOW, v2_body.as_bytes());
    let bought = stage.service.call(crate::support::post_request(&query, v2_body)).await;
    assert_eq!(Answer::read(bought).code, "000000");

    let sent = body(TENANT);
    let first = stage.v1("tenantSync", &sent).await;
    let again = stage.v1("tenantSync", &sent).await;
    assert_eq!((first.code.as_str(), first.body), ("000000", again.body));
    assert_eq!(stage.notes.count(), 2);
}

#[tokio::test]
async fn a_failed_change_may_be_tried_again_with_the_same_bytes() {
    let stage = Stage::new();
    *stage.notes.fails.lock().unwrap() = true;
    let send = async || {
        let request = stage.v2_request("tenantSync", &body(TENANT), "one-nonce");
        Answer::read(stage.service.call(request).await).code
    };
    assert_eq!(send().await, "000005");
    *stage.notes.fails.lock().unwrap() = false;
    for _ in 0..2 {
        assert_eq!(send().await, "000000");
    }
    assert_eq!(stage.notes.count(), 2);
}

#[tokio::test]
async fn a_failure_is_not_final() {
    let stage = Stage::new();
    *stage.notes.fails.lock().unwrap() = true;
    for answer in stage.both("tenantSync", &body(TENANT)).await {
        assert_eq!(answer.code, "000005");
        assert!(!answer.json.to_string().contains("disk"));
    }
    *stage.notes.fails.lock().unwrap() = false;
    for answer in stage.both("tenantSync", &body(TENANT)).await {
        assert_eq!(answer.code, "000000", "the same V1.0 call again");
    }
}

#[tokio::test]
async fn what_is_not_proved_is_refused_as_the_documents_say() {
    let stage = Stage::new();
    let (good, headers) = (body(TENANT), ["x-sign", "x-timestamp", "x-nonce"]);
    for (missing, code) in headers.iter().zip(["000001", "000002", "000002"]) {
        let mut request = stage.v2_request("tenantSync", &good, &nonce());
        request.headers_mut().remove(*missing);
        assert_eq!(Answer::read(stage.service.call(request).await).code, code, "{missing}");
    }
    let mut old = stage.v2_request("tenantSync", &good, &nonce());
    stage.clock.advance(Duration::from_secs(61));
    assert_eq!(Answer::read(stage.service.call(old).await).code, "000002");
    stage.clock.set(NOW);

    // Signed with the basic key, or sent to another generation's path.
    old = stage.v2_request("tenantSync", &good, &nonce());
    let signed = kit_v2::signed_headers(&key(), "n", NOW, good.as_bytes());
    for (name, value) in signed {
        old.headers_mut().insert(name, HeaderValue::try_from(value).unwrap());
    }
    assert_eq!(Answer::read(stage.service.call(old).await).code, "000001");
    let mut other = stage.v2_request("tenantSync", &good, &nonce());
    *other.uri_mut() = "/isv/produceAPI/tenantSync".parse().unwrap();
    assert_eq!(Answer::read(stage.service.call(other).await).code, "000001");
    let mut other = stage.v1_request("tenantSync", &good);
    *other.uri_mut() = "/isv/produceAPI/v2/tenantSync".parse().unwrap();
    assert_eq!(Answer::read(stage.service.call(other).await).code, "000002", "the first header is missing");
    assert_eq!(stage.notes.count(), 0);
}

#[tokio::test]
async fn no_message_is_taken_for_another_and_no_kit_call_for_a_purchase() {
    let stage = Stage::new();
    let all = body(r#""orgInfoList":[{"orgCode":"D1","orgName":"总部"}]"#);
    let bodies = [
        ("tenantSync", body(TENANT)),
        ("applicationSync", body(APPLICATION)),
        ("authSync", users(1)),
        ("singleOrgSync", body(r#""orgCode":"D2","orgName":"研发","flag":1"#)),
        ("allOrgSync", all),
    ];
    for (message, sent) in &bodies {
        for (other, _) in bodies.iter().filter(|(other, _)| other != message) {
            assert_eq!(stage.v2(other, sent).await.code, "000002", "{message} sent to {other}");
        }
        // Without the path it is a SaaS call, which has its signature elsewhere.
        let mut request = stage.v2_request(message, sent, &nonce());
        *request.uri_mut() = "/isv".parse().unwrap();
        assert_ne!(Answer::read(stage.service.call(request).await).code, "000000");
    }
    let request = stage.v2_request("tenantSync", &purchase("CS1", "b1"), &nonce());
    assert_eq!(Answer::read(stage.service.call(request).await).code, "000002");
    assert_eq!((stage.notes.count(), stage.seller.runs()), (0, 0));
}

#[tokio::test]
async fn without_key_or_handler_nothing_is_taken() {
    let keys = || AccessKeys::new().with(InterfaceType::Kit, kit_key()).unwrap();
    let clock = Arc::new(ManualClock::new(NOW));
    let bare =
        |keys| CallbackService::builder(keys, TokioRuntime).clock(Arc::clone(&clock)).observer(Log::default()).build();
    let stage = Stage::new();
    let request = || stage.v2_request("tenantSync", &body(TENANT), &nonce());
    assert_eq!(Answer::read(bare(keys()).call(request()).await).code, "000005");
    assert_eq!(Answer::read(bare(AccessKeys::new()).call(request()).await).code, "000001");
}

#[tokio::test(start_paused = true)]
async fn a_slow_directory_is_answered_in_time() {
    let stage = Stage::new();
    *stage.notes.pause.lock().unwrap() = Duration::from_secs(3600);
    let began = tokio::time::Instant::now();
    let answer = stage.v2("tenantSync", &body(TENANT)).await;
    assert_eq!((answer.code.as_str(), began.elapsed().as_secs()), ("000005", 15));
    assert!(stage.log.last().contains("15s"), "{}", stage.log.last());
}

/// A list of users whose flag adds them.
fn user_list(entries: &str) -> String {
    body(&format!(r#""appId":"app-1","userList":{entries},"flag":1"#))
}

#[tokio::test]
async fn only_a_clear_word_lets_a_user_in() {
    for (enable, is_enabled) in [
        (r#""enable":"TRUE ""#, true),
        (r#""enable":1.0"#, true),
        (r#""enable":"1e0""#, true),
        (r#""enable":true,"enable":true"#, true),
        (r#""enable":"yes""#, false),
        (r#""enable":[true]"#, false),
        (r#""enable":null"#, false),
        (r#""enable":2"#, false),
        (r#""enable":true,"enable":false"#, false),
        (r#""enable":null,"enable":true"#, false),
        (r#""enable":"\ud800""#, false),
        (r#""name":"x""#, false),
    ] {
        let stage = Stage::new();
        let answer = stage.v2("authSync", &user_list(&format!(r#"[{{"userName":"a",{enable}}}]"#))).await;
        assert_eq!(answer.code, "000000", "{enable}");
        let Change::PutUsers(users) = stage.notes.last() else { panic!() };
        assert_eq!(users.users[0].is_enabled(), is_enabled, "{enable}");
    }
}

#[tokio::test]
async fn an_entry_without_its_key_refuses_the_list_and_is_named() {
    for (entry, part) in [
        (r#"{"name":"李华"}"#, r#"[1] field "userName" is missing or empty"#),
        (r#"{"userName":"  "}"#, r#"[1] field "userName" is missing or empty (found text of 2 characters, "  ")"#),
        (r#"{"userName":null,"userName":"b"}"#, r#"[1] field "userName" stands more than once"#),
        ("null", r#"[1] field "entry" is not an object (found null)"#),
        (r#""李华""#, r#"[1] field "entry" is not an object (found text of 2 characters"#),
        (r#"{"userName":["李华"]}"#, r#"[1] field "userName" is not a string (found a list)"#),
    ] {
        let stage = Stage::new();
        let answer = stage.v2("authSync", &user_list(&format!(r#"[{{"userName":"a"}},{entry}]"#))).await;
        assert_eq!((answer.code.as_str(), stage.notes.count()), ("000002", 0), "{entry}");
        let line = stage.log.last();
        assert!(line.contains(part) && line.contains(r#"tenant "t-1""#) && !line.contains("李华"), "{line}");
    }
}

#[tokio::test]
async fn an_extension_is_read_in_every_form() {
    for extension in
        [r#"{"workPlace":"w"}"#, r#""{\"workPlace\":\"w\"}""#, r#"[{"workPlace":"w"}]"#, r#""[{\"workPlace\":\"w\"}]""#]
    {
        let stage = Stage::new();
        let entries = format!(r#"[{{"userName":"a","extension":{extension}}}]"#);
        assert_eq!(stage.v2("authSync", &user_list(&entries)).await.code, "000000");
        let Change::PutUsers(users) = stage.notes.last() else { panic!() };
        assert_eq!(users.users[0].work_place.as_deref(), Some("w"), "{extension}");
    }
}

#[tokio::test]
async fn a_deletion_is_none_without_a_readable_flag() {
    for flag in ["null", "false", r#""""#, "[0]", "-1", "0.5", "9", r#""zero""#, r#"0,"flag":1"#, r#"null,"flag":0"#] {
        for (message, key) in
            [("tenantSync", ""), ("applicationSync", r#""appId":"a","#), ("singleOrgSync", r#""orgCode":"D1","#)]
        {
            let stage = Stage::new();
            let answer = stage.v2(message, &body(&format!(r#"{key}"flag":{flag}"#))).await;
            assert_eq!((answer.code.as_str(), stage.notes.count()), ("000002", 0), "{message} {flag}");
            let line = stage.log.last();
            let names_a_field_of_an_addition = ["-1", "0.5", "9", r#""zero""#].contains(&flag);
            assert!(line.contains(r#"field "flag""#) || names_a_field_of_an_addition, "{line}");
        }
    }
}

#[tokio::test]
async fn a_deletion_of_one_thing_deletes_nothing_else_at_another_path() {
    let deletions = [
        ("tenantSync", r#""flag":0"#),
        ("applicationSync", r#""appId":"a","flag":0"#),
        ("singleOrgSync", r#""orgCode":"D1","flag":0"#),
        ("singleOrgSync", r#""orgCode":null,"orgCode":"D1","flag":0"#),
        ("authSync", r#""appId":"a","userList":[{"userName":"u"}],"flag":0"#),
        ("authSync", r#""appId":"a","userList":[],"flag":3"#),
        ("allOrgSync", r#""orgInfoList":[{"orgCode":"D1"}],"flag":0"#),
    ];
    for (meant, members) in deletions {
        for (at, _) in deletions {
            let stage = Stage::new();
            let answer = stage.v2(at, &body(members)).await;
            // One is refused at its own path too.
            let is_taken = at == meant && !members.contains("null");
            assert_eq!((answer.code == "000000", stage.notes.count() == 1), (is_taken, is_taken), "{members} at {at}");
        }
    }
}

#[tokio::test]
async fn a_list_of_odd_entries_takes_time_and_log_in_proportion() {
    let odd = r#"{"userName":"u#","name":{"李华":13800138000},"mobile":[1],"email":[],"role":{},"enable":"x"}"#;
    let bare = r#"{userName:\"u#\",   name:\"李华\", mobile:[13800138000]}"#;
    let bad = r#"{"name":"李华","mobile":"13800138000"}"#;
    for (entry, code) in [(odd, "000000"), (bare, "000000"), (bad, "000002")] {
        let mut times = Vec::new();
        for count in [1_000, 8_000] {
            let entries: Vec<_> = (0..count).map(|index| entry.replace('#', &index.to_string())).collect();
            let mut list = format!("[{}]", entries.join(","));
            if entry == bare {
                list = format!("\"{list}\"");
            }
            let stage = Stage::new();
            let text = user_list(&list);
            let begin = std::time::Instant::now();
            assert_eq!(stage.v2("authSync", &text).await.code, code);
            times.push(begin.elapsed());
            for line in stage.log.lines() {
                assert!(line.len() < 4000 && !line.contains("李华") && !line.contains("13800138000"), "{line}");
            }
        }
        // Eight times as much; a square would be sixty-four.
        assert!(times[1] < times[0] * 32 + Duration::from_millis(200), "{times:?}");
    }
}

#[tokio::test]
async fn a_list_that_is_refused_as_a_whole_is_named_in_the_log() {
    let stage = Stage::new();
    let entries = format!(r#"[{{"userName":"a","odd":{}1{}}}]"#, "[".repeat(200), "]".repeat(200));
    assert_eq!(stage.v2("authSync", &user_list(&entries)).await.code, "000002");
    let line = stage.log.last();
    assert!(line.contains(r#"Kit V2.0 authSync (instance "inst-1", tenant "t-1") answered 000002"#), "{line}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_kit_call_with_any_information_is_answered_as_without(
        message in 0..5_usize,
        which in any::<prop::sample::Index>(),
        value in any_json(),
    ) {
        let user: &[&str] = &[
            "name", "orgCode", "role", "enable", "position", "employeeCode", "mobile", "email", "employeeType",
            "workPlace", "entryDate", "extension", "odd",
        ];
        // Head, members of information, and tail of each message.
        let (message, head, members, tail) = [
            ("tenantSync", r#"{"tenantCode":"a","domainName":"https://a.example.com","flag":1,"#,
                &["name", "orderId", "timeStamp", "odd"][..], r#""tenantId":"t-1"}"#),
            ("tenantSync", r#"{"flag":0,"#, &["tenantCode", "domainName", "name", "odd"], r#""tenantId":"t-1"}"#),
            ("singleOrgSync", r#"{"orgCode":"D1","flag":2,"#,
                &["orgName", "parentCode", "timeStamp", "odd"], r#""tenantId":"t-1"}"#),
            ("authSync", r#"{"tenantId":"t-1","appId":"a","flag":1,"userList":[{"#, user, r#""userName":"u"}]}"#),
            ("allOrgSync", r#"{"tenantId":"t-1","orgInfoList":[{"#,
                &["orgName", "OrgName", "name", "parentCode", "odd"], r#""orgCode":"D1"}]}"#),
        ][message];
        let body = format!("{head}{:?}:{value},{tail}", members[which.index(members.len())]);
        let (code, count) = block_on(async {
            let stage = Stage::new();
            (stage.v2(message, &body).await.code, stage.notes.count())
        });
        prop_assert_eq!((code.as_str(), count), ("000000", 1), "{} {}", message, body);
    }
}
