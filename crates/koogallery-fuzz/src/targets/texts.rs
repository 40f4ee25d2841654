//! Readers of text, each beside another one where there is one.

use std::collections::BTreeSet;

use futures_util::FutureExt as _;
use koogallery::key::{AccessKey, AccessKeys, KeyRing};
use koogallery::metering::reconciliation::{Encoding, Export, ExportedRecord, Layout};
use koogallery::metering::{RecordState, StoredRecord};
use koogallery::open_api::push_usage::UsageRecord;
use koogallery::query::{Plus, raw_pairs};
use koogallery::signature::{Window, callback_v2};
use koogallery_cli::fuzzing;
use koogallery_simulator::Masking;
use koogallery_simulator::http1::{Chunks, Reader};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::seeds::{KEY, NOW};

/// Queries give the same pairs as by `form_urlencoded`, but for empty segments and what is not UTF-8.
pub(super) fn query(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    for plus in [Plus::Space, Plus::Literal] {
        let pairs: Vec<_> = raw_pairs(text).collect();
        let decoded = pairs.iter().map(|pair| Some((pair.decoded_name(plus)?, pair.decoded_value(plus)?)));
        let (Some(ours), Plus::Space) = (decoded.collect::<Option<Vec<_>>>(), plus) else { continue };
        let theirs: Vec<_> = form_urlencoded::parse(data).collect();
        // It leaves incomplete percent sequences as they are.
        assert_eq!(ours, theirs, "{text:?}");
    }
}

/// What has a canonical form is JSON for `serde_json`, the form is its own, and it verifies for the raw body.
pub(super) fn json(data: &[u8]) {
    let Ok(canonical) = callback_v2::canonical(data) else { return };
    serde_json::from_slice::<&RawValue>(data).expect("it is JSON for serde_json as well");
    // Which has no value for numbers such as 1e999.
    let Ok(read) = serde_json::from_slice::<Value>(data) else { return };
    let form: Value = serde_json::from_str(&canonical).expect("the canonical form is JSON");
    assert!(read.is_object() && form.is_object());
    assert_eq!(
        callback_v2::canonical(canonical.as_bytes()).as_deref(),
        Ok(&*canonical),
        "the form of a form is itself"
    );
    for (name, value) in form.as_object().into_iter().flatten() {
        assert_eq!(read.get(name), Some(value), "{name}");
    }
    let key = AccessKey::new(KEY).expect("it is a key");
    let signed = callback_v2::signed_query(&key, "nonce-of-a-call-n", NOW, canonical.as_bytes());
    callback_v2::verify(&KeyRing::new(key), &signed, data, NOW, Window::default())
        .expect("the canonical form verifies");
}

/// A message reads the same whole and byte by byte.
pub(super) fn http1(data: &[u8]) {
    const LIMIT: usize = 16 * 1024;
    let request = |sizes: usize| {
        let mut reader = Reader::new(tokio::io::BufReader::with_capacity(sizes, data), LIMIT);
        let head = reader.request_head().now_or_never().expect("nothing is waited for");
        let body = match &head {
            Ok(Some(head)) => Some(reader.request_body(head).now_or_never().expect("nothing is waited for")),
            _ => None,
        };
        (head, body)
    };
    assert_eq!(request(1), request(data.len().max(1)));
    let response = |sizes: usize| {
        let mut reader = Reader::new(tokio::io::BufReader::with_capacity(sizes, data), LIMIT);
        let read = reader.response(false).now_or_never().expect("nothing is waited for");
        read.map(|response| (response.head, response.body))
    };
    let read = response(data.len().max(1));
    assert_eq!(response(1), read);
    assert!(read.is_err() || read.is_ok_and(|(_, body)| body.len() <= LIMIT));
    let mut chunks = Chunks::new(LIMIT);
    let _ = chunks.read(&mut data.into());
    assert!(chunks.into_body().len() <= LIMIT);
}

/// No secret stays, however it is written; JSON stays JSON.
pub(super) fn masking(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut masking = Masking::new(&AccessKeys::new());
    masking.add_secret(KEY);
    masking.learn_query(&text);
    masking.learn_json(&text);
    let with_secret = format!("{text}{KEY}{text}");
    for masked in [masking.json(&masking.text(&with_secret)), masking.query(&with_secret)] {
        assert!(!masked.contains(KEY), "{masked}");
    }
    if serde_json::from_str::<Value>(&text).is_ok() {
        serde_json::from_str::<Value>(&masking.json(&text)).expect("masked JSON is JSON");
    }
}

/// A statement says the same with and without a byte order mark, and with its encoding named; its rows are in order, and do not
/// differ from records that are made of them.
pub(super) fn statement(data: &[u8]) {
    let read = Export::read(data, &Layout::new());
    if let Err(error) = &read {
        assert!(!error.to_string().contains(['\n', '\r', '\u{1b}']), "{error}");
    }
    if str::from_utf8(data).is_err() {
        return;
    }
    let named = Export::read(data, &Layout::new().with_encoding(Encoding::Utf8));
    let marked = Export::read(&["\u{feff}".as_bytes(), data].concat(), &Layout::new());
    if let Ok(export) = &read {
        assert!(export.records().is_sorted_by_key(|record| record.row));
        let same = |other: &Result<Export, _>| other.as_ref().is_ok_and(|it| it.records() == export.records());
        assert!(same(&named) && (same(&marked) || data.starts_with(b"\xef\xbb\xbf")));
    }
    assert_eq!(read.is_ok(), named.is_ok());
    let Ok(export) = read else { return };
    let ours: Vec<_> = export.records().iter().map(record).collect();
    let numbers: BTreeSet<_> = ours.iter().map(|stored| &stored.record.metering_sn).collect();
    if numbers.len() == ours.len() {
        let differences = export.compare(&ours, NOW, NOW);
        assert!(differences.is_empty(), "{differences:?}");
    }
    // None of our records is expected in this time.
    assert_eq!(export.compare(&[], NOW, NOW).len(), ours.len());
}

/// The record that a row is of.
fn record(row: &ExportedRecord) -> StoredRecord {
    let number = row.metering_sn.clone().unwrap_or_else(|| format!("row {}", row.row));
    let (begin, end) = (row.begin_time, row.end_time.unwrap_or(row.begin_time));
    let mut record = UsageRecord::new(number, &row.instance_id, begin, end, row.amount);
    record.relate_pkg_instance = row.package_instance_id.clone();
    StoredRecord::new(record, RecordState::Delivered)
}

/// A scenario is read, or the error has a place within the text, on one line.
pub(super) fn scenario(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match fuzzing::scenario(text) {
        Ok(steps) => assert!(steps > 0),
        Err(error) => {
            let mut parts = error.splitn(3, ':');
            let mut number =
                || parts.next().and_then(|part| part.parse::<usize>().ok()).expect("it begins with a place");
            let (line, column) = (number(), number());
            let lines = text.split('\n').nth(line - 1).expect("the line exists");
            assert!((1..=lines.chars().count() + 1).contains(&column), "{error}");
        }
    }
}
