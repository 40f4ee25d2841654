//! Differences between an export and the records here.

use std::fmt;

use serde::{Serialize, Serializer};

use super::ExportedRecord;
use crate::open_api::push_usage::UsageRecord;
use crate::timestamp::Timestamp;

/// The kind of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DifferenceKind {
    /// A record that was delivered is not in the export.
    MissingThere,
    /// A row is of a record that is not known here; it may have been deleted.
    MissingHere,
    /// A row is of a record that another row has already.
    Doubled,
    /// A record is not the same here and there.
    Different,
}

impl DifferenceKind {
    /// Returns the kind as a word: `missing_there`, `missing_here`, `doubled` or `different`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MissingThere => "missing_there",
            Self::MissingHere => "missing_here",
            Self::Doubled => "doubled",
            Self::Different => "different",
        }
    }
}

/// A difference between an export ("there") and the records here. Serialized as an object with its fields; times are in
/// the open API's form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// Its kind.
    pub kind: DifferenceKind,
    /// The row of the export, unless the record is missing there.
    pub row: Option<u64>,
    /// For a doubled record, the row that has it first.
    pub first_row: Option<u64>,
    /// The number of the record, if it is known.
    pub metering_sn: Option<String>,
    /// The pay-per-use instance.
    pub instance_id: String,
    /// Begin of the record.
    #[serde(serialize_with = "basic_iso")]
    pub begin_time: Timestamp,
    /// What is different: `instance_id`, `begin_time`, `end_time`, `amount`, `package`, `unit`, or `state` where a record that
    /// is in the export was not delivered as far as is known here.
    pub field: Option<&'static str>,
    /// The value here: of the field, or the amount of a record that is missing there.
    pub here: Option<String>,
    /// The value there: of the field, or the amount of the row.
    pub there: Option<String>,
}

impl Difference {
    pub(super) fn missing_there(ours: &UsageRecord) -> Self {
        Self { here: Some(ours.usage_value.to_string()), ..Self::of_record(DifferenceKind::MissingThere, ours) }
    }

    pub(super) fn missing_here(row: &ExportedRecord) -> Self {
        Self::of_row(DifferenceKind::MissingHere, row)
    }

    pub(super) fn doubled(row: &ExportedRecord, first_row: u64) -> Self {
        Self { first_row: Some(first_row), ..Self::of_row(DifferenceKind::Doubled, row) }
    }

    pub(super) fn different(
        ours: &UsageRecord,
        row: &ExportedRecord,
        field: &'static str,
        here: String,
        there: String,
    ) -> Self {
        Self {
            row: Some(row.row),
            field: Some(field),
            here: Some(here),
            there: Some(there),
            ..Self::of_record(DifferenceKind::Different, ours)
        }
    }

    fn of_record(kind: DifferenceKind, ours: &UsageRecord) -> Self {
        Self {
            kind,
            row: None,
            first_row: None,
            metering_sn: Some(ours.metering_sn.clone()),
            instance_id: ours.instance_id.clone(),
            begin_time: ours.begin_time,
            field: None,
            here: None,
            there: None,
        }
    }

    fn of_row(kind: DifferenceKind, row: &ExportedRecord) -> Self {
        Self {
            kind,
            row: Some(row.row),
            first_row: None,
            metering_sn: row.metering_sn.clone(),
            instance_id: row.instance_id.clone(),
            begin_time: row.begin_time,
            field: None,
            here: None,
            there: Some(row.amount.to_string()),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(row) = self.row {
            write!(f, "row {row}, ")?;
        }
        match &self.metering_sn {
            Some(metering_sn) => write!(f, "record {metering_sn} of instance {}: ", self.instance_id)?,
            None => write!(f, "instance {} from {}: ", self.instance_id, self.begin_time.to_basic_iso())?,
        }
        let [here, there] = [&self.here, &self.there].map(|value| match value.as_deref() {
            None | Some("") => "none",
            Some(value) => value,
        });
        match self.kind {
            DifferenceKind::MissingThere => write!(f, "missing in the export, {here} here"),
            DifferenceKind::MissingHere => write!(f, "not known here, {there} there"),
            DifferenceKind::Doubled => {
                write!(f, "row {} has it already, {there} again", self.first_row.unwrap_or_default())
            }
            DifferenceKind::Different => {
                write!(f, "{} is {here} here and {there} there", self.field.unwrap_or("it"))
            }
        }
    }
}

fn basic_iso<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_basic_iso())
}
