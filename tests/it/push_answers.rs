//! What answers to a usage push say of each record, in every form that they may have.

use http::Response;
use koogallery::open_api::push_usage::{self, RecordFate, UsageRecord};
use koogallery::open_api::{Api as _, push_usage_old};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use crate::support::NOW;

/// Records `a`, `b`, `c` and so on, of the instances `i-a`, `i-b`, `i-c`.
fn records(count: usize) -> Vec<UsageRecord> {
    let record = |name: char| UsageRecord::new(name, format!("i-{name}"), NOW, NOW, 1.into());
    ('a'..).take(count).map(record).collect()
}

/// Of each record: `+` for taken, `?` for unclear, or its code. `failed` where the push as a whole failed.
fn read(status: u16, body: &str, records: &[UsageRecord]) -> String {
    let response = Response::builder().status(status).body(body.to_owned().into()).unwrap();
    let Ok(response) = push_usage::Request::from_http(&response) else { return "failed".to_owned() };
    let fates = response.fates(records);
    assert_eq!(fates.len(), records.len());
    assert!(!response.is_all_taken() || fates.iter().all(|fate| *fate == RecordFate::Taken));
    let fate = |fate| match fate {
        RecordFate::Taken => "+",
        RecordFate::Refused(record) => record.code.as_str(),
        _ => "?",
    };
    fates.into_iter().map(fate).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_list_is_found_wherever_it_stands() {
    let records = records(3);
    let b = r#"{"error_code":"001","metering_sn":"b"}"#;
    let text = |json: &str| Value::from(json).to_string();
    let nested = format!(r#"{{"abnormal_usage_data":[{b}]}}"#);
    for rest in [
        format!(r#""data":{nested}"#),
        format!(r#""abnormal_usage_data":[{b}]"#),
        format!(r#""Abnormal_Usage_Data":[{b}]"#),
        format!(r#""abnormalUsageData":[{b}]"#),
        format!(r#""x":{{"y":[1,{{"z":{nested}}}]}}"#),
        format!(r#""data":{}"#, text(&nested)),
        format!(r#""data":{}"#, text(&format!(r#"{{"result":{}}}"#, text(&nested)))),
        format!(r#""data":{}"#, text(&text(&nested))),
        format!(r#""data":{{"abnormal_usage_data":{}}}"#, text(&format!("[{b}]"))),
        format!(r#""data":{{"abnormal_usage_data":{b}}}"#),
        format!(r#""data":{{"abnormal_usage_data":[{}]}}"#, text(b)),
        format!(r#""abnormal_usage_data":{nested}"#),
        // Before any other list, and before those that are empty.
        format!(r#""a":[{{"error_code":"002","metering_sn":"a"}}],"data":{nested}"#),
        format!(r#""abnormal_usage_data":null,"data":{nested}"#),
        format!(r#""data":{nested},"z":{{"abnormal_usage_data":[]}}"#),
        // Any other list.
        format!(r#""data":[{b}]"#),
        format!(r#""errors":[1,2],"list":[{b}]"#),
        format!(r#""aa":{{"x":[{{"error_code":"002","metering_sn":"a"}}]}},"list":[{b}]"#),
        format!(r#""data":{{"list":[{b}]}}"#),
        format!(r#""data":{}"#, text(&format!("[{b}]"))),
        format!(r#""data":{b}"#),
        format!(r#""z":[{b}],"a":[{{"error_code":"002","metering_sn":"a"}}]"#),
    ] {
        let body = format!(r#"{{"error_code":"94060999","error_msg":"Failed",{rest}}}"#);
        assert_eq!(read(200, &body, &records), "+ 001 +", "{body}");
        assert_eq!(read(200, &format!("\u{feff}{body}"), &records), "+ 001 +", "{body}");
    }
}

#[test]
fn codes_are_read_in_every_form_and_under_every_name() {
    let records = records(2);
    for name in ["error_code", "errorCode", "ErrorCode", "ERROR_CODE", "resultCode", "result_code", "code"] {
        for code in [r#""94060999""#, "94060999", "94060999.0", r#"" 94060999 ""#, r#""9406 0999""#, "9.4060999e7"] {
            let body = format!(r#"{{"{name}":{code},"abnormal_usage_data":[{{"error_code":5,"metering_sn":"a"}}]}}"#);
            assert_eq!(read(200, &body, &records), "005 +", "{body}");
            assert_eq!(read(200, &format!(r#"{{"{name}":{code}}}"#), &records), "? ?", "{body}");
        }
        for code in ["MKT.0000", " MKT.0000", "MKT. 0000", "mkt.0000"] {
            let body = format!(r#"{{"{name}":"{code}"}}"#);
            assert_eq!(read(200, &body, &records), "+ +", "{body}");
        }
    }
    for name in ["error_code", "errorCode", "ResultCode", "result_code", "code", "errCode"] {
        for code in ["5", "5.0", r#""5""#, r#""05""#, r#""005""#, r#"" 005 ""#, r#""0005""#, r#""5.0""#, "5e0"] {
            let body =
                format!(r#"{{"error_code":"94060999","data":[{{"{name}":{code},"metering_sn":"b","msg":"x"}}]}}"#);
            assert_eq!(read(200, &body, &records), "+ 005", "{body}");
        }
        for code in [
            "null",
            r#""""#,
            r#"" ""#,
            "0",
            r#""000""#,
            "-5",
            "5.5",
            "1000",
            "94060999",
            r#""five""#,
            "true",
            "[5]",
            "{}",
        ] {
            let body = format!(r#"{{"error_code":"94060999","data":[{{"{name}":{code},"metering_sn":"b"}}]}}"#);
            assert_eq!(read(200, &body, &records), "? ?", "{body}");
        }
    }
}

#[test]
fn records_are_named_by_number_or_by_an_instance_with_one_record() {
    let records = records(3);
    let several = [&records[..], &[UsageRecord::new("d", "i-a", NOW, NOW, 1.into())]].concat();
    for (element, of_three, of_four) in [
        (r#""meteringSn":"a""#, "001 + +", "001 + + +"),
        (r#""METERING_SN":" a ","instance_id":"i-a""#, "001 + +", "001 + + +"),
        (r#""instanceId":"i-a""#, "001 + +", "? ? ? ?"),
        (r#""instance_id":"i-b","metering_sn":null"#, "+ 001 +", "+ 001 + +"),
        (r#""instance_id":"i-b","metering_sn":"""#, "+ 001 +", "+ 001 + +"),
        (r#""instance_id":"i-b","metering_sn":"a""#, "? ? ?", "? ? ? ?"),
        (r#""metering_sn":"x""#, "? ? ?", "? ? ? ?"),
        (r#""metering_sn":{"a":1}"#, "? ? ?", "? ? ? ?"),
        (r#""metering_sn":"a","meteringSn":"b""#, "? ? ?", "? ? ? ?"),
        (r#""nobody":1"#, "? ? ?", "? ? ? ?"),
    ] {
        let body = format!(r#"{{"error_code":"94060999","data":[{{"error_code":"001",{element}}}]}}"#);
        assert_eq!(read(200, &body, &records), of_three, "{body}");
        assert_eq!(read(200, &body, &several), of_four, "{body}");
    }
    let numbered = [UsageRecord::new("17", "i", NOW, NOW, 1.into()), UsageRecord::new("18", "i", NOW, NOW, 1.into())];
    assert_eq!(read(200, r#"{"error_code":"94060999","data":[{"code":1,"metering_sn":17}]}"#, &numbered), "001 +");
    // A single record needs no name, nor do records that are all refused alike.
    let nameless = |elements: &str| format!(r#"{{"error_code":"94060999","data":[{elements}]}}"#);
    assert_eq!(read(200, &nameless(r#"{"code":"5"}"#), &records[..1]), "005");
    assert_eq!(read(200, &nameless(r#"{"code":"5"},{"code":"5"}"#), &records[..2]), "005 005");
    assert_eq!(read(200, &nameless(r#"{"code":"5"},{"code":"1"}"#), &records[..2]), "? ?");
    assert_eq!(read(200, &nameless(r#"{"code":"5"},{"code":"5"}"#), &records), "? ? ?");
    assert_eq!(read(200, &nameless(r#"{"code":"5","metering_sn":"x"}"#), &records[..1]), "?");
}

#[test]
fn a_list_that_is_not_understood_in_full_proves_nothing_of_others() {
    let records = records(3);
    let a = r#"{"error_code":"005","metering_sn":"a"}"#;
    for odd in [
        r#"{"metering_sn":"b"}"#,
        r#"{"error_code":"xyz","metering_sn":"b"}"#,
        r#"{"error_code":"001"}"#,
        r#"{"error_code":"001","metering_sn":"z"}"#,
        r#"{"error_code":"001","code":"002","metering_sn":"b"}"#,
        r#"{"error_code":"001","error_code":"002","metering_sn":"b"}"#,
        r#""b""#,
        "null",
        "[]",
        "{}",
        "7",
    ] {
        for body in [
            format!(r#"{{"error_code":"94060999","data":{{"abnormal_usage_data":[{a},{odd}]}}}}"#),
            format!(r#"{{"error_code":"94060999","data":[{odd},{a}]}}"#),
            format!(r#"{{"error_code":"MKT.0000","data":{{"abnormal_usage_data":[{a},{odd}]}}}}"#),
        ] {
            assert_eq!(read(200, &body, &records), "005 ? ?", "{body}");
        }
    }
    let contradicts = format!(r#"{{"error_code":94060999,"data":[{a},{{"error_code":"001","metering_sn":"a"}}]}}"#);
    assert_eq!(read(200, &contradicts, &records), "? ? ?");
    let repeats = format!(r#"{{"error_code":94060999,"data":[{a},{a}]}}"#);
    assert_eq!(read(200, &repeats, &records), "005 + +");
    for unreadable in
        ["?", "", "null", "[]", "{}", "7", r#"[["a"]]"#, r#"{"abnormal_usage_data":[]}"#, r#"{"code":"5"}"#]
    {
        for value in [unreadable.to_owned(), Value::from(unreadable).to_string()] {
            let body = format!(r#"{{"error_code":"94060999","data":{value}}}"#);
            if serde_json::from_str::<Value>(&body).is_ok() {
                assert_eq!(read(200, &body, &records), "? ? ?", "{body}");
            }
        }
    }
    // Under the right name there is nothing, so that no other list is the one.
    let other = format!(r#"{{"error_code":"94060999","abnormal_usage_data":[],"data":[{a}]}}"#);
    assert_eq!(read(200, &other, &records), "? ? ?");
}

#[test]
fn a_success_that_lists_refused_records_is_none() {
    let records = records(2);
    for (rest, fates) in [
        (r#""data":{"abnormal_usage_data":[{"error_code":"001","metering_sn":"a"}]}"#, "001 +"),
        (r#""data":"{\"abnormal_usage_data\":[{\"error_code\":1,\"metering_sn\":\"a\"}]}""#, "001 +"),
        (r#""data":"{\"abnormal_usage_data\":[{\"error_code\":1,\"meterin""#, "? ?"),
        (r#""abnormal_usage_data":[{"metering_sn":"a"}]"#, "? ?"),
        (r#""abnormal_usage_data":["a"]"#, "? ?"),
        (r#""abnormal_usage_data":"a""#, "? ?"),
        (r#""code":94060999"#, "? ?"),
        (r#""data":{"error_code":"94060999"}"#, "? ?"),
        (r#""data":"{\"error_code\":9.4060999e7,\"abnormal_usage_data\":[]}""#, "? ?"),
        (r#""abnormal_usage_data":7"#, "? ?"),
        (r#""data":[{"error_code":"001","metering_sn":"a"}]"#, "001 +"),
        (r#""abnormal_usage_data":[]"#, "+ +"),
        (r#""abnormal_usage_data":{}"#, "+ +"),
        (r#""abnormal_usage_data":null"#, "+ +"),
        (r#""abnormal_usage_data":"""#, "+ +"),
        (r#""data":{"abnormal_usage_data":[]}"#, "+ +"),
        (r#""data":{"total":2}"#, "+ +"),
        (r#""data":[{"metering_sn":"a","status":"queued"}]"#, "+ +"),
        (r#""data":[{"metering_sn":"a","code":"000"}]"#, "+ +"),
        (r#""data":[{"metering_sn":"a","code":200}]"#, "+ +"),
        (r#""data":"no abnormal_usage_data""#, "+ +"),
    ] {
        let body = format!(r#"{{"error_code":"MKT.0000",{rest}}}"#);
        assert_eq!(read(200, &body, &records), fates, "{body}");
        let old = push_usage_old::Request::from_http(&Response::new(body.clone().into()));
        assert_eq!(old.is_ok(), fates == "+ +", "{body}");
    }
    let deep = format!(r#"{{"error_code":"MKT.0000","data":{}{}}}"#, "[".repeat(100), "]".repeat(100));
    assert_ne!(read(200, &deep, &records), "+ +");
}

#[test]
fn what_is_no_success_delivers_nothing() {
    let records = records(2);
    for (status, body) in [
        (500, r#"{"error_code":"MKT.0000"}"#),
        (302, r#"{"error_code":"MKT.0000"}"#),
        (200, r#"{"error_code":"MKT.0000","resultCode":"94060999"}"#),
        (200, r#"{"error_code":"MKT.0000","error_code":"94060999"}"#),
        (200, r#"{"error_code":"MKT.0001"}"#),
        (200, r#"{"error_code":"0"}"#),
        (200, r#"{"error_code":null}"#),
        (200, r#"{"error_code":true}"#),
        (200, r#"{"data":{"error_code":"MKT.0000"}}"#),
        (200, r#"[{"error_code":"MKT.0000"}]"#),
        (200, r#""MKT.0000""#),
        (200, r#"{"error_code":"MKT.0000""#),
        (200, ""),
        (200, "<html>"),
    ] {
        assert_eq!(read(status, body, &records), "failed", "{status} {body}");
        let response = Response::builder().status(status).body(body.to_owned().into()).unwrap();
        assert!(push_usage_old::Request::from_http(&response).is_err(), "{status} {body}");
    }
    let listed = r#"{"error_code":"94060999","data":[{"error_code":"001","metering_sn":"a"}]}"#;
    for status in [400, 409, 500, 503] {
        assert_eq!(read(status, listed, &records), "? ?", "documented with HTTP 200 alone");
    }
}

/// Name and value of the member that holds a list.
type ListAt = fn(Vec<Value>) -> (&'static str, Value);

/// A refused record, as an answer may write it.
#[derive(Clone, Debug)]
struct Style {
    code_name: &'static str,
    code_as: fn(u16) -> Value,
    sn_name: &'static str,
    list_at: ListAt,
    answer_code: (&'static str, Value),
}

fn style() -> impl Strategy<Value = Style> {
    let code_as: [fn(u16) -> Value; 5] = [
        |code| json!(code),
        |code| json!(f64::from(code)),
        |code| json!(code.to_string()),
        |code| json!(format!("{code:03}")),
        |code| json!(format!(" {code:03} ")),
    ];
    let list_at: [ListAt; 6] = [
        |list| ("data", json!({"abnormal_usage_data": list})),
        |list| ("abnormal_usage_data", json!(list)),
        |list| ("data", json!({"a": [{"b": {"abnormalUsageData": list}}]})),
        |list| ("data", json!({"abnormal_usage_data": list}).to_string().into()),
        |list| ("data", json!(list)),
        |list| ("data", json!({"list": list})),
    ];
    let answer_code = [json!("94060999"), json!(94_060_999), json!(" 94060999"), json!("MKT.0000")];
    let names = ["error_code", "errorCode", "resultCode", "ErrorCode", "result_code"];
    (
        select([&names[..], &["code"]].concat()),
        select(code_as.to_vec()),
        select(vec!["metering_sn", "meteringSn", "MeteringSN"]),
        select(list_at.to_vec()),
        (select(names.to_vec()), select(answer_code.to_vec())),
    )
        .prop_map(|(code_name, code_as, sn_name, list_at, answer_code)| Style {
            code_name,
            code_as,
            sn_name,
            list_at,
            answer_code,
        })
}

impl Style {
    fn element(&self, sn: &str, code: u16) -> Value {
        json!({self.code_name: (self.code_as)(code), self.sn_name: sn, "error_msg": "refused"})
    }

    fn answer(&self, list: Vec<Value>) -> Map<String, Value> {
        let (name, value) = (self.list_at)(list);
        let (code_name, code) = self.answer_code.clone();
        Map::from_iter([(code_name.to_owned(), code), (name.to_owned(), value)])
    }
}

const WORDS: [&str; 10] =
    ["abnormal_usage_data", "data", "error_code", "code", "metering_sn", "instance_id", "a", "b", "005", "94060999"];

/// Any JSON but lists and objects.
fn any_scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(WORDS.to_vec()).prop_map(Value::from),
        "[^{\\[]{0,8}".prop_map(Value::from),
    ]
}

/// Any JSON, of the names and values that answers are made of.
fn any_json() -> impl Strategy<Value = Value> {
    any_scalar().prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((select(WORDS.to_vec()), inner.clone()), 0..5)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            inner.prop_map(|value| value.to_string().into()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn readable_lists_tell_of_every_record(style in style(), codes in vec(prop::option::of(1_u16..=19), 2..20)) {
        let records = records(codes.len());
        let refused = records.iter().zip(&codes).filter_map(|(record, code)| Some((&record.metering_sn, (*code)?)));
        let list: Vec<_> = refused.map(|(sn, code)| style.element(sn, code)).collect();
        prop_assume!(!list.is_empty());
        // 8 is no documented code, so that a list of it alone under a success and an undocumented name is none.
        prop_assume!(codes.iter().flatten().any(|code| *code != 8));
        let expected: Vec<_> =
            codes.iter().map(|code| code.map_or("+".to_owned(), |code| format!("{code:03}"))).collect();
        let body = Value::Object(style.answer(list)).to_string();
        prop_assert_eq!(read(200, &body, &records), expected.join(" "), "{}", body);
    }

    #[test]
    fn one_odd_element_leaves_the_others_unclear(
        style in style(),
        codes in vec(prop::option::of(1_u16..=7), 2..20),
        odd in prop_oneof![any_scalar(), vec(any_scalar(), 0..3).prop_map(Value::from)],
        at in any::<prop::sample::Index>(),
    ) {
        let records = records(codes.len());
        let refused = records.iter().zip(&codes).filter_map(|(record, code)| Some((&record.metering_sn, (*code)?)));
        let mut list: Vec<_> = refused.map(|(sn, code)| style.element(sn, code)).collect();
        prop_assume!(!list.is_empty());
        list.insert(at.index(list.len() + 1), odd);
        let expected: Vec<_> =
            codes.iter().map(|code| code.map_or("?".to_owned(), |code| format!("{code:03}"))).collect();
        let body = Value::Object(style.answer(list)).to_string();
        prop_assert_eq!(read(200, &body, &records), expected.join(" "), "{}", body);
    }

    #[test]
    fn other_members_change_nothing(style in style(), codes in vec(1_u16..=7, 1..5), noise in any_scalar(), name in "[w-z]{1,4}") {
        let records = records(codes.len() + 2);
        let list: Vec<_> = records.iter().zip(&codes).map(|(record, code)| style.element(&record.metering_sn, *code)).collect();
        let mut answer = style.answer(list);
        let before = read(200, &Value::Object(answer.clone()).to_string(), &records);
        answer.insert(name, noise);
        prop_assert_eq!(read(200, &Value::Object(answer).to_string(), &records), before);
    }

    #[test]
    fn an_answer_without_the_code_of_a_success_takes_no_record_unless_its_list_names_others(body in any_json(), status in select(vec![200_u16, 200, 400, 500])) {
        let records = records(3);
        let Value::Object(mut body) = body else { return Ok(()) };
        body.insert("error_code".to_owned(), "94060999".into());
        let body = Value::Object(body).to_string();
        let fates = read(status, &body, &records);
        // Each fate follows from an element that was read; with none of them there is nothing taken.
        prop_assert!(!fates.contains('+') || fates.chars().any(|c| c.is_ascii_digit()), "{} {}", fates, body);
        prop_assert!(status == 200 || fates == "? ? ?" || fates == "failed", "{}", fates);
    }

    #[test]
    fn reading_is_total(body in ".{0,200}", more in any_json()) {
        let records = records(2);
        prop_assert_eq!(read(200, &body, &records), "failed");
        let _ = read(200, &more.to_string(), &records);
    }
}
