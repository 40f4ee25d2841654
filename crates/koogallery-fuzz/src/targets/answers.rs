//! Answers of the marketplace, of its gateway and of authentication centers.

use std::fmt::Display;

use bytes::Bytes;
use http::{Response, StatusCode};
use koogallery::login::{Exchange, cas, token, user_info};
use koogallery::open_api::{
    Api, activate_license, activate_licenses, push_usage, push_usage_old, query_deployed_objects, query_license,
    query_order, report_software_usage, upload,
};

use crate::seeds::NOW;

/// The first byte chooses status and content type; the rest is the body.
fn answer(data: &[u8]) -> Response<Bytes> {
    const STATUSES: [u16; 8] = [200, 200, 200, 201, 302, 401, 429, 500];
    const TYPES: [&str; 4] = ["application/json", "application/json;charset=UTF-8", "text/xml", "text/html"];
    let (first, body) = data.split_first().map_or((0, data), |(first, body)| (usize::from(*first), body));
    let mut response = Response::new(Bytes::copy_from_slice(body));
    *response.status_mut() = StatusCode::from_u16(STATUSES[first % 8]).expect("it is a status");
    let content_type = TYPES[first / 8 % 4].parse().expect("it is text");
    response.headers_mut().insert("content-type", content_type);
    response
}

/// Errors are written into logs: they are short and on one line.
fn check<T>(read: Result<T, impl Display>) {
    if let Err(error) = read {
        let text = error.to_string();
        assert!(text.len() < 4096 && !text.contains(['\n', '\r', '\u{1b}']), "{text:?}");
    }
}

pub(super) fn open_api(data: &[u8]) {
    let answer = answer(data);
    check(query_order::Request::from_http(&answer));
    check(query_license::Request::from_http(&answer));
    check(activate_license::Request::from_http(&answer));
    check(activate_licenses::Request::from_http(&answer));
    check(push_usage::Request::from_http(&answer).map(|pushed| fates(&pushed)));
    check(push_usage_old::Request::from_http(&answer));
    check(query_deployed_objects::Request::from_http(&answer));
    check(report_software_usage::Request::from_http(&answer));
    check(upload::Request::from_http(&answer));
}

/// Each record has a fate, and none is refused where all are taken.
fn fates(pushed: &push_usage::Response) {
    let record = |name: char| push_usage::UsageRecord::new(name, format!("i-{name}"), NOW, NOW, 1.into());
    let records: Vec<_> = ('a'..='c').map(record).collect();
    let fates = pushed.fates(&records);
    assert_eq!(fates.len(), records.len());
    assert!(!pushed.is_all_taken() || fates.iter().all(|fate| *fate == push_usage::RecordFate::Taken));
}

/// OAuth 2.0, and CAS in JSON and XML.
pub(super) fn login(data: &[u8]) {
    let answer = answer(data);
    check(token::CodeExchange::from_http(&answer));
    check(token::Refresh::from_http(&answer));
    check(user_info::UserInfoQuery::from_http(&answer));
    check(cas::Validation::from_http(&answer));
}
