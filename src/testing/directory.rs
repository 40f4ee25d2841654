//! The suite for directories.

use std::ops::Range;

use futures_util::future::join;

use super::ok;
use crate::directory::{
    Application, ApplicationRemoval, Change, ChangeMeta, ClientSecret, Department, DepartmentChange, DepartmentRemoval,
    DepartmentSync, Departments, DirectoryStore, Role, Tenant, TenantRemoval, User, UsersChange, UsersRemoval,
    department_path,
};
use crate::redact::Sensitive;
use crate::timestamp::Timestamp;

/// Checks the rules of a [`DirectoryStore`]; `make` returns a new, empty store at every call, which treats lists of all
/// departments as the argument says.
///
/// The suite encrypts client secrets with a cipher of its own: the encrypted form of `secret` is `sealed:terces`. A
/// store that decrypts secrets has to be made with this cipher.
///
/// ```
/// use futures_util::FutureExt as _;
/// use koogallery::directory::MemoryDirectory;
/// use koogallery::testing;
///
/// testing::directory_store(async |list| MemoryDirectory::new().with_department_sync(list)).now_or_never().unwrap();
/// ```
///
/// # Panics
///
/// A rule is broken, or the store fails.
pub async fn directory_store<S: DirectoryStore>(make: impl AsyncFn(DepartmentSync) -> S) {
    let merge = async || make(DepartmentSync::Merge).await;
    everything_is_returned_as_it_was_put(&merge().await).await;
    what_ends_for_one_purchase_stays_for_another(&merge().await).await;
    a_late_change_brings_nothing_back(&merge().await).await;
    test_calls_never_touch_real_data(&merge().await).await;
    revoked_and_removed_users_are_not_given_and_disabled_ones_are(&merge().await).await;
    unbinding_takes_everything_of_the_purchase_along(&merge().await).await;
    a_client_that_is_gone_leaves_the_users(&merge().await).await;
    let left = ["A", "B", "C", "E"];
    a_list_of_departments_merges_or_replaces(&merge().await, &left).await;
    a_list_of_departments_merges_or_replaces(&make(DepartmentSync::Replace).await, &["B", "E"]).await;
    the_path_of_a_department_ends_at_the_top_and_never_circles(&merge().await).await;
    many_users_are_one_change_and_are_listed_in_pages(&merge().await).await;
}

/// Checks the rules of a [`DirectoryStore`] that several processes share; `open` opens the same store at every call,
/// with the cipher of [`directory_store`]. It is empty at first.
///
/// # Panics
///
/// A rule is broken, or the store fails.
pub async fn shared_directory_store<S: DirectoryStore>(open: impl AsyncFn() -> S) {
    let i = |millis| meta_of("inst", millis);
    {
        let store = open().await;
        apply(&store, [bind(i(1), "domain"), client(i(1), "client"), grant(i(1), "lihua", "L")]).await;
        apply(&store, [department_list(i(1), &["D1", "D2"]), grant(i(5), "gone", "G"), remove(i(6), "gone")]).await;
        apply(&store, [unbind(meta_of("two", 7))]).await;
    }
    let (one, other) = (open().await, open().await);
    let kept = (domain_name(&one).await, client_id(&one).await, user(&one, "lihua").await);
    let expected = (Some("domain".to_owned()), Some("client".to_owned()), Some("L".to_owned()));
    assert_eq!(kept, expected, "everything is kept over a restart");
    let found = ok("application", one.application(TENANT, APP).await).map(|application| application.client_secret);
    assert_eq!(found, Some(sealed("s3cr3t")), "secrets are kept over a restart");
    assert_eq!(org_codes(&one, None, 9).await, ["D1", "D2"], "departments are kept over a restart");
    apply(&one, [grant(i(5), "gone", "G"), grant(meta_of("two", 6), "late", "L")]).await;
    assert_eq!(user_names(&one, None, 9).await, ["lihua"], "removals are kept over a restart");

    let write = async |store: &dyn DirectoryStore, names: Range<u32>| {
        for name in names {
            apply(store, [grant(i(10), &format!("u{name:02}"), "L")]).await;
        }
    };
    join(write(&one, 0..20), write(&other, 20..40)).await;
    assert_eq!(user_names(&one, None, 99).await.len(), 41, "changes at the same time are all kept");
    assert_eq!(user_names(&one, None, 99).await, user_names(&other, None, 99).await, "all processes see them");
}

const TENANT: &str = "t-5f0c";
const APP: &str = "app-77";

/// A change by a purchase at a time; by none if the id is empty.
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

fn no_client(meta: ChangeMeta) -> Change {
    Change::RemoveApplication(ApplicationRemoval::new(meta, APP))
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

async fn apply(store: &dyn DirectoryStore, changes: impl IntoIterator<Item = Change>) {
    for change in changes {
        ok("apply", store.apply(change).await);
    }
}

async fn client_id(store: &dyn DirectoryStore) -> Option<String> {
    ok("application", store.application(TENANT, APP).await).map(|application| application.client_id)
}

async fn domain_name(store: &dyn DirectoryStore) -> Option<String> {
    ok("tenant", store.tenant(TENANT).await).map(|tenant| tenant.domain_name)
}

/// The person's name of a user who may use the application.
async fn user(store: &dyn DirectoryStore, user_name: &str) -> Option<String> {
    let user = ok("user", store.user(TENANT, APP, user_name).await);
    user.and_then(|user| user.name).map(|name| name.expose().to_owned())
}

async fn user_names(store: &dyn DirectoryStore, after: Option<&str>, limit: usize) -> Vec<String> {
    let users = ok("users", store.users(TENANT, APP, after, limit).await);
    users.iter().map(|user| user.user_name.expose().to_owned()).collect()
}

async fn org_codes(store: &dyn DirectoryStore, after: Option<&str>, limit: usize) -> Vec<String> {
    let departments = ok("departments", store.departments(TENANT, after, limit).await);
    departments.into_iter().map(|department| department.org_code).collect()
}

async fn everything_is_returned_as_it_was_put(store: &dyn DirectoryStore) {
    let mut tenant = Tenant::new(meta_of("inst", 1), "acme", "示例企业", "https://acme.example.com");
    tenant.order_id = Some("CS1".to_owned());
    let application = Application::new(meta_of("", 2).test_call(), APP, "c-90af", sealed("s3cr3t"));
    let mut full = person("full", "李华 '\"");
    full.enable = Some(false);
    full.mobile = Some("138****0000".into());
    full.email = Some("a@b".into());
    full.extension.insert_text("note", "\0\"欢");
    full.unknown.insert_text("tag", "x");
    let users = [full, person("bare", "n")];
    let mut below = department("D002", "D001");
    below.unknown.insert_text("manager", "lihua");
    let changes = [
        Change::PutTenant(tenant.clone()),
        Change::PutApplication(application.clone()),
        Change::PutUsers(UsersChange::new(meta_of("inst", 3), APP, users.to_vec())),
        Change::PutDepartment(DepartmentChange::new(meta_of("inst", 4), below.clone())),
    ];
    apply(store, changes).await;
    assert_eq!(ok("tenant", store.tenant(TENANT).await), Some(tenant), "a tenant is returned as it was put");
    let found = ok("application", store.application(TENANT, APP).await);
    assert_eq!(found, Some(application), "an application is returned as it was put");
    for user in &users {
        let found = ok("user", store.user(TENANT, APP, user.user_name.expose()).await);
        assert_eq!(found.as_ref(), Some(user), "a user is returned as it was put");
    }
    let found = ok("department", store.department(TENANT, "D002").await);
    assert_eq!(found, Some(below), "a department is returned as it was put");

    let rule = "ids are compared byte by byte";
    for other in ["T-5F0C", "", "t-5f0", "t-5f0c "] {
        assert_eq!(ok("tenant", store.tenant(other).await), None, "{rule}");
        assert_eq!(ok("application", store.application(other, APP).await), None, "{rule}");
        assert_eq!(ok("application", store.application(TENANT, other).await), None, "{rule}");
        assert_eq!(ok("user", store.user(other, APP, "full").await), None, "{rule}");
        assert_eq!(ok("user", store.user(TENANT, other, "full").await), None, "{rule}");
        assert_eq!(ok("user", store.user(TENANT, APP, other).await), None, "{rule}");
        assert_eq!(ok("department", store.department(other, "D002").await), None, "{rule}");
        assert_eq!(ok("users", store.users(TENANT, other, None, 9).await), [], "{rule}");
        assert_eq!(ok("departments", store.departments(other, None, 9).await), [], "{rule}");
    }
}

async fn what_ends_for_one_purchase_stays_for_another(store: &dyn DirectoryStore) {
    const RULE: &str = "what ends for one purchase stays for another";
    for (instance, millis) in [("", 1), ("one", 2), ("two", 3)] {
        let meta = || meta_of(instance, millis);
        let name = &format!("of {instance}");
        let changes = [bind(meta(), name), client(meta(), name), grant(meta(), "lihua", name)];
        apply(store, changes.into_iter().chain([department_change(meta(), "D001")])).await;
    }
    let latest = async || (domain_name(store).await, client_id(store).await, user(store, "lihua").await);
    let all = |name: &str| (Some(name.to_owned()), Some(name.to_owned()), Some(name.to_owned()));
    assert_eq!(latest().await, all("of two"), "{RULE}");

    let gone = [no_client(meta_of("two", 4)), remove(meta_of("two", 4), "lihua"), unbind(meta_of("two", 4))];
    apply(store, gone).await;
    assert_eq!(latest().await, all("of one"), "{RULE}");
    apply(store, [unbind(meta_of("one", 4))]).await;
    assert_eq!(latest().await, all("of "), "a purchase that is missing is one of its own");
    assert_eq!(org_codes(store, None, 9).await, ["D001"], "{RULE}");
    apply(store, [unbind(meta_of("", 4))]).await;
    assert_eq!(latest().await, (None, None, None), "{RULE}");
    assert_eq!(org_codes(store, None, 9).await, [""; 0], "{RULE}");
}

async fn a_late_change_brings_nothing_back(store: &dyn DirectoryStore) {
    const RULE: &str = "a late change brings nothing back";
    let i = |millis| meta_of("inst", millis);
    apply(store, [bind(i(5), "new"), client(i(5), "new"), grant(i(5), "lihua", "new")]).await;
    apply(store, [bind(i(4), "old"), client(i(4), "old"), grant(i(4), "lihua", "old")]).await;
    apply(store, [unbind(i(4)), no_client(i(4)), revoke(i(4), "lihua"), remove(i(4), "lihua")]).await;
    assert_eq!(domain_name(store).await.as_deref(), Some("new"), "{RULE}");
    assert_eq!(client_id(store).await.as_deref(), Some("new"), "{RULE}");
    assert_eq!(user(store, "lihua").await.as_deref(), Some("new"), "{RULE}");

    apply(store, [bind(i(5), "same time"), grant(i(5), "lihua", "same time")]).await;
    assert_eq!(domain_name(store).await.as_deref(), Some("same time"), "{RULE}");
    assert_eq!(user(store, "lihua").await.as_deref(), Some("same time"), "{RULE}");

    // A removal of what was never there counts against changes made before it.
    let removals = [no_client(meta_of("late", 9)), remove(meta_of("late", 9), "wangwu"), unbind(meta_of("late", 9))];
    apply(store, removals.into_iter().chain([Change::RemoveDepartment(DepartmentRemoval::new(i(9), "D9"))])).await;
    let before =
        [client(meta_of("late", 8), "late"), grant(meta_of("late", 8), "wangwu", ""), bind(meta_of("late", 8), "")];
    apply(store, before.into_iter().chain([department_change(i(8), "D9")])).await;
    assert_eq!(client_id(store).await.as_deref(), Some("new"), "{RULE}");
    assert_eq!(user(store, "wangwu").await, None, "{RULE}");
    assert_eq!(domain_name(store).await.as_deref(), Some("same time"), "{RULE}");
    assert_eq!(org_codes(store, None, 9).await, [""; 0], "{RULE}");
}

async fn test_calls_never_touch_real_data(store: &dyn DirectoryStore) {
    const RULE: &str = "test calls never touch the data of real calls";
    let real = |millis| meta_of("inst", millis);
    let test = |millis| meta_of("inst", millis).test_call();
    apply(store, [bind(test(5), "test"), client(test(5), "test"), grant(test(5), "lihua", "test")]).await;
    assert_eq!(domain_name(store).await.as_deref(), Some("test"), "{RULE}");
    assert_eq!(client_id(store).await.as_deref(), Some("test"), "{RULE}");

    apply(store, [bind(real(1), "real"), client(real(1), "real"), grant(real(1), "lihua", "real")]).await;
    apply(store, [bind(test(9), "test"), client(test(9), "test"), grant(test(9), "lihua", "test")]).await;
    apply(store, [unbind(test(9)), no_client(test(9)), remove(test(9), "lihua"), revoke(test(9), "lihua")]).await;
    assert_eq!(domain_name(store).await.as_deref(), Some("real"), "{RULE}");
    assert_eq!(client_id(store).await.as_deref(), Some("real"), "{RULE}");
    assert_eq!(user(store, "lihua").await.as_deref(), Some("real"), "{RULE}");

    // Of other purchases too, what is real comes first.
    let other = |millis| meta_of("", millis).test_call();
    apply(store, [bind(other(9), "test"), client(other(9), "test"), grant(other(9), "lihua", "test")]).await;
    assert_eq!(domain_name(store).await.as_deref(), Some("real"), "{RULE}");
    assert_eq!(client_id(store).await.as_deref(), Some("real"), "{RULE}");
    assert_eq!(user(store, "lihua").await.as_deref(), Some("real"), "{RULE}");
    assert_eq!(ok("users", store.users(TENANT, APP, None, 9).await), [person("lihua", "real")], "{RULE}");
    apply(store, [unbind(other(10))]).await;

    // Nor do they bring back what a real call removed.
    apply(store, [no_client(real(2)), remove(real(2), "lihua")]).await;
    apply(store, [client(test(20), "test"), grant(test(20), "lihua", "test")]).await;
    assert_eq!((client_id(store).await, user(store, "lihua").await), (None, None), "{RULE}");
    apply(store, [unbind(real(2)), bind(test(20), "test")]).await;
    assert_eq!(domain_name(store).await, None, "{RULE}");
}

async fn revoked_and_removed_users_are_not_given_and_disabled_ones_are(store: &dyn DirectoryStore) {
    const RULE: &str = "revoked and removed users are not given and disabled ones are";
    let i = |millis| meta_of("inst", millis);
    let mut disabled = person("c", "C");
    disabled.enable = Some(false);
    let users = vec![person("a", "A"), person("b", "B"), disabled.clone(), person("d", "D")];
    apply(store, [Change::PutUsers(UsersChange::new(i(1), APP, users)), revoke(i(2), "b"), remove(i(2), "d")]).await;
    assert_eq!(user_names(store, None, 9).await, ["a", "c"], "{RULE}");
    assert_eq!(ok("user", store.user(TENANT, APP, "c").await), Some(disabled), "{RULE}");
    assert_eq!((user(store, "b").await, user(store, "d").await), (None, None), "{RULE}");

    apply(store, [revoke(i(3), "d"), remove(i(3), "b"), revoke(i(3), "nobody")]).await;
    apply(store, [grant(i(4), "b", "B again"), grant(i(4), "d", "D again")]).await;
    assert_eq!(user(store, "b").await.as_deref(), Some("B again"), "{RULE}");
    assert_eq!(user(store, "d").await.as_deref(), Some("D again"), "{RULE}");
}

async fn unbinding_takes_everything_of_the_purchase_along(store: &dyn DirectoryStore) {
    const RULE: &str = "unbinding takes everything of the purchase along";
    let all = |meta: fn(i64) -> ChangeMeta, millis, name: &str| {
        let meta = || meta(millis);
        [bind(meta(), name), client(meta(), name), grant(meta(), "lihua", name), department_change(meta(), "D001")]
    };
    let one = |millis| meta_of("one", millis);
    apply(store, all(one, 1, "before")).await;
    apply(store, [bind(meta_of("two", 1), "two"), grant(one(8), "wangwu", "ahead")]).await;
    apply(store, [unbind(one(5))]).await;
    assert_eq!(domain_name(store).await.as_deref(), Some("two"), "the other purchase still binds it");
    assert_eq!((client_id(store).await, user(store, "lihua").await), (None, None), "{RULE}");
    assert_eq!(org_codes(store, None, 9).await, [""; 0], "{RULE}");
    assert_eq!(user(store, "wangwu").await.as_deref(), Some("ahead"), "changed after the unbinding");

    // Earlier changes arrive only now, known or not; then it is bound again, and they arrive late again.
    for _ in 0..2 {
        apply(store, all(one, 4, "late")).await;
        apply(store, [grant(one(4), "zhaoliu", "late")]).await;
        assert_eq!((client_id(store).await, user(store, "lihua").await), (None, None), "{RULE}");
        assert_eq!(user(store, "zhaoliu").await, None, "{RULE}");
        assert_eq!(org_codes(store, None, 9).await, [""; 0], "{RULE}");
        apply(store, [bind(one(9), "again")]).await;
    }
    assert_eq!(domain_name(store).await.as_deref(), Some("again"), "{RULE}");
    apply(store, all(one, 9, "again")).await;
    assert_eq!(client_id(store).await.as_deref(), Some("again"), "{RULE}");
    assert_eq!(user_names(store, None, 9).await, ["lihua", "wangwu"], "{RULE}");

    // An unbinding that arrives after the next binding.
    apply(store, [grant(one(6), "zhaoliu", "of the last binding"), unbind(one(7))]).await;
    assert_eq!(user_names(store, None, 9).await, ["lihua", "wangwu"], "{RULE}");
    assert_eq!(domain_name(store).await.as_deref(), Some("again"), "{RULE}");
}

async fn a_client_that_is_gone_leaves_the_users(store: &dyn DirectoryStore) {
    const RULE: &str = "a client that is gone leaves the users";
    apply(store, [client(meta_of("", 1), "c"), grant(meta_of("", 1), "lihua", "L"), no_client(meta_of("", 2))]).await;
    assert_eq!((client_id(store).await, user(store, "lihua").await.as_deref()), (None, Some("L")), "{RULE}");
}

async fn a_list_of_departments_merges_or_replaces(store: &dyn DirectoryStore, left: &[&str]) {
    const RULE: &str = "a list of departments merges or replaces";
    let i = |millis| meta_of("inst", millis);
    apply(store, [department_list(i(1), &["A", "B", "C"]), department_change(i(9), "E")]).await;
    apply(store, [department_list(i(5), &["B"]), department_list(i(4), &["A", "C"])]).await;
    assert_eq!(org_codes(store, None, 9).await, left, "{RULE}");

    // Other purchases and real departments are not the list's business.
    apply(store, [department_list(meta_of("other", 6), &["X"])]).await;
    apply(store, [department_list(i(20).test_call(), &[]), department_list(meta_of("", 20), &[])]).await;
    assert_eq!(org_codes(store, None, 9).await, [left, &["X"]].concat(), "{RULE}");

    // Of several under one code the last counts.
    let mut moved = department("E", "B");
    moved.org_name = Some("moved".to_owned());
    let twice = vec![department("E", ""), moved.clone()];
    apply(store, [Change::PutDepartments(Departments::new(i(9), twice))]).await;
    assert_eq!(ok("department", store.department(TENANT, "E").await), Some(moved), "{RULE}");
}

async fn the_path_of_a_department_ends_at_the_top_and_never_circles(store: &dyn DirectoryStore) {
    const RULE: &str = "the path of a department ends at the top and never circles";
    let tree = [("top", ""), ("mid", "top"), ("low", "mid"), ("orphan", "missing"), ("self", "self")];
    let circle = [("x", "y"), ("y", "z"), ("z", "x"), ("into", "x")];
    let deep: Vec<(String, String)> = (0..200).map(|n| (format!("n{n}"), format!("n{}", n + 1))).collect();
    let deep = deep.iter().map(|(code, parent)| (&**code, &**parent));
    let departments = tree.into_iter().chain(circle).chain(deep);
    let departments = departments.map(|(code, parent)| department(code, parent)).collect();
    apply(store, [Change::PutDepartments(Departments::new(meta_of("", 1), departments))]).await;
    let path = async |code: &str| {
        let path = ok("department_path", department_path(store, TENANT, code).await);
        path.into_iter().map(|department| department.org_code).collect::<Vec<_>>()
    };
    assert_eq!(path("low").await, ["low", "mid", "top"], "{RULE}");
    assert_eq!(path("top").await, ["top"], "{RULE}");
    assert_eq!(path("orphan").await, ["orphan"], "{RULE}");
    assert_eq!(path("missing").await, [""; 0], "{RULE}");
    assert_eq!(path("self").await, ["self"], "{RULE}");
    assert_eq!(path("into").await, ["into", "x", "y", "z"], "{RULE}");
    assert_eq!(path("n0").await.len(), 100, "{RULE}");
}

async fn many_users_are_one_change_and_are_listed_in_pages(store: &dyn DirectoryStore) {
    const RULE: &str = "many users are one change and are listed in pages";
    const MANY: usize = 50_000;
    let many = |name: &str| (0..MANY).map(|n| person(&format!("u{n:05}"), name)).collect::<Vec<_>>();
    apply(store, [Change::PutUsers(UsersChange::new(meta_of("one", 1), APP, many("first")))]).await;
    apply(store, [Change::PutUsers(UsersChange::new(meta_of("two", 2), APP, many("second")))]).await;
    apply(
        store,
        [remove(meta_of("two", 3), "u00002"), revoke(meta_of("one", 3), "u00004"), revoke(meta_of("two", 3), "u00004")],
    )
    .await;
    let (mut listed, mut after) = (0, None);
    loop {
        let page = ok("users", store.users(TENANT, APP, after.as_deref(), 7_000).await);
        let Some(last) = page.last() else { break };
        after = Some(last.user_name.expose().to_owned());
        let firsts = page
            .iter()
            .filter(|user| user.name.as_ref().is_some_and(|name| name.expose() == "first"))
            .map(|user| user.user_name.expose());
        assert_eq!(firsts.collect::<Vec<_>>(), if listed == 0 { vec!["u00002"] } else { vec![] }, "{RULE}");
        listed += page.len();
        assert!(listed < MANY, "a page begins behind the one before");
    }
    assert_eq!(listed, MANY - 1, "one may no longer use it");

    assert_eq!(user_names(store, Some("u00001"), 3).await, ["u00002", "u00003", "u00005"], "{RULE}");
    assert_eq!(user_names(store, Some("u49998x"), 3).await, ["u49999"], "{RULE}");
    assert_eq!(user_names(store, None, 0).await, [""; 0], "{RULE}");
    assert_eq!(user_names(store, None, usize::MAX).await.len(), MANY - 1, "{RULE}");
    apply(store, [unbind(meta_of("one", 9)), unbind(meta_of("two", 9))]).await;
    assert_eq!(user_names(store, None, 1).await, [""; 0], "{RULE}");
}
