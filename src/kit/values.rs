//! Types of Kit field values.

use crate::timestamp::{CHINA, Timestamp};
use crate::wire::{FieldProblem, FieldValue, OutgoingValue, RawField};

/// Declares an enum of operations, numbers on the wire. An unknown one is refused: nobody could act on it.
macro_rules! flags {
    (
        $(#[$meta:meta])*
        pub enum $name:ident, $expected:literal { $( $(#[$variant_meta:meta])* $variant:ident = $wire:literal, )* }
    ) => {
        $(#[$meta])*
        ///
        /// A number on the wire; its text is taken as well.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$variant_meta])* #[doc = concat!("\n\n`", $wire, "` on the wire.")] $variant, )*
        }

        impl FieldValue for $name {
            fn read(raw: RawField<'_>, max: usize) -> Result<Self, FieldProblem> {
                match &*raw.scalar(max)? {
                    $($wire => Ok(Self::$variant),)*
                    _ => Err(FieldProblem::NotA($expected)),
                }
            }

            fn write(&self) -> OutgoingValue {
                let digit = match self { $(Self::$variant => $wire,)* };
                OutgoingValue::Json(digit.to_owned())
            }
        }
    };
}

flags! {
    /// What is to be done with a tenant, an application or a department.
    pub enum Flag, "0, 1 or 2" {
        /// Delete; succeeds where nothing is there, and without a known instance.
        Delete = "0",
        /// Add; creates nothing new where it is there already.
        Add = "1",
        /// Modify. V1.0 does not document it for tenants and applications, but a guide of the workbench does: to be taken
        /// as "add, or change what is there".
        Modify = "2",
    }
}

flags! {
    /// What is to be done with the users of a list.
    pub enum AuthFlag, "a number from 0 to 3" {
        /// Delete; succeeds where nothing is there, and without a known instance.
        Delete = "0",
        /// Add; creates nothing new where it is there already.
        Add = "1",
        /// Modify.
        Modify = "2",
        /// Cancel the authorisation (V2.0). No text says how it differs from a deletion (unverified): probably the user
        /// stays and loses this application.
        CancelAuthorization = "3",
    }
}

/// A time that is written as 17 digits, `yyyyMMddHHmmssSSS`, in UTC+8.
///
/// ```
/// use koogallery::kit::ChinaTime;
/// use koogallery::timestamp::Timestamp;
///
/// let time = ChinaTime::from("20240305023000123".parse::<Timestamp>()?);
/// assert_eq!(time.to_string(), "20240305103000123");
/// # Ok::<(), koogallery::timestamp::TimestampError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChinaTime(Timestamp);

impl From<Timestamp> for ChinaTime {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl From<ChinaTime> for Timestamp {
    fn from(time: ChinaTime) -> Self {
        time.0
    }
}

impl std::fmt::Display for ChinaTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.to_compact_millis_in(CHINA))
    }
}

impl FieldValue for ChinaTime {
    fn read(raw: RawField<'_>, max: usize) -> Result<Self, FieldProblem> {
        let time = Timestamp::parse_compact(&raw.scalar(max)?, CHINA);
        time.map(Self).map_err(|_| FieldProblem::NotA("a time of the form yyyyMMddHHmmssSSS"))
    }

    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.to_string())
    }
}
