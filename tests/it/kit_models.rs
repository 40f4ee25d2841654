//! The messages of the joint-operations Kit: every quirk of the documents read, nothing lost, and nothing read that was
//! not signed.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use koogallery::activity::Activity;
use koogallery::key::{AccessKey, KeyRing};
use koogallery::kit::{
    AuthFlag, ChinaTime, Department, EmployeeType, Flag, MAX_ENTRIES, Role, User, Version, route, sub_path, v1, v2,
};
use koogallery::signature::{Window, auth_token_body, kit_v2};
use koogallery::timestamp::{CHINA, Timestamp};
use koogallery::wire::{FieldProblem, ParseError, TestFlag};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_unix_millis(1_709_605_800_123);
const NOW_IN_CHINA: &str = "20240305103000123";

fn ring() -> KeyRing {
    KeyRing::new(AccessKey::new("test-key-0002").unwrap())
}

fn headers<const N: usize>(headers: [(&'static str, String); N]) -> HeaderMap {
    let header =
        |(name, value): (&str, String)| (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
    headers.map(header).into_iter().collect()
}

/// Signs a body as it is, verifies and reads it.
fn parse_v1(activity: Activity, body: &str) -> Result<v1::Callback, ParseError> {
    let token = auth_token_body::sign(ring().signing_key(), body.as_bytes()).unwrap();
    let headers = headers([(auth_token_body::HEADER, token)]);
    let window = Window::symmetric(Duration::from_secs(3600));
    let verified = auth_token_body::verify(&ring(), &headers, body.as_bytes(), NOW, window).unwrap();
    v1::Callback::parse(activity, &verified)
}

/// Signs a body as it is, verifies and reads it.
fn parse_v2(activity: Activity, body: &str) -> Result<v2::Callback, ParseError> {
    let headers = headers(kit_v2::signed_headers(ring().signing_key(), "0F1E", NOW, body.as_bytes()));
    let verified = kit_v2::verify(&ring(), &headers, body.as_bytes(), NOW, Window::default()).unwrap();
    v2::Callback::parse(activity, &verified)
}

const TENANT: &str = r#"{"instanceId":"inst-1001","orderId":"CS2204201141ABCDE","tenantId":"t-5f0c","tenantCode":"acme","name":"示例企业","domainName":"https://acme.idp.example.com","flag":1,"testFlag":0,"timeStamp":"20240305103000123"}"#;
const APPLICATION: &str = r#"{"instanceId":"inst-1001","tenantId":"t-5f0c","appId":"app-77","clientId":"c-90af","clientSecret":"Y2lwaGVydGV4dA==","flag":1,"testFlag":0,"timeStamp":"20240305103000456"}"#;
const ORG: &str = r#"{"instanceId":"inst-1001","tenantId":"t-5f0c","orgCode":"D002","orgName":"研发部","parentCode":"D001","flag":2,"testFlag":0,"timeStamp":"20240305103000789"}"#;
const AUTH_V1: &str = r#"{"instanceId":"inst-1001","tenantId":"t-5f0c","appId":"app-77","userList":"[{\"userName\":\"lihua\",\"name\":\"李华\",\"orgCode\":\"D001\",\"role\":\"admin\",\"enable\":\"true\",\"extension\":{\"employeeType\":\"1\"}}]","currentSyncTime":"20240305103000123","flag":1,"testFlag":0,"timeStamp":"20240305103000123"}"#;
const AUTH_V2: &str = r#"{"instanceId":"inst-1001","tenantId":"t-5f0c","appId":"app-77","userList":[{"userName":"lihua","name":"李华","orgCode":"D001","role":"admin","enable":"true","employeeType":1}],"currentSyncTime":"20240305103000123","flag":1,"testFlag":0,"timeStamp":"20240305103000123"}"#;
const ORGS_V1: &str = r#"{"instanceId":"inst-1001","tenantId":"t-5f0c","orgInfo":"[{\"orgCode\":\"D001\",\"name\":\"总部\",\"parentCode\":\"\"},{\"orgCode\":\"D002\",\"name\":\"研发部\",\"parentCode\":\"D001\"}]","testFlag":0,"timeStamp":"20240305103000999"}"#;
const ORGS_V2: &str = r#"{"instanceId":"inst-1001","tenantId":"t-5f0c","orgInfoList":[{"orgCode":"D001","orgName":"总部","parentCode":""},{"orgCode":"D002","orgName":"研发部","parentCode":"D001"}],"testFlag":0,"timeStamp":"20240305103000999"}"#;

const SAMPLES_V1: [(Activity, &str); 5] = [
    (Activity::TenantSync, TENANT),
    (Activity::ApplicationSync, APPLICATION),
    (Activity::AuthSync, AUTH_V1),
    (Activity::SingleOrgSync, ORG),
    (Activity::AllOrgSync, ORGS_V1),
];
const SAMPLES_V2: [(Activity, &str); 5] = [
    (Activity::TenantSync, TENANT),
    (Activity::ApplicationSync, APPLICATION),
    (Activity::AuthSync, AUTH_V2),
    (Activity::SingleOrgSync, ORG),
    (Activity::AllOrgSync, ORGS_V2),
];

/// A sample with some members replaced; `None` takes one out.
fn with(sample: &str, changes: &[(&str, Option<Value>)]) -> String {
    let mut body: Value = serde_json::from_str(sample).unwrap();
    for (name, value) in changes {
        let members = body.as_object_mut().unwrap();
        match value {
            Some(value) => drop(members.insert((*name).to_owned(), value.clone())),
            None => drop(members.remove(*name)),
        }
    }
    body.to_string()
}

fn tenant_v1(body: &str) -> Result<v1::tenant_sync::Request, ParseError> {
    parse_v1(Activity::TenantSync, body).map(|callback| match callback {
        v1::Callback::TenantSync(request) => request,
        other => panic!("{other:?}"),
    })
}

fn tenant_v2(body: &str) -> Result<v2::tenant_sync::Request, ParseError> {
    parse_v2(Activity::TenantSync, body).map(|callback| match callback {
        v2::Callback::TenantSync(request) => request,
        other => panic!("{other:?}"),
    })
}

/// The tenant message of either generation.
fn tenants(body: &str) -> [Result<v1::tenant_sync::Request, ParseError>; 2] {
    [tenant_v1(body), tenant_v2(body)]
}

fn application(body: &str) -> Result<v2::application_sync::Request, ParseError> {
    parse_v2(Activity::ApplicationSync, body).map(|callback| match callback {
        v2::Callback::ApplicationSync(request) => request,
        other => panic!("{other:?}"),
    })
}

/// What both generations read in the same list of users.
fn users(list: impl Into<Value>) -> Result<Vec<User>, ParseError> {
    let body = with(AUTH_V2, &[("userList", Some(list.into()))]);
    let read = parse_v2(Activity::AuthSync, &body).map(|callback| match callback {
        v2::Callback::AuthSync(request) => request.user_list,
        other => panic!("{other:?}"),
    });
    let read_v1 = parse_v1(Activity::AuthSync, &body).map(|callback| match callback {
        v1::Callback::AuthSync(request) => request.user_list.into(),
        other => panic!("{other:?}"),
    });
    assert_eq!(read.as_ref().ok(), read_v1.as_ref().ok());
    read
}

fn user(changes: &[(&str, Option<Value>)]) -> Result<User, ParseError> {
    let user = r#"{"userName":"lihua","name":"李华","orgCode":"D001","role":"admin","enable":"true"}"#;
    let user: Value = serde_json::from_str(&with(user, changes)).unwrap();
    users(json!([user])).map(|users| users.into_iter().next().unwrap())
}

/// What both generations read in the same list of departments.
fn departments(list: impl Into<Value>) -> Result<Vec<Department>, ParseError> {
    let list = list.into();
    let read_v1 = parse_v1(Activity::AllOrgSync, &with(ORGS_V1, &[("orgInfo", Some(list.clone()))]));
    let read_v1 = read_v1.map(|callback| match callback {
        v1::Callback::AllOrgSync(request) => Vec::from(request.org_info),
        other => panic!("{other:?}"),
    });
    let read = parse_v2(Activity::AllOrgSync, &with(ORGS_V2, &[("orgInfoList", Some(list))]));
    let read = read.map(|callback| match callback {
        v2::Callback::AllOrgSync(request) => request.org_info_list,
        other => panic!("{other:?}"),
    });
    assert_eq!(read.as_ref().ok(), read_v1.as_ref().ok());
    read
}

fn department(code: &str, name: &str, parent: Option<&str>) -> Department {
    let mut department = Department::new(code, name);
    department.parent_code = parent.map(str::to_owned);
    department
}

fn field(error: ParseError) -> (&'static str, FieldProblem) {
    match error {
        ParseError::Field(error) => (error.field, error.problem),
        other => panic!("{other}"),
    }
}

// What the documents print.

#[test]
fn every_sample_is_read_and_written_again() {
    for (activity, sample) in SAMPLES_V1 {
        let callback = parse_v1(activity, sample).unwrap();
        assert_eq!(callback.activity(), activity);
        let written = match &callback {
            v1::Callback::TenantSync(request) => request.to_body(),
            v1::Callback::ApplicationSync(request) => request.to_body(),
            v1::Callback::AuthSync(request) => request.to_body(),
            v1::Callback::SingleOrgSync(request) => request.to_body(),
            v1::Callback::AllOrgSync(request) => request.to_body(),
            other => panic!("{other:?}"),
        };
        assert_eq!(parse_v1(activity, &written).unwrap(), callback);
        assert!(written.contains(r#""testFlag":0"#) && !written.contains(r#""activity""#), "{written}");
    }
    for (activity, sample) in SAMPLES_V2 {
        let callback = parse_v2(activity, sample).unwrap();
        assert_eq!(callback.activity(), activity);
        let written = match &callback {
            v2::Callback::TenantSync(request) => request.to_body(),
            v2::Callback::ApplicationSync(request) => request.to_body(),
            v2::Callback::AuthSync(request) => request.to_body(),
            v2::Callback::SingleOrgSync(request) => request.to_body(),
            v2::Callback::AllOrgSync(request) => request.to_body(),
            other => panic!("{other:?}"),
        };
        assert_eq!(parse_v2(activity, &written).unwrap(), callback);
    }
}

#[test]
fn what_is_written_is_what_the_marketplace_signs() {
    let sorted = r#"{"domainName":"https://acme.idp.example.com","flag":1,"instanceId":"inst-1001","name":"示例企业","orderId":"CS2204201141ABCDE","tenantCode":"acme","tenantId":"t-5f0c","testFlag":0,"timeStamp":"20240305103000123"}"#;
    assert_eq!(tenant_v2(TENANT).unwrap().to_body(), sorted);

    let mut lihua = User::new("lihua", "李华", "D001", Role::Admin);
    lihua.employee_type = Some(EmployeeType::Formal);
    let time = ChinaTime::from(NOW);
    let request = v1::auth_sync::Request::new("t-5f0c", "app-77", vec![lihua.clone()], time, AuthFlag::Add, time);
    let written: Value = serde_json::from_str(&request.to_body()).unwrap();
    let sample: Value = serde_json::from_str(AUTH_V1).unwrap();
    assert_eq!(written["userList"], sample["userList"]);
    let request = v2::auth_sync::Request::new("t-5f0c", "app-77", vec![lihua], time, AuthFlag::Add, time);
    let written: Value = serde_json::from_str(&request.to_body()).unwrap();
    let sample: Value = serde_json::from_str(AUTH_V2).unwrap();
    assert_eq!(written["userList"], sample["userList"]);
}

#[test]
fn the_samples_say_what_they_say() {
    let tenant = tenant_v2(TENANT).unwrap();
    assert_eq!(tenant.instance_id.as_deref(), Some("inst-1001"));
    assert_eq!(tenant.order_id.as_deref(), Some("CS2204201141ABCDE"));
    assert_eq!((tenant.tenant_id.as_str(), tenant.tenant_code.as_deref()), ("t-5f0c", Some("acme")));
    assert_eq!(tenant.name.unwrap().expose(), "示例企业");
    assert_eq!(tenant.domain_name.as_deref(), Some("https://acme.idp.example.com"));
    assert_eq!((tenant.flag, tenant.test_flag), (Flag::Add, TestFlag::Production));
    assert_eq!(tenant.time_stamp.map(Timestamp::from), Some(NOW));

    let expected = [department("D001", "总部", None), department("D002", "研发部", Some("D001"))];
    match parse_v1(Activity::AllOrgSync, ORGS_V1).unwrap() {
        v1::Callback::AllOrgSync(request) => assert_eq!(request.org_info.as_slice(), expected),
        other => panic!("{other:?}"),
    }
    match parse_v2(Activity::AllOrgSync, ORGS_V2).unwrap() {
        v2::Callback::AllOrgSync(request) => assert_eq!(request.org_info_list, expected),
        other => panic!("{other:?}"),
    }
    let mut lihua = User::new("lihua", "李华", "D001", Role::Admin);
    lihua.employee_type = Some(EmployeeType::Formal);
    match parse_v1(Activity::AuthSync, AUTH_V1).unwrap() {
        v1::Callback::AuthSync(request) => assert_eq!(request.user_list.as_slice(), [lihua.clone()]),
        other => panic!("{other:?}"),
    }
    match parse_v2(Activity::AuthSync, AUTH_V2).unwrap() {
        v2::Callback::AuthSync(request) => assert_eq!(request.user_list, [lihua]),
        other => panic!("{other:?}"),
    }
}

// The quirks, one by one.

#[test]
fn instance_and_order_may_be_empty_null_or_missing() {
    for value in [Some(json!("")), Some(Value::Null), None] {
        let body = with(TENANT, &[("instanceId", value.clone()), ("orderId", value)]);
        for tenant in tenants(&body) {
            let tenant = tenant.unwrap();
            assert_eq!((tenant.instance_id, tenant.order_id), (None, None), "{body}");
        }
    }
    for (activity, sample) in SAMPLES_V1 {
        assert!(parse_v1(activity, &with(sample, &[("instanceId", None)])).is_ok());
    }
    for (activity, sample) in SAMPLES_V2 {
        assert!(parse_v2(activity, &with(sample, &[("instanceId", None)])).is_ok());
    }
}

#[test]
fn flags_are_numbers_or_their_text() {
    for (value, expected) in [("0", Flag::Delete), ("1", Flag::Add), ("2", Flag::Modify)] {
        for wire in [Value::from(value), value.parse::<u32>().unwrap().into()] {
            for tenant in tenants(&with(TENANT, &[("flag", Some(wire.clone()))])) {
                assert_eq!(tenant.unwrap().flag, expected);
            }
        }
    }
    for (value, expected) in
        [(json!(0), TestFlag::Production), (json!("1"), TestFlag::Debug), (json!(1), TestFlag::Debug)]
    {
        for tenant in tenants(&with(TENANT, &[("testFlag", Some(value.clone()))])) {
            assert_eq!(tenant.unwrap().test_flag, expected);
        }
    }
    for bad in [json!(3), json!("add"), json!(true), json!(-1), json!(1.5), json!([1]), json!("")] {
        for tenant in tenants(&with(TENANT, &[("flag", Some(bad.clone()))])) {
            assert_eq!(field(tenant.unwrap_err()).0, "flag", "{bad}");
        }
    }
}

#[test]
fn users_may_have_their_authorisation_cancelled() {
    for (value, expected) in
        [(0, AuthFlag::Delete), (1, AuthFlag::Add), (2, AuthFlag::Modify), (3, AuthFlag::CancelAuthorization)]
    {
        match parse_v1(Activity::AuthSync, &with(AUTH_V1, &[("flag", Some(json!(value)))])).unwrap() {
            v1::Callback::AuthSync(request) => assert_eq!(request.flag, expected),
            other => panic!("{other:?}"),
        }
        match parse_v2(Activity::AuthSync, &with(AUTH_V2, &[("flag", Some(json!(value.to_string())))])).unwrap() {
            v2::Callback::AuthSync(request) => assert_eq!(request.flag, expected),
            other => panic!("{other:?}"),
        }
    }
    let error = parse_v2(Activity::AuthSync, &with(AUTH_V2, &[("flag", Some(json!(4)))])).unwrap_err();
    assert_eq!(field(error), ("flag", FieldProblem::NotA("a number from 0 to 3")));
}

#[test]
fn a_list_is_an_array_or_its_text() {
    let list = json!([{"orgCode":"D1","orgName":"a \"b\" {c:1}"},{"orgCode":"D2","orgName":"中","parentCode":"D1"}]);
    let expected = [department("D1", "a \"b\" {c:1}", None), department("D2", "中", Some("D1"))];
    assert_eq!(departments(list.clone()).unwrap(), expected);
    assert_eq!(departments(list.to_string()).unwrap(), expected);
    assert_eq!(departments(json!([])).unwrap(), []);
    assert_eq!(departments("[]").unwrap(), []);
    assert_eq!(users("[]").unwrap(), []);
    // Not documented, but it could mean nothing else.
    assert_eq!(departments(json!({"orgCode":"D1","orgName":"n"})).unwrap(), [department("D1", "n", None)]);
}

#[test]
fn the_text_of_a_list_may_have_bare_names() {
    let printed = r#"[{orgCode:"D1",name:"a,b:\"c\"{d:1}"}, { orgCode : "D2" , orgName:"中", parentCode:"D1", odd_1:[true,{x:null}] }]"#;
    let read = departments(printed).unwrap();
    assert_eq!(read[0], department("D1", "a,b:\"c\"{d:1}", None));
    assert_eq!(read[1].parent_code.as_deref(), Some("D1"));
    assert_eq!(read[1].unknown.get("odd_1"), Some(r#"[true,{"x":null}]"#));
    let printed = r#"[{userName:"u",name:"n",orgCode:"D1",role:"user",enable:true,extension:{workPlace:"w"}}]"#;
    assert_eq!(users(printed).unwrap()[0].work_place.as_deref(), Some("w"));
}

#[test]
fn a_department_is_named_in_three_ways() {
    for name in ["name", "orgName", "OrgName"] {
        let read = departments(json!([{"orgCode":"D1", name:"n"}])).unwrap();
        assert_eq!(read, [department("D1", "n", None)], "{name}");
    }
    let read = departments(json!([{"orgCode":"D1","name":"short","orgName":"long"}])).unwrap();
    assert_eq!((read[0].org_name.as_deref(), read[0].unknown.get("name")), (Some("long"), Some("short")));
    let read = departments(json!([{"orgCode":"D1","orgName":"","name":"n"}])).unwrap();
    assert_eq!(read[0].org_name.as_deref(), Some("n"));
}

#[test]
fn enable_is_text_or_a_truth_value() {
    for (wire, expected) in [
        (json!("true"), true),
        (json!("FALSE"), false),
        (json!(true), true),
        (json!(false), false),
        (json!(1), true),
        (json!("0"), false),
        (json!(" True "), true),
        (json!("1.0"), true),
    ] {
        assert_eq!(user(&[("enable", Some(wire))]).unwrap().enable, Some(expected));
    }
    for odd in [json!("yes"), json!(2), json!({}), json!("")] {
        let user = user(&[("enable", Some(odd))]).unwrap();
        assert_eq!((user.enable, user.is_enabled()), (None, false), "nobody is let in by a guess");
    }
}

#[test]
fn the_kind_of_employment_is_text_or_a_number() {
    for (wire, expected) in [
        (json!("2"), EmployeeType::Intern),
        (json!(3), EmployeeType::Dispatched),
        (json!(4), EmployeeType::Outsourced),
        (json!(17), EmployeeType::from("17")),
        (json!("temp"), EmployeeType::from("temp")),
    ] {
        assert_eq!(user(&[("employeeType", Some(wire.clone()))]).unwrap().employee_type, Some(expected.clone()));
        let extension = json!({"employeeType": wire});
        assert_eq!(user(&[("extension", Some(extension))]).unwrap().employee_type, Some(expected));
    }
}

#[test]
fn extension_fields_stand_in_the_extension_or_beside_it() {
    let details = |user: &User| (user.employee_type.clone(), user.work_place.clone(), user.entry_date.clone());
    let expected = (Some(EmployeeType::Formal), Some("深圳".to_owned()), Some("2022-11-9".to_owned()));
    let [kind, place, date] = [json!("1"), json!("深圳"), json!("2022-11-9")];
    let beside = user(&[
        ("employeeType", Some(kind.clone())),
        ("workPlace", Some(place.clone())),
        ("entryDate", Some(date.clone())),
    ]);
    let within = json!({"employeeType": kind, "workPlace": place, "entryDate": date});
    let as_text = within.to_string();
    for read in [beside, user(&[("extension", Some(within))]), user(&[("extension", Some(as_text.into()))])] {
        let read = read.unwrap();
        assert_eq!(details(&read), expected);
        assert!(read.extension.is_empty() && read.unknown.is_empty());
    }

    // In both places: the one in the extension counts, the other is not lost.
    let both =
        user(&[("workPlace", Some(json!("北京"))), ("extension", Some(json!({"workPlace":"深圳","erp":{"set":[1]}})))])
            .unwrap();
    assert_eq!((both.work_place.as_deref(), both.unknown.get("workPlace")), (Some("深圳"), Some("北京")));
    assert_eq!(both.extension.get("erp"), Some(r#"{"set":[1]}"#));
}

#[test]
fn an_extension_may_be_absent_null_empty_or_odd() {
    for extension in [None, Some(Value::Null), Some(json!("")), Some(json!({}))] {
        let read = user(&[("extension", extension)]).unwrap();
        assert!(read.extension.is_empty() && read.unknown.is_empty());
    }
    for odd in [json!([{"name":"a"},{}]), json!(5), json!("text"), json!(true)] {
        let read = user(&[("extension", Some(odd.clone())), ("workPlace", Some(json!({"odd": 1})))]).unwrap();
        let kept = read.unknown.get("extension").unwrap();
        assert_eq!(kept, odd.as_str().map_or_else(|| odd.to_string(), str::to_owned));
        assert_eq!((read.work_place, read.unknown.get("workPlace")), (None, Some(r#"{"odd":1}"#)));
    }
}

#[test]
fn optional_fields_of_a_user_may_be_empty_or_masked() {
    let names = ["position", "employeeCode", "mobile", "email"];
    let read = user(&names.map(|name| (name, Some(json!(""))))).unwrap();
    assert_eq!((read.position, read.employee_code, read.mobile, read.email), (None, None, None, None));
    let read = user(&[("mobile", Some(json!("138****0000")))]).unwrap();
    assert_eq!(read.mobile.unwrap().expose(), "138****0000");
}

#[test]
fn unknown_members_are_kept_everywhere() {
    for tenant in tenants(&with(TENANT, &[("zone", Some(json!({"a":[1]}))), ("Flag", Some(json!("x")))])) {
        let tenant = tenant.unwrap();
        assert_eq!((tenant.unknown.get("zone"), tenant.unknown.get("Flag")), (Some(r#"{"a":[1]}"#), Some("x")));
    }
    assert_eq!(user(&[("odd", Some(json!(1.5)))]).unwrap().unknown.get("odd"), Some("1.5"));
    let read = departments(json!([{"orgCode":"D1","orgName":"n","odd":"x"}])).unwrap();
    assert_eq!(read[0].unknown.get("odd"), Some("x"));
    // In the sample of V2.0, but not in its table.
    match parse_v2(Activity::AllOrgSync, &with(ORGS_V2, &[("flag", Some(json!(1)))])).unwrap() {
        v2::Callback::AllOrgSync(request) => assert_eq!(request.unknown.get("flag"), Some("1")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_deletion_may_lack_the_client_secret() {
    for secret in [None, Some(json!("")), Some(Value::Null)] {
        let read = application(&with(APPLICATION, &[("clientSecret", secret), ("flag", Some(json!(0)))])).unwrap();
        assert_eq!((read.flag, read.client_secret), (Flag::Delete, None));
    }
    assert_eq!(application(APPLICATION).unwrap().client_secret.unwrap().expose(), "Y2lwaGVydGV4dA==");
}

#[test]
fn times_are_in_china() {
    for tenant in tenants(TENANT) {
        let time = tenant.unwrap().time_stamp.unwrap();
        assert_eq!((time.to_string().as_str(), Timestamp::from(time)), (NOW_IN_CHINA, NOW));
    }
    for bad in ["2024-03-05 10:30", "1709605800123", "20240231103000123", "202403051030001234"] {
        let tenant = tenant_v2(&with(TENANT, &[("timeStamp", Some(json!(bad)))])).unwrap();
        assert_eq!((tenant.time_stamp, tenant.warnings[0].path.as_str()), (None, "timeStamp"), "{bad}");
    }
    assert_eq!(Timestamp::parse_compact(NOW_IN_CHINA, CHINA), Ok(NOW));
}

#[test]
fn debug_shows_no_personal_data_and_no_secret() {
    let user = json!({
        "userName":"PRIVATE", "name":"PRIVATE", "orgCode":"D1", "role":"user", "enable":"true", "mobile":"PRIVATE",
        "email":"PRIVATE", "employeeCode":"PRIVATE", "odd":"PRIVATE", "extension":{"erp":"PRIVATE"},
    });
    let secret = with(APPLICATION, &[("clientSecret", Some(json!("PRIVATE")))]);
    let shown = [
        format!("{:?}", users(json!([user])).unwrap()),
        format!("{:?}", application(&secret).unwrap()),
        format!("{:?}", tenant_v2(&with(TENANT, &[("name", Some(json!("PRIVATE")))])).unwrap()),
    ];
    for shown in shown {
        assert!(!shown.contains("PRIVATE") && shown.contains("redacted"), "{shown}");
    }
}

// What is refused.

#[test]
fn what_decides_is_insisted_on_and_the_rest_is_not() {
    let information = ["name", "timeStamp", "currentSyncTime", "orgName"];
    let optional = ["instanceId", "orderId", "parentCode", "testFlag"];
    for (activity, sample) in SAMPLES_V2 {
        let members: Value = serde_json::from_str(sample).unwrap();
        for name in members.as_object().unwrap().keys().filter(|name| !optional.contains(&name.as_str())) {
            for value in [None, Some(json!("")), Some(Value::Null)] {
                let read = parse_v2(activity, &with(sample, &[(name, value)]));
                match information.contains(&name.as_str()) {
                    true => assert_eq!(read.unwrap().warnings(), [], "{name}"),
                    false => assert_eq!(field(read.unwrap_err()), (&**name, FieldProblem::Missing)),
                }
            }
        }
    }
}

#[test]
fn a_deletion_needs_only_what_names_the_thing() {
    for (activity, body) in [
        (Activity::TenantSync, json!({"tenantId":"t","flag":0})),
        (Activity::TenantSync, json!({"tenantId":"t","flag":"0","domainName":{},"name":5,"tenantCode":[1]})),
        (Activity::ApplicationSync, json!({"tenantId":"t","appId":"a","flag":0})),
        (Activity::ApplicationSync, json!({"tenantId":"t","appId":"a","flag":0.0,"clientId":{"x":1},"clientSecret":7})),
        (Activity::SingleOrgSync, json!({"tenantId":"t","orgCode":"D1","flag":0})),
        (Activity::AuthSync, json!({"tenantId":"t","appId":"a","flag":0,"userList":[{"userName":"u"}]})),
        (Activity::AuthSync, json!({"tenantId":"t","appId":"a","flag":3,"userList":"[{userName:\"u\"}]"})),
    ] {
        assert!(parse_v2(activity, &body.to_string()).is_ok(), "{activity}: {body}");
        // V1.0 signs with the time in the body.
        let mut timed = body.clone();
        timed["timeStamp"] = json!(NOW_IN_CHINA);
        assert!(parse_v1(activity, &timed.to_string()).is_ok(), "{activity}: {timed}");
        for name in
            body.as_object().unwrap().keys().filter(|name| ["tenantId", "appId", "orgCode"].contains(&name.as_str()))
        {
            let error = parse_v2(activity, &with(&body.to_string(), &[(name, None)])).unwrap_err();
            assert_eq!(field(error), (&**name, FieldProblem::Missing));
        }
    }
    // The path is not signed, and must not turn one deletion into another.
    for (made_for, body) in [
        (Activity::ApplicationSync, json!({"tenantId":"t","appId":"a","flag":0})),
        (Activity::SingleOrgSync, json!({"tenantId":"t","orgCode":"D1","flag":0})),
        (Activity::AuthSync, json!({"tenantId":"t","appId":"a","flag":0,"userList":[{"userName":"u"}]})),
        (Activity::AllOrgSync, json!({"tenantId":"t","orgInfoList":[],"flag":0})),
        (Activity::TenantSync, json!({"tenantId":"t","flag":0})),
    ] {
        for (other, _) in SAMPLES_V2 {
            assert_eq!(parse_v2(other, &body.to_string()).is_ok(), other == made_for, "{made_for} as {other}");
        }
    }
}

#[test]
fn an_entry_is_refused_only_without_its_key() {
    let odd = json!({"userName":"u","name":{"a":1},"orgCode":7,"role":null,"enable":"maybe","mobile":13800138000_u64,
        "email":true,"position":"x".repeat(65),"employeeType":[2],"entryDate":20221109,"extension":"no object"});
    let body = with(AUTH_V2, &[("userList", Some(json!([odd, {"userName":"v"}])))]);
    let v2::Callback::AuthSync(request) = parse_v2(Activity::AuthSync, &body).unwrap() else { panic!() };
    let user = &request.user_list[0];
    assert_eq!((user.name.as_ref(), user.org_code.as_deref(), &user.role), (None, Some("7"), &None));
    assert_eq!(user.mobile.as_ref().unwrap().expose(), "13800138000");
    assert_eq!(user.email, None, "a truth value is no text");
    assert_eq!(user.position.as_ref().unwrap().len(), 65, "a too long text is kept whole");
    assert_eq!((user.employee_type.as_ref(), user.entry_date.as_deref()), (None, Some("20221109")));
    let mut warnings: Vec<_> = request.warnings.iter().map(|warning| warning.path.as_str()).collect();
    warnings.sort_unstable();
    let expected =
        ["email", "employeeType", "enable", "extension", "name", "position"].map(|name| format!("userList[0].{name}"));
    assert_eq!(warnings, expected);
    assert_eq!(
        request
            .warnings
            .iter()
            .find(|warning| warning.path.ends_with("enable"))
            .unwrap()
            .raw
            .as_ref()
            .unwrap()
            .expose(),
        "maybe"
    );

    let entries: Vec<Value> =
        (0..30).map(|index| if index % 10 == 9 { json!({"userName":"u"}) } else { json!({"name":"n"}) }).collect();
    let (list, problem) = field(users(Value::from(entries)).unwrap_err());
    let FieldProblem::Entries(bad) = problem else { panic!("{problem}") };
    assert_eq!((list, bad.count, bad.first.len()), ("userList", 27, 20));
    assert_eq!((bad.first[0].0, bad.first[19].0), (0, 21));
    assert!(bad.to_string().ends_with(r#"[21] field "userName" is missing or empty; and 7 more"#), "{bad}");
}

#[test]
fn a_repeated_member_counts_once_if_it_is_the_same() {
    // The guide's own sample repeats the instance.
    let equal = ORG.replacen('{', r#"{"instanceId":"inst-1001","#, 1);
    assert!(matches!(parse_v2(Activity::SingleOrgSync, &equal), Ok(v2::Callback::SingleOrgSync(_))));
    let other = ORG.replacen('{', r#"{"instanceId":"inst-2","#, 1);
    let error = parse_v2(Activity::SingleOrgSync, &other).unwrap_err();
    assert_eq!(field(error), ("instanceId", FieldProblem::Repeated));
    let odd = ORG.replacen('{', r#"{"orgName":"other","#, 1);
    let v2::Callback::SingleOrgSync(request) = parse_v2(Activity::SingleOrgSync, &odd).unwrap() else { panic!() };
    assert_eq!((request.org_name, &request.warnings[0].problem), (None, &FieldProblem::Repeated));
}

#[test]
fn a_fault_in_a_list_is_found_by_its_place() {
    let error = departments(json!([{"orgCode":"D1","orgName":"n"},{"orgName":"n"}])).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"field "orgInfoList" has 1 entries that cannot be identified: [1] field "orgCode" is missing or empty"#
    );
    for bad in
        [json!("no list"), json!("[{orgCode}]"), json!(5), json!("[1,"), json!("[{'orgCode':'D1'}]"), json!(true)]
    {
        assert_eq!(field(departments(bad).unwrap_err()).0, "orgInfoList");
    }
    // Misprints of the documents are no JSON, and what stands twice could mean either.
    for bad in [r#"[{"orgCode":"D1","orgName":"n",}]"#, r#"[{"orgCode":"D1","orgName":"n","orgCode":"D2"}]"#] {
        assert!(departments(bad).is_err(), "{bad}");
    }
    assert!(departments("[".repeat(100_000)).is_err());
    assert!(departments(format!("[{{a:{}", "[{a:".repeat(100_000))).is_err());
    let deep = |depth| format!(r#"[{{"orgCode":"D1","orgName":"n","x":{}{}}}]"#, "[".repeat(depth), "]".repeat(depth));
    assert!(departments(deep(100)).is_ok() && departments(deep(200)).is_err());
}

#[test]
fn a_list_that_is_too_long_is_refused_before_it_is_read() {
    let list = |entries: usize| format!("[{}]", vec![r#"{"orgCode":"D","orgName":"n"}"#; entries].join(","));
    assert_eq!(departments(list(MAX_ENTRIES)).unwrap().len(), MAX_ENTRIES);
    let error = departments(list(MAX_ENTRIES + 1)).unwrap_err();
    assert_eq!(field(error), ("orgInfoList", FieldProblem::TooMany(MAX_ENTRIES)));
    let error = users(format!("[{}1]", "1,".repeat(100_000))).unwrap_err();
    assert_eq!(field(error), ("userList", FieldProblem::TooMany(MAX_ENTRIES)));
}

/// The path is not signed: an attacker who intercepts a call could send it to another path.
#[test]
fn no_message_is_taken_for_another() {
    for (activity, sample) in SAMPLES_V1 {
        for (other, _) in SAMPLES_V1 {
            assert_eq!(parse_v1(other, sample).is_ok(), activity == other, "{activity} as {other}");
        }
    }
    for (activity, sample) in SAMPLES_V2 {
        for (other, _) in SAMPLES_V2 {
            assert_eq!(parse_v2(other, sample).is_ok(), activity == other, "{activity} as {other}");
        }
    }
    let error = parse_v2(Activity::NewInstance, TENANT).unwrap_err();
    assert_eq!(error, ParseError::UnknownActivity("newInstance".to_owned()));
}

/// Blank members are outside the token of V1.0, so anybody could add one.
#[test]
fn what_v1_does_not_sign_is_not_read() {
    let token = auth_token_body::sign(ring().signing_key(), TENANT.as_bytes()).unwrap();
    let headers = headers([(auth_token_body::HEADER, token)]);
    let body = with(
        TENANT,
        &[("added", Some(json!(" \t"))), ("authToken", Some(json!("x"))), ("parentCode", Some(Value::Null))],
    );
    let verified = auth_token_body::verify(&ring(), &headers, body.as_bytes(), NOW, Window::default()).unwrap();
    let callback = v1::Callback::parse(Activity::TenantSync, &verified).unwrap();
    assert_eq!(callback, parse_v1(Activity::TenantSync, TENANT).unwrap());

    let blank = with(TENANT, &[("orderId", Some(json!("\u{3000} ")))]);
    assert_eq!(tenant_v1(&blank).unwrap().order_id, None);
}

#[test]
fn paths_are_distinguished_by_their_end() {
    for version in [Version::V1, Version::V2] {
        for (activity, _) in SAMPLES_V1 {
            let path = sub_path(version, activity).unwrap();
            for path in [path.clone(), format!("/isv/produce{path}"), format!("{path}/"), format!("{path}?a=/b/c")] {
                assert_eq!(route(&path), Some((version, activity)), "{path}");
            }
        }
    }
    assert_eq!(sub_path(Version::V2, Activity::NewInstance), None);
    for other in [
        "",
        "/",
        "/isv/produce",
        "/produceAPI",
        "/produceAPI/",
        "/produceAPI/v2",
        "/produceAPI/v2/",
        "/produceAPI/v3/tenantSync",
        "/produceAPI/V2/tenantSync",
        "/produceapi/tenantSync",
        "/produceAPI/tenantsync",
        "/produceAPI/newInstance",
        "/produceAPI/tenantSync//",
        "/produceAPI/tenantSync/x",
        "/xproduceAPI/tenantSync",
        "produceAPI/tenantSync",
        "/x?/produceAPI/tenantSync",
        "/produceAPI//tenantSync",
    ] {
        assert_eq!(route(other), None, "{other}");
    }
}

// What holds for every message.

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Text that is neither empty nor blank, and hides no parameter.
fn any_text() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<char>().prop_filter("no mark", |&c| c != '&' && c != '\0'), 1..12)
        .prop_map(|characters| characters.into_iter().chain(['x']).collect())
}

fn any_users() -> impl Strategy<Value = Vec<User>> {
    let optional = || proptest::option::of(any_text());
    let mandatory = (any_text(), any_text(), any_text(), any::<bool>(), any::<bool>());
    let others = (optional(), optional(), optional(), optional(), optional(), optional(), "[1-9]|x");
    let user = (mandatory, others, optional(), optional()).prop_map(|(mandatory, others, extension, unknown)| {
        let (user_name, name, org_code, admin, enable) = mandatory;
        let mut user = User::new(user_name, name, org_code, if admin { Role::Admin } else { Role::User });
        user.enable = Some(enable);
        (user.position, user.work_place, user.entry_date) = (others.0, others.1, others.2);
        user.employee_code = others.3.map(Into::into);
        user.mobile = others.4.map(Into::into);
        user.email = others.5.map(Into::into);
        user.employee_type = enable.then(|| EmployeeType::from(&*others.6));
        if let Some(value) = extension {
            user.extension.insert_text("odd", value);
        }
        if let Some(value) = unknown {
            user.unknown.insert_text("Odd", value);
        }
        user
    });
    proptest::collection::vec(user, 0..4)
}

fn any_departments() -> impl Strategy<Value = Vec<Department>> {
    let parts = (any_text(), any_text(), proptest::option::of(any_text()));
    let any_department = parts.prop_map(|(code, name, parent)| department(&code, &name, parent.as_deref()));
    proptest::collection::vec(any_department, 0..4)
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn what_is_written_is_read_again(
        texts in proptest::collection::vec(any_text(), 6),
        users in any_users(),
        departments in any_departments(),
        flag in proptest::sample::select(vec![AuthFlag::Delete, AuthFlag::Add, AuthFlag::CancelAuthorization]),
        debug in any::<bool>(),
    ) {
        let time = ChinaTime::from(NOW);
        let test_flag = if debug { TestFlag::Debug } else { TestFlag::Production };
        let [a, b, c, d, e, f] = texts.try_into().unwrap();

        let mut tenant = v1::tenant_sync::Request::new(a.clone(), b.clone(), c, d.clone(), Flag::Modify, time);
        (tenant.order_id, tenant.test_flag) = (Some(e.clone()), test_flag);
        tenant.unknown.insert_text("Odd", f.clone());
        prop_assert_eq!(tenant_v1(&tenant.to_body()), Ok(tenant.clone()));
        prop_assert_eq!(tenant_v2(&tenant.to_body()), Ok(tenant));

        let mut auth = v1::auth_sync::Request::new(a.clone(), b.clone(), users.clone(), time, flag, time);
        (auth.instance_id, auth.test_flag) = (Some(d.clone()), test_flag);
        prop_assert_eq!(parse_v1(Activity::AuthSync, &auth.to_body()), Ok(v1::Callback::AuthSync(auth)));
        let mut auth = v2::auth_sync::Request::new(a.clone(), b.clone(), users, time, flag, time);
        (auth.instance_id, auth.test_flag) = (Some(d.clone()), test_flag);
        prop_assert_eq!(parse_v2(Activity::AuthSync, &auth.to_body()), Ok(v2::Callback::AuthSync(auth)));

        let orgs = v1::all_org_sync::Request::new(a.clone(), departments.clone(), time);
        prop_assert_eq!(parse_v1(Activity::AllOrgSync, &orgs.to_body()), Ok(v1::Callback::AllOrgSync(orgs)));
        let orgs = v2::all_org_sync::Request::new(a.clone(), departments, time);
        prop_assert_eq!(parse_v2(Activity::AllOrgSync, &orgs.to_body()), Ok(v2::Callback::AllOrgSync(orgs)));

        let mut org = v2::single_org_sync::Request::new(a.clone(), b.clone(), e.clone(), Flag::Delete, time);
        org.parent_code = Some(f.clone());
        prop_assert_eq!(parse_v1(Activity::SingleOrgSync, &org.to_body()), Ok(v1::Callback::SingleOrgSync(org)));
        let application = v2::application_sync::Request::new(a, b, e, f, Flag::Add, time);
        let read = parse_v2(Activity::ApplicationSync, &application.to_body());
        prop_assert_eq!(read, Ok(v2::Callback::ApplicationSync(application)));
    }

    /// No panic and no endless work, whatever stands in a list.
    #[test]
    fn reading_a_list_is_total(noise in "[\\[\\]{}:,\"\\\\a-c0-9 orgCodename中]{0,60}", text in any_text()) {
        for list in [noise.clone(), format!("[{noise}]"), format!("[{{orgCode:{noise}}}]"), text] {
            let _ = departments(list.as_str());
            let _ = users(list.as_str());
        }
    }
}
