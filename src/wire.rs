//! What the wire models of all generations have in common: reading and writing fields, and why a message was refused.
//!
//! A message file reads like the table in the marketplace's document: name, type, whether mandatory, and maximum length
//! stand together once, and reading, checking and writing follow from them.

mod answer;
mod fields;
pub(crate) mod lenient;
mod values;

pub(crate) use answer::{Answer, Checks};
pub use answer::{Violation, ViolationKind};
pub use fields::{FieldProblem, ParseError, UnknownField, UnknownFields};
pub(crate) use fields::{FieldValue, Fields, Outgoing, OutgoingValue, RawField};
pub use values::TestFlag;
pub(crate) use values::open_enum;

/// Declares the request of one callback from its table.
///
/// `mandatory` fields must be there and not empty; `optional` ones may be absent, null or empty. The number is the
/// documented maximum length in characters. Every message has a `testFlag`.
macro_rules! message {
    (
        $(#[$meta:meta])*
        pub struct $name:ident is $activity:ident;
        mandatory { $( $(#[$m_meta:meta])* $m:ident: $m_type:ty = $m_wire:literal, $m_max:expr; )* }
        optional { $( $(#[$o_meta:meta])* $o:ident: $o_type:ty = $o_wire:literal, $o_max:expr; )* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            $( $(#[$m_meta])* #[doc = concat!("\n\n`", $m_wire, "`, mandatory.")] pub $m: $m_type, )*
            $( $(#[$o_meta])* #[doc = concat!("\n\n`", $o_wire, "`, optional.")] pub $o: Option<$o_type>, )*
            /// Whether this is a debugging or dial-test call.
            ///
            /// `testFlag`, optional.
            pub test_flag: $crate::wire::TestFlag,
            /// Members that no table lists; kept as received.
            pub unknown: $crate::wire::UnknownFields,
        }

        impl $name {
            /// The `activity` of this message.
            pub const ACTIVITY: $crate::activity::Activity = $crate::activity::Activity::$activity;

            /// A production call with the mandatory fields.
            #[allow(clippy::too_many_arguments)]
            pub fn new($($m: impl Into<$m_type>),*) -> Self {
                Self {
                    $($m: $m.into(),)*
                    $($o: None,)*
                    test_flag: Default::default(),
                    unknown: Default::default(),
                }
            }

            pub(crate) fn read(
                mut fields: $crate::wire::Fields<'_>,
            ) -> Result<Self, $crate::wire::ParseError> {
                Ok(Self {
                    $($m: fields.mandatory($m_wire, $m_max)?,)*
                    $($o: fields.optional($o_wire, $o_max)?,)*
                    test_flag: fields.optional("testFlag", 2)?.unwrap_or_default(),
                    unknown: fields.rest()?,
                })
            }

            pub(crate) fn write(&self) -> $crate::wire::Outgoing {
                let mut out = $crate::wire::Outgoing::new(Self::ACTIVITY);
                $(out.push($m_wire, &self.$m);)*
                $(if let Some(value) = &self.$o { out.push($o_wire, value); })*
                if self.test_flag != Default::default() {
                    out.push("testFlag", &self.test_flag);
                }
                out.push_unknown(&self.unknown);
                out
            }
        }
    };
}
pub(crate) use message;
