//! The rules of the directory, on every engine; and logins out of it.

use std::sync::Arc;

use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue};
use koogallery::activity::Activity;
use koogallery::directory::{
    Application, ApplicationRemoval, Change, ChangeMeta, ClientSecret, Department, DepartmentChange, DepartmentRemoval,
    DepartmentSync, Departments, DirectoryStore, MemoryDirectory, Role, Tenant, TenantRemoval, User, UsersChange,
    UsersRemoval,
};
use koogallery::key::{AccessKey, KeyRing};
use koogallery::kit::v2;
use koogallery::login::{LoginDirectory as _, StoreLogin};
use koogallery::redact::Sensitive;
use koogallery::signature::{Window, kit_v2};
use koogallery::timestamp::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

const TENANT: &str = "t-5f0c";
const APP: &str = "app-77";

/// What a purchase tells of the tenant at a time; no purchase if the id is empty.
fn meta_of(instance_id: &str, millis: i64) -> ChangeMeta {
    let meta = ChangeMeta::new(TENANT, Timestamp::from_unix_millis(millis));
    if instance_id.is_empty() { meta } else { meta.with_instance(instance_id) }
}

fn bind(meta: ChangeMeta, domain_name: &str) -> Change {
    Change::PutTenant(Tenant::new(meta, "acme", "示例企业", domain_name))
}

fn unbind(meta: ChangeMeta) -> Change {
    Change::RemoveTenant(TenantRemoval::new(meta))
}

fn client(meta: ChangeMeta, client_id: &str) -> Change {
    Change::PutApplication(Application::new(meta, APP, client_id, sealed("s3cr3t")))
}

fn person(user_name: &str, name: &str) -> User {
    User::new(user_name, name, "D001", Role::User)
}

fn grant(meta: ChangeMeta, user_name: &str, name: &str) -> Change {
    Change::PutUsers(UsersChange::new(meta, APP, vec![person(user_name, name)]))
}

fn names(user_names: &[&str]) -> Vec<Sensitive> {
    user_names.iter().map(|name| Sensitive::from(*name)).collect()
}

fn revoke(meta: ChangeMeta, user_name: &str) -> Change {
    Change::RevokeUsers(UsersRemoval::new(meta, APP, names(&[user_name])))
}

fn remove(meta: ChangeMeta, user_name: &str) -> Change {
    Change::RemoveUsers(UsersRemoval::new(meta, APP, names(&[user_name])))
}

fn department(org_code: &str, parent_code: &str) -> Department {
    let mut department = Department::new(org_code, format!("Department {org_code}"));
    department.parent_code = Some(parent_code.to_owned()).filter(|code| !code.is_empty());
    department
}

fn department_change(meta: ChangeMeta, org_code: &str) -> Change {
    Change::PutDepartment(DepartmentChange::new(meta, department(org_code, "")))
}

fn department_list(meta: ChangeMeta, org_codes: &[&str]) -> Change {
    Change::PutDepartments(Departments::new(meta, org_codes.iter().map(|code| department(code, "")).collect()))
}

/// Encrypted with the cipher of these tests: backwards.
fn sealed(plain: &str) -> ClientSecret {
    ClientSecret::new(plain, format!("sealed:{}", plain.chars().rev().collect::<String>()))
}

/// Runs a check on every engine.
async fn each(check: impl AsyncFn(&dyn DirectoryStore)) {
    each_with(DepartmentSync::default(), check).await;
}

async fn each_with(list: DepartmentSync, check: impl AsyncFn(&dyn DirectoryStore)) {
    check(&MemoryDirectory::new().with_department_sync(list)).await;
    #[cfg(feature = "sqlite")]
    check(&sqlite::open(":memory:").await.with_department_sync(list)).await;
}

async fn apply(store: &dyn DirectoryStore, changes: impl IntoIterator<Item = Change>) {
    for change in changes {
        store.apply(change).await.unwrap();
    }
}

/// The person's name of a user who may use the application.
async fn user(store: &dyn DirectoryStore, user_name: &str) -> Option<String> {
    let user = store.user(TENANT, APP, user_name).await.unwrap();
    user.and_then(|user| user.name).map(|name| name.expose().to_owned())
}

async fn user_names(store: &dyn DirectoryStore, after: Option<&str>, limit: usize) -> Vec<String> {
    let users = store.users(TENANT, APP, after, limit).await.unwrap();
    users.iter().map(|user| user.user_name.expose().to_owned()).collect()
}

async fn org_codes(store: &dyn DirectoryStore, after: Option<&str>, limit: usize) -> Vec<String> {
    let departments = store.departments(TENANT, after, limit).await.unwrap();
    departments.into_iter().map(|department| department.org_code).collect()
}

/// UsersChange as they come off the wire, with all that no table lists.
fn users_of_a_call(list: &str) -> Vec<User> {
    let ring = KeyRing::new(AccessKey::new("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9").unwrap());
    let now = Timestamp::from_unix_millis(1_735_689_600_123);
    let body = format!(
        r#"{{"tenantId":"t","appId":"a","userList":{list},"currentSyncTime":"20250101080000123","flag":1,"timeStamp":"20250101080000123"}}"#
    );
    let headers = kit_v2::signed_headers(ring.signing_key(), "Qm7Zt2LxV9cRb4KpY6wHs8DfJ1gNu3Ea", now, body.as_bytes());
    let header = |(name, value)| (HeaderName::from_static(name), HeaderValue::try_from(value).unwrap());
    let headers: HeaderMap = headers.map(header).into_iter().collect();
    let verified = kit_v2::verify(&ring, &headers, body.as_bytes(), now, Window::default()).unwrap();
    match v2::Callback::parse(Activity::AuthSync, &verified).unwrap() {
        v2::Callback::AuthSync(request) => request.user_list.into_iter().map(User::from).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_was_sent_is_given_back_whole() {
    let users = users_of_a_call(
        r#"[{"userName":"full","name":"李华","orgCode":"D001","role":"owner","enable":"false","position":"p",
            "employeeCode":"e","mobile":"138****0000","email":"a@b","workPlace":"w","entryDate":"2022-11-9",
            "employeeType":9,"extension":{"employeeType":"2","level":7,"sets":[1.0, {"b":2,"a":null}],"note":"\u0000\"欢"},
            "crew":[ ],"flag":true,"tag":"x"},
           {"userName":"bare","name":"n","orgCode":"D","role":"admin","enable":true,"extension":"none"}]"#,
    );
    assert_eq!((users[0].extension.iter().count(), users[0].unknown.iter().count()), (3, 4));
    assert_eq!(users[1].unknown.get("extension"), Some("none"));
    each(async |store| {
        let mut tenant = Tenant::new(meta_of("inst", 1), "acme", "示例企业", "https://acme.example.com");
        tenant.order_id = Some("CS1".to_owned());
        let application = Application::new(meta_of("", 2).test_call(), APP, "c-90af", sealed("s3cr3t"));
        let mut below = department("D002", "D001");
        below.unknown.insert_text("manager", "lihua");
        apply(
            store,
            [
                Change::PutTenant(tenant.clone()),
                Change::PutApplication(application.clone()),
                Change::PutUsers(UsersChange::new(meta_of("inst", 3), APP, users.clone())),
                Change::PutDepartment(DepartmentChange::new(meta_of("inst", 4), below.clone())),
            ],
        )
        .await;
        assert_eq!(store.tenant(TENANT).await.unwrap(), Some(tenant));
        assert_eq!(store.application(TENANT, APP).await.unwrap(), Some(application));
        for user in &users {
            let found = store.user(TENANT, APP, user.user_name.expose()).await.unwrap();
            assert_eq!(found.as_ref(), Some(user));
        }
        assert_eq!(store.department(TENANT, "D002").await.unwrap(), Some(below));

        for other in ["T-5F0C", "", "t-5f0", "t-5f0c "] {
            assert_eq!(store.tenant(other).await.unwrap(), None);
            assert_eq!(store.application(other, APP).await.unwrap(), None);
            assert_eq!(store.application(TENANT, other).await.unwrap(), None);
            assert_eq!(store.user(other, APP, "full").await.unwrap(), None);
            assert_eq!(store.user(TENANT, other, "full").await.unwrap(), None);
            assert_eq!(store.user(TENANT, APP, other).await.unwrap(), None);
            assert_eq!(store.department(other, "D002").await.unwrap(), None);
            assert_eq!(store.users(TENANT, other, None, 9).await.unwrap(), []);
            assert_eq!(store.departments(other, None, 9).await.unwrap(), []);
        }
    })
    .await;
}

#[tokio::test]
async fn every_engine_keeps_the_rules() {
    koogallery::testing::directory_store(async |list| MemoryDirectory::new().with_department_sync(list)).await;
    #[cfg(feature = "sqlite")]
    koogallery::testing::directory_store(async |list| sqlite::open(":memory:").await.with_department_sync(list)).await;
}

#[test]
fn nothing_personal_shows() {
    let store = MemoryDirectory::new();
    let mut lihua = person("account-of-lihua", "name-of-lihua");
    lihua.mobile = Some("13800138000".into());
    lihua.email = Some("mail-of-lihua".into());
    lihua.extension.insert_text("idCard", "card-of-lihua");
    let changes = [
        Change::PutUsers(UsersChange::new(meta_of("", 1), APP, vec![lihua])),
        remove(meta_of("", 1), "other-account"),
        bind(meta_of("", 1), "https://idp.example.com"),
        Change::PutApplication(Application::new(
            meta_of("", 1),
            APP,
            "c",
            ClientSecret::new("plain-secret", "ciphertext"),
        )),
    ];
    for change in changes {
        let shown = format!("{change:?}");
        for secret in ["of-lihua", "13800138000", "other-account", "示例企业", "plain-secret", "ciphertext"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        store.apply(change).now_or_never().unwrap().unwrap();
    }
    assert_eq!(format!("{store:?}"), "MemoryDirectory { rows: 4, .. }");
}

#[tokio::test]
async fn a_login_needs_a_bound_tenant_a_client_and_a_center() {
    for engine in engines().await {
        let store = &*engine;
        let login = StoreLogin::new(Arc::clone(&engine));
        let find = async || login.tenant_login(TENANT, APP).await;
        apply(store, [client(meta_of("inst", 1), "c-90af"), grant(meta_of("inst", 1), "lihua", "L")]).await;
        assert_eq!(find().await.unwrap(), None, "not bound");
        apply(store, [bind(meta_of("inst", 2), "any text")]).await;
        let error = find().await.unwrap_err();
        let causes = [format!("{:?}", error), error_chain(&error)];
        assert!(causes[1].contains("the domain name \"any text\" of tenant \"t-5f0c\""), "{causes:?}");
        assert!(!causes.iter().any(|cause| cause.contains("s3cr3t")), "{causes:?}");

        apply(store, [bind(meta_of("inst", 3), "acme.idp.example.com/")]).await;
        let found = find().await.unwrap().unwrap();
        assert_eq!((found.tenant_id.as_str(), found.client_id.as_str()), (TENANT, "c-90af"));
        assert_eq!(found.center.to_string(), "https://acme.idp.example.com");
        assert_eq!(found.client_secret.expose(), "s3cr3t");
        assert_eq!(login.tenant_login(TENANT, "app-78").await.unwrap(), None);
        assert_eq!(login.tenant_login("t-other", APP).await.unwrap(), None);

        apply(store, [bind(meta_of("inst", 4), "http://127.0.0.1:8080")]).await;
        assert!(error_chain(&find().await.unwrap_err()).contains("not https"));
        let simulated = StoreLogin::new(Arc::clone(&engine)).allow_http();
        let found = simulated.tenant_login(TENANT, APP).await.unwrap().unwrap();
        assert_eq!(found.center.to_string(), "http://127.0.0.1:8080");

        // The address of a tenant is one, whichever of its purchases it was sent for; so is the client.
        apply(store, [bind(meta_of("two", 5), "moved.example.com")]).await;
        let found = find().await.unwrap().unwrap();
        assert_eq!((found.center.to_string().as_str(), &*found.client_id), ("https://moved.example.com", "c-90af"));
        apply(store, [unbind(meta_of("inst", 6))]).await;
        assert_eq!(find().await.unwrap(), None, "the client belonged to the purchase that is gone");
        assert_eq!(login.user(TENANT, APP, "lihua").await.unwrap(), None);
        apply(store, [client(meta_of("two", 7), "")]).await;
        assert!(error_chain(&find().await.unwrap_err()).contains("empty clientId"));
        apply(store, [client(meta_of("two", 7), "c-two"), unbind(meta_of("two", 8))]).await;
        assert_eq!(find().await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_login_lets_in_who_may_use_the_application() {
    for engine in engines().await {
        let login = StoreLogin::new(Arc::clone(&engine));
        let enabled =
            async |user_name: &str| login.user(TENANT, APP, user_name).await.unwrap().map(|user| user.enabled);
        let mut disabled = person("wangwu", "W");
        disabled.enable = Some(false);
        let users = vec![person("lihua", "L"), disabled, person("revoked", "R"), person("removed", "R")];
        let changes = [revoke(meta_of("", 2), "revoked"), remove(meta_of("", 2), "removed")];
        apply(&*engine, [Change::PutUsers(UsersChange::new(meta_of("", 1), APP, users))].into_iter().chain(changes))
            .await;
        assert_eq!((enabled("lihua").await, enabled("wangwu").await), (Some(true), Some(false)));
        assert_eq!((enabled("revoked").await, enabled("removed").await, enabled("LIHUA").await), (None, None, None));
    }
}

async fn engines() -> Vec<Arc<dyn DirectoryStore>> {
    vec![
        Arc::new(MemoryDirectory::new()),
        #[cfg(feature = "sqlite")]
        Arc::new(sqlite::open(":memory:").await),
    ]
}

fn error_chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// What a directory must be, computed from all changes.
mod model {
    use super::*;

    #[derive(Clone, Copy)]
    enum About<'a> {
        Tenant,
        Application(&'a str),
        User(&'a str, &'a str),
        Department(&'a str),
    }

    #[derive(Clone, Debug, PartialEq)]
    enum Value {
        Tenant(Tenant),
        Application(Application),
        User(User),
        Department(Department),
    }

    enum Event {
        Put(Box<Value>),
        Hide,
        /// Everything that was sent for the purchase before is void.
        Void,
    }

    impl Event {
        fn put(value: Value) -> Self {
            Self::Put(Box::new(value))
        }
    }

    /// What a change says about something of the purchase it concerns.
    fn events(change: &Change, about: About<'_>, list: DepartmentSync) -> Vec<Event> {
        let listed = |names: &UsersRemoval, app, name| {
            names.app_id == app && names.user_names.iter().any(|listed| listed.expose() == name)
        };
        let replaces = list == DepartmentSync::Replace;
        match (change, about) {
            (Change::PutTenant(tenant), About::Tenant) => vec![Event::put(Value::Tenant(tenant.clone()))],
            (Change::RemoveTenant(_), About::Tenant) => vec![Event::Hide],
            (Change::RemoveTenant(_), _) => vec![Event::Void],
            (Change::PutApplication(application), About::Application(app)) if application.app_id == app => {
                vec![Event::put(Value::Application(application.clone()))]
            }
            (Change::RemoveApplication(removal), About::Application(app)) if removal.app_id == app => vec![Event::Hide],
            (Change::PutUsers(users), About::User(app, name)) if users.app_id == app => {
                let found = users.users.iter().filter(|user| user.user_name.expose() == name);
                found.map(|user| Event::put(Value::User(user.clone()))).collect()
            }
            (Change::RevokeUsers(names) | Change::RemoveUsers(names), About::User(app, name))
                if listed(names, app, name) =>
            {
                vec![Event::Hide]
            }
            (Change::PutDepartment(change), About::Department(code)) if change.department.org_code == code => {
                vec![Event::put(Value::Department(change.department.clone()))]
            }
            (Change::RemoveDepartment(removal), About::Department(code)) if removal.org_code == code => {
                vec![Event::Hide]
            }
            (Change::PutDepartments(change), About::Department(code)) => {
                let found = change.departments.iter().filter(|department| department.org_code == code);
                let found = found.map(|department| Event::put(Value::Department(department.clone())));
                replaces.then_some(Event::Void).into_iter().chain(found).collect()
            }
            _ => vec![],
        }
    }

    /// Real calls and the latest first.
    type Rank = (bool, Timestamp, String);

    fn with_instance(
        log: &[Change],
        list: DepartmentSync,
        tenant_id: &str,
        instance_id: &str,
        about: About<'_>,
    ) -> Option<(Rank, Value)> {
        let mut known: Option<(&ChangeMeta, Option<Value>)> = None;
        let mut void: Option<&ChangeMeta> = None;
        let is_newer = |known: &ChangeMeta, new: &ChangeMeta| match (known.test_call, new.test_call) {
            (true, false) => true,
            (false, true) => false,
            _ => new.sent_at >= known.sent_at,
        };
        for change in log {
            let meta = change.meta();
            if meta.tenant_id != tenant_id || meta.instance_id.as_deref().unwrap_or_default() != instance_id {
                continue;
            }
            for event in events(change, about, list) {
                let value = match event {
                    Event::Void => {
                        known = known.filter(|(known, _)| !is_newer(known, meta));
                        void = Some(void.filter(|void| !is_newer(void, meta)).unwrap_or(meta));
                        continue;
                    }
                    Event::Put(value) => Some(*value),
                    Event::Hide => None,
                };
                let is_void = void.is_some_and(|void| {
                    let of_its_kind = meta.test_call || !void.test_call;
                    of_its_kind && meta.sent_at < void.sent_at
                });
                if !is_void && known.as_ref().is_none_or(|(known, _)| is_newer(known, meta)) {
                    known = Some((meta, value));
                }
            }
        }
        let (meta, value) = known?;
        Some(((!meta.test_call, meta.sent_at, instance_id.to_owned()), value?))
    }

    fn best(log: &[Change], list: DepartmentSync, tenant_id: &str, about: About<'_>) -> Option<Value> {
        let all = INSTANCES.iter().filter_map(|instance_id| with_instance(log, list, tenant_id, instance_id, about));
        let value = all.max_by(|(a, _), (b, _)| a.cmp(b)).map(|(_, value)| value);
        let no_empty_instance = |mut meta: ChangeMeta| {
            meta.instance_id = meta.instance_id.filter(|id| !id.is_empty());
            meta
        };
        value.map(|value| match value {
            Value::Tenant(mut tenant) => {
                tenant.meta = no_empty_instance(tenant.meta);
                Value::Tenant(tenant)
            }
            Value::Application(mut application) => {
                application.meta = no_empty_instance(application.meta);
                Value::Application(application)
            }
            other => other,
        })
    }

    const TENANTS: [&str; 2] = ["t", "T"];
    const INSTANCES: [&str; 3] = ["", "i", "j"];
    const APPS: [&str; 2] = ["a", "b"];
    /// In order.
    const NAMES: [&str; 4] = ["", "u", "u\0", "欢"];
    const CODES: [&str; 3] = ["D", "D1", "E"];

    /// Everything that can be asked.
    #[derive(Debug, Default, PartialEq)]
    pub(super) struct Directory {
        singles: Vec<Option<Value>>,
        users: Vec<Vec<User>>,
        departments: Vec<Vec<Department>>,
    }

    pub(super) fn expected(log: &[Change], list: DepartmentSync) -> Directory {
        let mut all = Directory::default();
        for tenant in TENANTS {
            let best = |about| best(log, list, tenant, about);
            all.singles.push(best(About::Tenant));
            for app in APPS {
                all.singles.push(best(About::Application(app)));
                let users: Vec<_> = NAMES.iter().map(|name| best(About::User(app, name))).collect();
                let listed = users.iter().flatten().map(|value| match value {
                    Value::User(user) => user.clone(),
                    other => panic!("{other:?}"),
                });
                all.users.push(listed.collect());
                all.singles.extend(users);
            }
            let departments: Vec<_> = CODES.iter().map(|code| best(About::Department(code))).collect();
            let listed = departments.iter().flatten().map(|value| match value {
                Value::Department(department) => department.clone(),
                other => panic!("{other:?}"),
            });
            all.departments.push(listed.collect());
            all.singles.extend(departments);
        }
        all
    }

    pub(super) async fn found(store: &dyn DirectoryStore) -> Directory {
        let mut all = Directory::default();
        for tenant in TENANTS {
            all.singles.push(store.tenant(tenant).await.unwrap().map(Value::Tenant));
            for app in APPS {
                all.singles.push(store.application(tenant, app).await.unwrap().map(Value::Application));
                let (mut users, mut after) = (vec![], None);
                while let [user] = &store.users(tenant, app, after.as_deref(), 1).await.unwrap()[..] {
                    after = Some(user.user_name.expose().to_owned());
                    users.push(user.clone());
                    assert!(users.len() <= NAMES.len(), "a page begins behind the one before");
                }
                assert_eq!(store.users(tenant, app, None, 9).await.unwrap(), users);
                all.users.push(users);
                for name in NAMES {
                    all.singles.push(store.user(tenant, app, name).await.unwrap().map(Value::User));
                }
            }
            all.departments.push(store.departments(tenant, None, 9).await.unwrap());
            for code in CODES {
                all.singles.push(store.department(tenant, code).await.unwrap().map(Value::Department));
            }
        }
        all
    }

    pub(super) fn any_scope(times: std::ops::Range<i64>, tests: bool) -> impl Strategy<Value = ChangeMeta> {
        let instance = prop_oneof![Just(None), select(&INSTANCES[..]).prop_map(Some)];
        let test = if tests { any::<bool>().boxed() } else { Just(false).boxed() };
        (select(&TENANTS[..]), instance, times, test).prop_map(|(tenant_id, instance_id, millis, test_call)| {
            let mut meta = ChangeMeta::new(tenant_id, Timestamp::from_unix_millis(millis));
            meta.instance_id = instance_id.map(str::to_owned);
            meta.test_call = test_call;
            meta
        })
    }

    /// A change, with a number to tell its content from that of others.
    pub(super) fn any_change(meta: impl Strategy<Value = ChangeMeta>) -> impl Strategy<Value = Change> {
        let names = prop::collection::vec(select(&NAMES[..]), 0..4);
        let codes = prop::collection::vec(select(&CODES[..]), 0..4);
        (0..10, meta, select(&APPS[..]), names, codes, any::<u8>()).prop_map(
            |(which, meta, app, names, codes, number)| {
                let text = number.to_string();
                let code = codes.first().copied().unwrap_or("D").to_owned();
                let user_names = names.iter().map(|name| Sensitive::from(*name)).collect();
                let users = names.iter().map(|name| person(name, &text)).collect();
                let department = |code: &str| Department::new(code, &*text);
                match which {
                    0 => Change::PutTenant(Tenant::new(meta, "code", "name", text)),
                    1 => Change::RemoveTenant(TenantRemoval::new(meta)),
                    2 => Change::PutApplication(Application::new(meta, app, "client", sealed(&text))),
                    3 => Change::RemoveApplication(ApplicationRemoval::new(meta, app)),
                    4 | 5 => Change::PutUsers(UsersChange::new(meta, app, users)),
                    6 => Change::RevokeUsers(UsersRemoval::new(meta, app, user_names)),
                    7 => Change::RemoveUsers(UsersRemoval::new(meta, app, user_names)),
                    8 if number % 2 == 0 => Change::PutDepartment(DepartmentChange::new(meta, department(&code))),
                    8 => Change::RemoveDepartment(DepartmentRemoval::new(meta, code)),
                    _ => {
                        let departments = codes.iter().map(|code| department(code)).collect();
                        Change::PutDepartments(Departments::new(meta, departments))
                    }
                }
            },
        )
    }
}

fn any_list() -> impl Strategy<Value = DepartmentSync> {
    select(&[DepartmentSync::Merge, DepartmentSync::Replace][..])
}

fn run(future: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(150) })]

    #[test]
    fn every_engine_keeps_the_rules_for_all_changes_in_any_number(
        changes in prop::collection::vec(model::any_change(model::any_scope(0..8, true)), 0..40),
        list in any_list(),
    ) {
        run(async {
            let expected = model::expected(&changes, list);
            let once = MemoryDirectory::new().with_department_sync(list);
            apply(&once, changes.iter().cloned()).await;
            prop_assert_eq!(&model::found(&once).await, &expected);
            let ten_times = || changes.iter().flat_map(|change| std::iter::repeat_n(change, 10)).cloned();
            let often = MemoryDirectory::new().with_department_sync(list);
            apply(&often, ten_times()).await;
            prop_assert_eq!(&model::found(&often).await, &expected);
            #[cfg(feature = "sqlite")]
            {
                let often = sqlite::open(":memory:").await.with_department_sync(list);
                apply(&often, ten_times()).await;
                prop_assert_eq!(&model::found(&often).await, &expected);
            }
            Ok(())
        })?;
    }

    #[test]
    fn real_changes_of_different_times_may_arrive_in_any_order(
        (sent, arrived) in prop::collection::vec(model::any_change(model::any_scope(0..1, false)), 0..30)
            .prop_map(|mut changes| {
                for (millis, change) in (0..).zip(&mut changes) {
                    scope_mut(change).sent_at = Timestamp::from_unix_millis(millis);
                }
                changes
            })
            .prop_flat_map(|changes| (Just(changes.clone()), Just(changes).prop_shuffle())),
        list in any_list(),
    ) {
        run(async {
            let [in_order, shuffled] = [sent, arrived].map(async |changes| {
                let store = MemoryDirectory::new().with_department_sync(list);
                apply(&store, changes).await;
                model::found(&store).await
            });
            prop_assert_eq!(in_order.await, shuffled.await);
            Ok(())
        })?;
    }
}

fn scope_mut(change: &mut Change) -> &mut ChangeMeta {
    match change {
        Change::PutTenant(change) => &mut change.meta,
        Change::RemoveTenant(change) => &mut change.meta,
        Change::PutApplication(change) => &mut change.meta,
        Change::RemoveApplication(change) => &mut change.meta,
        Change::PutUsers(change) => &mut change.meta,
        Change::RevokeUsers(change) | Change::RemoveUsers(change) => &mut change.meta,
        Change::PutDepartment(change) => &mut change.meta,
        Change::RemoveDepartment(change) => &mut change.meta,
        Change::PutDepartments(change) => &mut change.meta,
    }
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use std::path::Path;

    use koogallery::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError};
    use koogallery::directory::SqliteDirectory;
    use koogallery::sqlite::Database;

    use super::*;

    struct Backwards;

    impl ClientSecretDecryptor for Backwards {
        fn decrypt(&self, ciphertext: &str) -> Result<Sensitive, ClientSecretError> {
            let backwards = ciphertext.strip_prefix("sealed:").ok_or(ClientSecretError)?;
            Ok(backwards.chars().rev().collect::<String>().into())
        }
    }

    pub(super) async fn open(path: impl AsRef<Path>) -> SqliteDirectory {
        SqliteDirectory::new(&Database::open(path).unwrap(), Backwards).await.unwrap()
    }

    #[tokio::test]
    async fn a_restart_loses_nothing_and_secrets_are_never_in_clear() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("directory.db");
        let secret = "a-secret-that-nobody-may-read";
        let holds = |text: &str| {
            let files = std::fs::read_dir(folder.path()).unwrap();
            let bytes: Vec<u8> = files.flat_map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        };
        let before = {
            let store = open(&path).await;
            let application = Application::new(meta_of("inst", 1), APP, "c-90af", sealed(secret));
            apply(&store, [Change::PutApplication(application), bind(meta_of("inst", 1), "acme.example.com")]).await;
            apply(
                &store,
                [grant(meta_of("inst", 1), "lihua", "L"), department_list(meta_of("inst", 1), &["D1", "D2"])],
            )
            .await;
            apply(&store, [grant(meta_of("inst", 5), "gone", "G"), remove(meta_of("inst", 6), "gone")]).await;
            apply(&store, [unbind(meta_of("two", 7))]).await;
            assert!(holds("c-90af") && holds(sealed(secret).encrypted.expose()));
            assert!(!holds(secret));
            (store.application(TENANT, APP).await.unwrap(), store.tenant(TENANT).await.unwrap())
        };

        let store = open(&path).await;
        assert_eq!(format!("{store:?}"), "SqliteDirectory { department_sync: Merge, .. }");
        assert_eq!((store.application(TENANT, APP).await.unwrap(), store.tenant(TENANT).await.unwrap()), before);
        assert_eq!(before.0.unwrap().client_secret, sealed(secret));
        assert_eq!(user(&store, "lihua").await.as_deref(), Some("L"));
        assert_eq!(org_codes(&store, None, 9).await, ["D1", "D2"]);
        apply(&store, [grant(meta_of("inst", 5), "gone", "G"), grant(meta_of("two", 6), "late", "L")]).await;
        assert_eq!(user_names(&store, None, 9).await, ["lihua"], "removals are remembered");
        assert!(!holds(secret));
    }

    #[tokio::test]
    async fn a_change_that_fails_in_the_middle_changes_nothing() {
        let database = Database::open(":memory:").unwrap();
        let store = SqliteDirectory::new(&database, Backwards).await.unwrap();
        apply(&store, [grant(meta_of("", 1), "u00000", "before"), grant(meta_of("", 1), "u20000", "before")]).await;
        let fails = "CREATE TRIGGER fails BEFORE INSERT ON koogallery_user WHEN NEW.user_name = 'u30000' \
                     BEGIN SELECT RAISE(ABORT, 'no room'); END";
        database.transaction(move |transaction| transaction.execute_batch(fails)).await.unwrap();
        let users = (0..50_000).map(|n| person(&format!("u{n:05}"), "after")).collect();
        let error = store.apply(Change::PutUsers(UsersChange::new(meta_of("", 2), APP, users))).await.unwrap_err();
        assert!(error_chain(&error).contains("no room"), "{error:?}");
        let left = store.users(TENANT, APP, None, 9).await.unwrap();
        assert_eq!(left, [person("u00000", "before"), person("u20000", "before")]);

        // Also what a list clears before it fails.
        let store = store.with_department_sync(DepartmentSync::Replace);
        apply(&store, [department_list(meta_of("", 1), &["A", "B"])]).await;
        let fails = "CREATE TRIGGER fails_too BEFORE INSERT ON koogallery_department WHEN NEW.org_code = 'D' \
                     BEGIN SELECT RAISE(ABORT, 'no room'); END";
        database.transaction(move |transaction| transaction.execute_batch(fails)).await.unwrap();
        store.apply(department_list(meta_of("", 2), &["C", "D"])).await.unwrap_err();
        assert_eq!(org_codes(&store, None, 9).await, ["A", "B"]);
        apply(&store, [department_change(meta_of("", 1), "late")]).await;
        assert_eq!(org_codes(&store, None, 9).await, ["A", "B", "late"], "the list is not remembered either");
    }

    #[tokio::test]
    async fn a_secret_of_a_key_that_is_gone_is_an_error_of_the_look_up() {
        let store = open(":memory:").await;
        let secret = ClientSecret::new("plain", "of another key");
        apply(&store, [Change::PutApplication(Application::new(meta_of("", 1), APP, "c", secret))]).await;
        apply(&store, [bind(meta_of("", 1), "acme.example.com")]).await;
        let error = error_chain(&store.application(TENANT, APP).await.unwrap_err());
        assert!(error.contains("secret of application \"app-77\" for enterprise \"t-5f0c\""), "{error}");
        assert!(error.contains("private keys at hand") && !error.contains("of another key"), "{error}");
        let error = StoreLogin::new(store.clone()).tenant_login(TENANT, APP).await.unwrap_err();
        assert!(error_chain(&error).contains("private keys at hand"));
        apply(&store, [client(meta_of("", 2), "c")]).await;
        assert!(store.application(TENANT, APP).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn of_a_removed_user_only_ids_remain_and_a_revoked_one_is_kept() {
        let database = Database::open(":memory:").unwrap();
        let store = SqliteDirectory::new(&database, Backwards).await.unwrap();
        apply(
            &store,
            [grant(meta_of("", 1), "a", "Anna"), grant(meta_of("", 1), "b", "Bert"), grant(meta_of("", 1), "c", "C")],
        )
        .await;
        apply(&store, [revoke(meta_of("", 2), "a"), revoke(meta_of("", 3), "a"), remove(meta_of("", 2), "b")]).await;
        let rows = async || {
            let select = "SELECT group_concat(user_name || ' ' || state || ' ' || iif(record IS NULL, 'empty', 'kept')) \
                          FROM koogallery_user";
            database
                .transaction(move |transaction| {
                    transaction.query_row(select, [], |row| row.get::<_, Option<String>>(0))
                })
                .await
        };
        assert_eq!(rows().await.unwrap(), Some("a revoked kept,b removed empty,c present kept".to_owned()));
        apply(&store, [unbind(meta_of("", 9))]).await;
        assert_eq!(rows().await.unwrap(), None);
    }

    #[tokio::test]
    async fn two_processes_may_share_the_file() {
        let folder = tempfile::tempdir().unwrap();
        koogallery::testing::shared_directory_store(async || open(folder.path().join("directory.db")).await).await;
    }
}
