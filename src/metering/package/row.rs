//! Rows of packages and reservations, and the statements that all SQL engines share.

use super::model::units;
use super::{Package, PackageState, PackageStatus, Part, ReservationState, StoredPackage, StoredReservation};
use crate::amount::Amount;
use crate::columns::Columns;
use crate::timestamp::Timestamp;

pub(super) const PACKAGE: &str = "koogallery_package";
pub(super) const RESERVATION: &str = "koogallery_reservation";

/// Packages to be read in any case, or all. Parameters: instance, package or an empty text, whether all are read.
pub(super) const PACKAGES: &str = "SELECT * FROM koogallery_package WHERE instance_id = ?1 \
    AND (state <> 'ended' OR reserved > 0 OR package = ?2 OR ?3) ORDER BY package";

/// Open reservations that are over, or all. Parameters: instance, clock.
pub(super) const OVER: &str =
    "SELECT * FROM koogallery_reservation WHERE instance_id = ?1 AND state = 'open' AND ends_at <= ?2 ORDER BY id";

/// Parameters: instance, reservation.
pub(super) const ONE: &str = "SELECT * FROM koogallery_reservation WHERE instance_id = ?1 AND id = ?2";

/// Parameter: usage id.
pub(super) const RECORDED: &str = "SELECT recorded_at FROM koogallery_usage_id WHERE usage_id = ?1";

/// Parameter: package.
pub(super) const COVERED: &str = "SELECT instance_id FROM koogallery_package WHERE package = ?1 ORDER BY instance_id";

/// The figures of all packages. Parameters: the time, and the clock of leases. The type is that of 64 bits in a cast.
pub(super) fn status(int: &str) -> String {
    let sum = |what: &str| format!("CAST(coalesce(sum({what}), 0) AS {int})");
    format!(
        "SELECT count(*) AS packages, {} AS used_up, {} AS quota, {} AS used, {} AS reserved, (SELECT count(*) \
         FROM koogallery_reservation WHERE state = 'open' AND ends_at > ?2) AS reservations \
         FROM koogallery_package WHERE state = 'active' AND valid_from <= ?1 AND valid_until > ?1",
        sum("CASE WHEN used >= quota THEN 1 ELSE 0 END"),
        sum("quota"),
        sum("used"),
        sum("reserved")
    )
}

pub(super) fn read_status<R: Columns>(row: &R) -> Result<PackageStatus, R::Error> {
    let count = |column| Ok(row.int(column)?.unsigned_abs());
    let amount = |column| Ok(Amount::from_ten_thousandths(row.int(column)?));
    Ok(PackageStatus {
        packages: count("packages")?,
        used_up: count("used_up")?,
        quota: amount("quota")?,
        used: amount("used")?,
        reserved: amount("reserved")?,
        reservations: count("reservations")?,
    })
}

/// Columns of a package: the first two are its key. Those whose values never change follow, then the others.
const PACKAGE_COLUMNS: [&str; 12] = [
    "instance_id",
    "package",
    "order_id",
    "order_line_id",
    "bought_quota",
    "valid_from",
    "bought_until",
    "quota",
    "valid_until",
    "used",
    "reserved",
    "state",
];

const RESERVATION_COLUMNS: [&str; 9] =
    ["instance_id", "id", "package", "amount", "parts", "used_at", "ends_at", "state", "settled_at"];

/// Returns the statement that inserts or replaces packages, given where an engine takes the rows from, which may be made of a
/// parameter for each column, what it writes before the new values, and how it names a new value.
pub(super) fn put_package(rows: impl Fn(&str) -> String, on_conflict: &str, new: fn(&str) -> String) -> String {
    put(PACKAGE, &PACKAGE_COLUMNS, rows, on_conflict, new)
}

/// As [`put_package`], for reservations.
pub(super) fn put_reservation(rows: impl Fn(&str) -> String, on_conflict: &str, new: fn(&str) -> String) -> String {
    put(RESERVATION, &RESERVATION_COLUMNS, rows, on_conflict, new)
}

fn put(
    table: &str,
    columns: &[&str],
    rows: impl Fn(&str) -> String,
    on_conflict: &str,
    new: fn(&str) -> String,
) -> String {
    let places: Vec<String> = (1..=columns.len()).map(|number| format!("?{number}")).collect();
    let rows = rows(&places.join(", "));
    let changes: Vec<String> = columns[2..].iter().map(|column| format!("{column} = {}", new(column))).collect();
    format!("INSERT INTO {table} ({}) {rows} {on_conflict} {}", columns.join(", "), changes.join(", "))
}

/// A value of a column.
pub(super) enum Cell {
    Text(String),
    TextOrNull(Option<String>),
    Int(i64),
    IntOrNull(Option<i64>),
}

#[cfg(feature = "deadpool-postgres-0_14")]
impl Cell {
    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::TextOrNull(text) => text.as_deref(),
            Self::Int(_) | Self::IntOrNull(_) => None,
        }
    }

    pub(super) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::IntOrNull(number) => *number,
            Self::Text(_) | Self::TextOrNull(_) => None,
        }
    }
}

/// Returns the values of a package, in the order of the columns.
pub(super) fn package_cells(stored: &StoredPackage) -> Vec<Cell> {
    let StoredPackage { package, quota, valid_until, used, reserved, state } = stored;
    vec![
        Cell::Text(package.pay_per_use_instance_id.clone()),
        Cell::Text(package.instance_id.clone()),
        Cell::TextOrNull(package.order_id.clone()),
        Cell::TextOrNull(package.order_line_id.clone()),
        Cell::Int(units(package.quota)),
        Cell::Int(package.valid_from.as_unix_millis()),
        Cell::Int(package.valid_until.as_unix_millis()),
        Cell::Int(units(*quota)),
        Cell::Int(valid_until.as_unix_millis()),
        Cell::Int(units(*used)),
        Cell::Int(units(*reserved)),
        Cell::Text(state.as_str().to_owned()),
    ]
}

/// Returns the values of a reservation, in the order of the columns.
pub(super) fn reservation_cells(stored: &StoredReservation) -> Vec<Cell> {
    vec![
        Cell::Text(stored.instance_id.clone()),
        Cell::Text(stored.id.clone()),
        Cell::TextOrNull(stored.package_instance_id.clone()),
        Cell::Int(units(stored.amount)),
        Cell::Text(parts_text(&stored.parts)),
        Cell::Int(stored.at.as_unix_millis()),
        Cell::Int(stored.ends_at.as_unix_millis()),
        Cell::Text(stored.state.as_str().to_owned()),
        Cell::IntOrNull(stored.settled_at.map(Timestamp::as_unix_millis)),
    ]
}

/// Parts are stored as JSON: pairs of a package, or null, and ten-thousandths.
fn parts_text(parts: &[Part]) -> String {
    let pairs: Vec<(Option<&str>, i64)> =
        parts.iter().map(|part| (part.package_instance_id.as_deref(), units(part.amount))).collect();
    serde_json::json!(pairs).to_string()
}

fn read_parts(text: &str) -> Option<Vec<Part>> {
    let pairs: Vec<(Option<String>, i64)> = serde_json::from_str(text).ok()?;
    Some(pairs.into_iter().map(|(package, units)| Part::new(package, Amount::from_ten_thousandths(units))).collect())
}

/// Reads the columns in their order, which is quick on SQLite.
pub(super) fn read_package<R: Columns>(row: &R) -> Result<StoredPackage, R::Error> {
    let amount = |column| row.int(column).map(Amount::from_ten_thousandths);
    let (pay_per_use_instance_id, instance_id) = (row.text("instance_id")?, row.text("package")?);
    let (order_id, order_line_id) = (row.text_or_null("order_id")?, row.text_or_null("order_line_id")?);
    let (bought_quota, valid_from) = (amount("bought_quota")?, row.time("valid_from")?);
    let mut package =
        Package::new(instance_id, pay_per_use_instance_id, bought_quota, valid_from, row.time("bought_until")?);
    (package.order_id, package.order_line_id) = (order_id, order_line_id);
    Ok(StoredPackage {
        package,
        quota: amount("quota")?,
        valid_until: row.time("valid_until")?,
        used: amount("used")?,
        reserved: amount("reserved")?,
        state: PackageState::from_word(&row.text("state")?).ok_or_else(|| R::unreadable(PACKAGE, "state"))?,
    })
}

pub(super) fn read_reservation<R: Columns>(row: &R) -> Result<StoredReservation, R::Error> {
    let state = ReservationState::from_word(&row.text("state")?);
    Ok(StoredReservation {
        id: row.text("id")?,
        instance_id: row.text("instance_id")?,
        package_instance_id: row.text_or_null("package")?,
        amount: Amount::from_ten_thousandths(row.int("amount")?),
        parts: read_parts(&row.text("parts")?).ok_or_else(|| R::unreadable(RESERVATION, "parts"))?,
        at: row.time("used_at")?,
        ends_at: row.time("ends_at")?,
        state: state.ok_or_else(|| R::unreadable(RESERVATION, "state"))?,
        settled_at: row.time_or_null("settled_at")?,
    })
}
