//! Types of Kit field values.

use crate::timestamp::{CHINA, Timestamp};
use crate::wire::{
    FieldKind, FieldProblem, OutgoingValue, RawField, ReadField, Shaped, TimeForm, Warnings, WriteField, shaped,
};

/// Declares an enum of operations, numbers on the wire. An unknown one is refused, because it cannot be acted on.
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
            $( $(#[$variant_meta])* #[doc = concat!("\n\n`", stringify!($wire), "` on the wire.")] $variant, )*
        }

        impl Shaped for $name {
            const KIND: FieldKind = FieldKind::Numbers(&[$($wire),*]);
        }

        impl ReadField for $name {
            fn read(raw: RawField<'_>, _: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
                match raw.integer::<u8>() {
                    $(Some($wire) => Ok(Self::$variant),)*
                    _ => Err(FieldProblem::NotA($expected)),
                }
            }
        }

        impl WriteField for $name {
            fn write(&self) -> OutgoingValue {
                let digit: u8 = match self { $(Self::$variant => $wire,)* };
                OutgoingValue::Json(digit.to_string())
            }
        }
    };
}

flags! {
    /// Operation on a tenant, an application or a department.
    pub enum Flag, "0, 1 or 2" {
        /// Delete; succeeds where nothing is there, and without a known instance.
        Delete = 0,
        /// Add; creates nothing new where it is there already.
        Add = 1,
        /// Modify. V1.0 does not document it for tenants and applications, but a guide of the workbench does: to be
        /// taken as "add, or change what is there".
        Modify = 2,
    }
}

flags! {
    /// Operation on the users of a list.
    pub enum AuthFlag, "a number from 0 to 3" {
        /// Delete; succeeds where nothing is there, and without a known instance.
        Delete = 0,
        /// Add; creates nothing new where it is there already.
        Add = 1,
        /// Modify.
        Modify = 2,
        /// Cancel the authorization (V2.0). No text says how it differs from a deletion (unverified): probably the user
        /// stays and loses this application.
        CancelAuthorization = 3,
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

shaped! { ChinaTime = FieldKind::Time(TimeForm::CompactMillis); }

impl ReadField for ChinaTime {
    fn read(raw: RawField<'_>, _: usize, _: &mut Warnings) -> Result<Self, FieldProblem> {
        const EXPECTED: FieldProblem = FieldProblem::NotA("a time of the form yyyyMMddHHmmssSSS");
        let text = raw.name(usize::MAX).map_err(|_| EXPECTED)?;
        Timestamp::parse_compact(&text, CHINA).map(Self).map_err(|_| EXPECTED)
    }
}

impl WriteField for ChinaTime {
    fn write(&self) -> OutgoingValue {
        OutgoingValue::Text(self.to_string())
    }
}
