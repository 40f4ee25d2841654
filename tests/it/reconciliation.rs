//! Reconciliation: of an export that differs from the records, exactly the differences are found; and what cannot be read
//! says where and why.

use encoding_rs::{GB18030, GBK};
use koogallery::amount::Amount;
use koogallery::metering::reconciliation::{Column, Difference, DifferenceKind, Encoding, Export, Layout};
use koogallery::metering::{RecordState, StoredRecord};
use koogallery::open_api::push_usage::UsageRecord;
use koogallery::timestamp::{CHINA, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const HOUR: i64 = 3_600_000;

fn begin() -> Timestamp {
    "20261031160000".parse().unwrap()
}

fn hour(number: i64) -> Timestamp {
    Timestamp::from_unix_millis(begin().as_unix_millis() + number * HOUR)
}

/// The record of an hour, delivered.
fn record(number: i64, units: i64, package: Option<&str>) -> StoredRecord {
    let amount = Amount::from_ten_thousandths(units);
    let instance_id = format!("实例-{}", number % 3);
    let mut record = UsageRecord::new(format!("sn-{number}"), instance_id, hour(number), hour(number + 1), amount);
    record.relate_pkg_instance = package.map(str::to_owned);
    StoredRecord::new(record, RecordState::Delivered)
}

fn layout() -> Layout {
    Layout::new()
        .with_column(Column::MeteringSn, "流水号")
        .with_column(Column::InstanceId, "实例ID")
        .with_column(Column::BeginTime, "开始时间")
        .with_column(Column::EndTime, "结束时间")
        .with_column(Column::Amount, "用量")
        .with_column(Column::Package, "套餐包,实例")
        .with_column(Column::Unit, "单位")
        .with_unit("次")
}

/// A row as a spreadsheet has it.
#[derive(Clone, Debug)]
struct Row {
    record: UsageRecord,
    unit: &'static str,
}

impl Row {
    fn of(stored: &StoredRecord) -> Self {
        Self { record: stored.record.clone(), unit: "次" }
    }

    fn fields(&self) -> Vec<String> {
        let record = &self.record;
        let time = |at: Timestamp| {
            let text = at.to_compact_millis_in(CHINA);
            format!(
                "{}/{}/{} {}:{}:{}",
                &text[..4],
                &text[4..6],
                &text[6..8],
                &text[8..10],
                &text[10..12],
                &text[12..14]
            )
        };
        vec![
            record.metering_sn.clone(),
            record.instance_id.clone(),
            time(record.begin_time),
            time(record.end_time),
            record.usage_value.to_string(),
            record.relate_pkg_instance.clone().unwrap_or_default(),
            self.unit.to_owned(),
            "备注 \"x\"\n; 2".to_owned(),
        ]
    }
}

fn csv(rows: &[Row], separator: char, line_break: &str) -> String {
    let names = ["流水号", "实例ID", "开始时间", "结束时间", "用量", "套餐包,实例", "单位", "备注"];
    let line = |fields: Vec<String>| {
        let quoted = fields.iter().map(|field| {
            let is_plain = !field.contains(['"', ',', ';', '\t', '\n']);
            if is_plain { field.clone() } else { format!("\"{}\"", field.replace('"', "\"\"")) }
        });
        quoted.collect::<Vec<_>>().join(&separator.to_string()) + line_break
    };
    let names = names.iter().map(|name| (*name).to_owned()).collect();
    line(names) + &rows.iter().map(|row| line(row.fields())).collect::<String>()
}

fn encoded(text: &str, form: u8) -> Vec<u8> {
    let utf16 = |to_bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(to_bytes).collect::<Vec<u8>>();
    match form {
        0 => text.as_bytes().to_vec(),
        1 => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        2 => [b"\xff\xfe".to_vec(), utf16(u16::to_le_bytes)].concat(),
        3 => [b"\xfe\xff".to_vec(), utf16(u16::to_be_bytes)].concat(),
        4 => GBK.encode(text).0.into_owned(),
        _ => GB18030.encode(text).0.into_owned(),
    }
}

/// What the marketplace's statement does to a record.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Same,
    Left,
    Doubled,
    Amount(i64),
    Begin,
    End,
    Unit,
    Package,
    /// The record is not known here.
    Unknown,
    /// The record was not delivered, and is not there.
    Waits,
    /// The record was not delivered as far as is known here, and is there.
    Held,
}

fn fate() -> impl Strategy<Value = Fate> {
    use Fate::{Begin, Doubled, End, Held, Left, Package, Same, Unit, Unknown, Waits};
    prop_oneof![
        4 => select(vec![Same, Left, Doubled, Begin, End, Unit, Package, Unknown, Waits, Held]),
        1 => (1..1000_i64).prop_map(Fate::Amount),
    ]
}

/// Kind, number and field.
type Found = (DifferenceKind, String, Option<&'static str>);

fn found(differences: &[Difference]) -> Vec<Found> {
    let one = |found: &Difference| (found.kind, found.metering_sn.clone().unwrap_or_default(), found.field);
    let mut found: Vec<Found> = differences.iter().map(one).collect();
    found.sort();
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_the_differences_are_found(
        fates in vec((fate(), 1..999_999_999_999_i64, any::<bool>()), 0..40),
        rotation in 0..40_usize,
        form in 0..6_u8,
        separator in select(vec![',', ';', '\t']),
        line_break in select(vec!["\n", "\r\n"]),
    ) {
        use DifferenceKind::*;
        let (mut ours, mut rows, mut expected): (Vec<StoredRecord>, Vec<Row>, Vec<Found>) = Default::default();
        for (number, (fate, units, has_package)) in fates.iter().enumerate() {
            let number = i64::try_from(number).unwrap();
            let mut stored = record(number, *units, has_package.then_some("pack"));
            let mut row = Row::of(&stored);
            let mut expect = |kind, field| expected.push((kind, stored.record.metering_sn.clone(), field));
            match fate {
                Fate::Same => {}
                Fate::Left => expect(MissingThere, None),
                Fate::Doubled => expect(Doubled, None),
                Fate::Amount(more) => {
                    row.record.usage_value = Amount::from_ten_thousandths(units + more);
                    expect(Different, Some("amount"));
                }
                Fate::Begin => {
                    row.record.begin_time = hour(number - 1);
                    expect(Different, Some("begin_time"));
                }
                Fate::End => {
                    row.record.end_time = hour(number + 2);
                    expect(Different, Some("end_time"));
                }
                Fate::Unit => {
                    row.unit = "千次";
                    expect(Different, Some("unit"));
                }
                Fate::Package => {
                    row.record.relate_pkg_instance = Some("other".to_owned());
                    expect(Different, Some("package"));
                }
                Fate::Unknown => expect(MissingHere, None),
                Fate::Waits => {}
                Fate::Held => expect(Different, Some("state")),
            }
            stored.state = match fate {
                Fate::Waits => RecordState::Pending,
                Fate::Held => RecordState::Held,
                _ => RecordState::Delivered,
            };
            rows.extend(std::iter::repeat_n(row, match fate {
                Fate::Left | Fate::Waits => 0,
                Fate::Doubled => 2,
                _ => 1,
            }));
            if !matches!(fate, Fate::Unknown) {
                ours.push(stored);
            }
        }
        expected.sort();
        if !rows.is_empty() {
            let middle = rotation % rows.len();
            rows.rotate_left(middle);
        }
        let bytes = encoded(&csv(&rows, separator, line_break), form);
        let export = Export::read(&bytes, &layout()).unwrap();
        prop_assert_eq!(export.records().len(), rows.len());
        prop_assert_eq!(found(&export.compare(&ours, hour(0), hour(100))), expected);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..200), text in "[a,;\"\r\n\t0-9 :/-]{0,60}", form in 0..6_u8) {
        let layout = Layout::new();
        drop(Export::read(&bytes, &layout));
        let encodings = [None, Some(Encoding::Utf8), Some(Encoding::Utf16), Some(Encoding::Gb18030)];
        for encoding in encodings.into_iter().flatten() {
            drop(Export::read(&bytes, &layout.clone().with_encoding(encoding)));
        }
        let text = format!("instanceId,beginTime,usageValue\n{text}");
        drop(Export::read(&encoded(&text, form), &layout).map(|export| export.compare(&[], hour(0), hour(1))));
    }
}

#[test]
fn without_numbers_a_record_is_found_by_instance_and_begin() {
    let ours = [record(0, 10_000, None), record(1, 20_000, Some("p")), record(2, 30_000, None)];
    let text = "instanceId\tbeginTime\tusageValue\n\
                实例-0\t20261101000000\t1\n\
                实例-0\t20261101000000\t1\n\
                \n\
                实例-1\t2026-11-01T01:00:00+08:00\t2.5\n\
                实例-7\t20261101020000\t3\n";
    let export = Export::read(text.as_bytes(), &Layout::new()).unwrap();
    let texts: Vec<String> = export.compare(&ours, hour(0), hour(3)).iter().map(Difference::to_string).collect();
    assert_eq!(
        texts,
        [
            "row 3, instance 实例-0 from 20261031T160000Z: row 2 has it already, 1 again",
            "row 5, record sn-1 of instance 实例-1: amount is 2 here and 2.5 there",
            "row 6, instance 实例-7 from 20261031T180000Z: not known here, 3 there",
            "record sn-2 of instance 实例-2: missing in the export, 3 here",
        ]
    );
    // Of the hours before, none is expected, but known.
    let texts: Vec<String> = export.compare(&ours, hour(5), hour(6)).iter().map(Difference::to_string).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
}

#[test]
fn rows_without_content_are_skipped_however_a_spreadsheet_writes_them() {
    let names = "instanceId;beginTime;usageValue\r\n";
    let row = "i;20261101000000;1\r\n";
    for nothing in ["\r\n", ";;\r\n", " ; ;\t\r\n", "\"\";\"\";\"\"\r\n", "   \r\n", ";;;;;\r\n"] {
        let export =
            Export::read(format!("{names}{nothing}{row}{nothing}{nothing}").as_bytes(), &Layout::new()).unwrap();
        let rows: Vec<u64> = export.records().iter().map(|record| record.row).collect();
        assert_eq!(rows, [3], "{nothing:?}");
    }
}

#[test]
fn columns_have_the_names_of_the_open_api_in_every_spelling() {
    for names in [
        "metering_sn,instance_id,begin_time,end_time,usage_value,relate_pkg_instance",
        "meteringSn,instanceId,beginTime,endTime,usageValue,relatePkgInstance",
        "METERING_SN,InstanceId,begintime,End_Time,UsageValue,relatePkgInstance",
    ] {
        let text = format!("{names}\ns,i,20261101000000,20261101010000,1,p\n");
        let export = Export::read(text.as_bytes(), &Layout::new()).unwrap();
        let [row] = export.records() else { panic!("{names}") };
        assert_eq!((row.metering_sn.as_deref(), row.package_instance_id.as_deref()), (Some("s"), Some("p")), "{names}");
        assert!(row.end_time.is_some(), "{names}");
    }
    let twice = Export::read(b"instanceId,instance_id,beginTime,usageValue\n", &Layout::new()).unwrap_err();
    assert_eq!(twice.to_string(), r#"row 1: two columns "instanceId" for instance_id"#);
    // A name that was given counts as it is.
    let layout = Layout::new().with_column(Column::Amount, "usage_value");
    assert!(Export::read(b"instanceId,beginTime,usageValue\n", &layout).is_err());
}

#[test]
fn what_cannot_be_read_says_where_and_why() {
    let fails = |bytes: &[u8], layout: &Layout| Export::read(bytes, layout).unwrap_err().to_string();
    let says = |text: &str| fails(text.as_bytes(), &Layout::new());
    const NAMES: &str = "instanceId,beginTime,usageValue\n";
    assert_eq!(
        says("实例,beginTime\n"),
        r#"row 1: no column "instanceId" for instance_id; the columns are "实例", "beginTime""#
    );
    assert!(says("").starts_with(r#"row 1: no column "instanceId""#));
    assert_eq!(
        fails(NAMES.as_bytes(), &Layout::new().with_column(Column::Package, "套餐包")),
        r#"row 1: no column "套餐包" for package; the columns are "instanceId", "beginTime", "usageValue""#
    );
    assert_eq!(
        fails(NAMES.as_bytes(), &Layout::new().with_unit("次")),
        r#"row 1: no column "unit" for unit; the columns are "instanceId", "beginTime", "usageValue""#
    );
    assert_eq!(says("instanceId,beginTime,usageValue,usageValue\n"), r#"row 1: two columns "usageValue" for amount"#);
    let row = "i,20261101000000,1\n";
    assert_eq!(says(&format!("{NAMES}{row}i,20261101000000\n")), "row 3: 2 fields, expected 3 as in row 1");
    assert_eq!(
        says(&format!("{NAMES}{row}{row}i,1 November,1\n")),
        r#"row 4, column "beginTime": "1 November" is not a date and time"#
    );
    assert_eq!(
        says(&format!("{NAMES}i,20261101000000,\"1,000\"\n")),
        r#"row 2, column "usageValue": "1,000" is not a decimal number"#
    );
    assert_eq!(
        says(&format!("{NAMES} ,20261101000000,1\n")),
        r#"row 2, column "instanceId": "" is not an instance id"#
    );
    let open = says(&format!("{NAMES}{row}i,20261101000000,\"1\n{row}{row}"));
    assert!(open.starts_with("row 3"), "{open}");
    assert_eq!(
        says("instanceId,beginTime,usageValue,x\ni,20261101000000,1,\"2\nj,3,4,5\n"),
        "row 2: a quotation mark is not closed"
    );

    let broken = [NAMES.as_bytes(), row.as_bytes(), b"\xff\xff,20261101000000,1\n"].concat();
    assert_eq!(fails(&broken, &Layout::new()), "row 3: not gb18030");
    assert_eq!(fails(&broken, &Layout::new().with_encoding(Encoding::Utf8)), "row 3: not utf-8");
    assert_eq!(fails(b"\xff\xfea\0\n\0b", &Layout::new()), "row 2: not utf-16");
    assert!(fails(NAMES.as_bytes(), &Layout::new().with_separator(b'"')).starts_with("invalid separator"));
    assert!(fails(NAMES.as_bytes(), &Layout::new().with_separator(200)).starts_with("invalid separator"));
}
