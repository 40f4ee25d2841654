//! What the wire models of all generations have in common: reading and writing fields, and why a message was refused.
//!
//! A message file reads like the table in the marketplace's document: name, type, whether mandatory, and maximum length
//! stand together once, and reading, checking and writing follow from them.

mod acknowledgement;
mod answer;
mod compact_time;
mod created_instance;
mod extend_params;
mod fields;
pub(crate) mod lenient;
mod outgoing;
mod values;
mod vocabulary;

pub use acknowledgement::Acknowledgement;
pub(crate) use answer::{Answer, Checks};
pub use answer::{Violation, ViolationKind};
pub use compact_time::CompactTime;
pub use created_instance::CreatedInstance;
pub use extend_params::{ExtendParam, ExtendParams};
pub use fields::{FieldProblem, ParseError, UnknownField, UnknownFields};
pub(crate) use fields::{FieldValue, Fields, RawField};
pub(crate) use outgoing::{Outgoing, OutgoingFields, OutgoingValue};
pub use values::TestFlag;
pub(crate) use values::open_enum;
pub use vocabulary::{FreezeStatus, PeriodType, RenewalScene};

/// Declares the request of one callback from its table.
///
/// `mandatory` fields must be there and not empty; `optional` ones may be absent, null or empty. The number is the
/// documented maximum length in characters, or of a list in entries. Every message has a `testFlag`.
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
            /// What this message is about.
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
                let mut fields = $crate::wire::OutgoingFields::default();
                $(fields.push($m_wire, &self.$m);)*
                $(fields.push_optional($o_wire, self.$o.as_ref());)*
                fields.push_unknown(&self.unknown);
                $crate::wire::Outgoing::new(Self::ACTIVITY, self.test_flag, fields)
            }
        }
    };
}
pub(crate) use message;

/// Declares the enum of one family's callbacks, and how a request of it is written.
///
/// Messages that a generation shares with an earlier one are listed behind `..shared`; they can be written already.
macro_rules! callbacks {
    (
        $to_wire:ident: $to_wire_docs:literal, $into_wire:ident;
        $($own:ident($own_module:ident),)*
        $(..shared { $($shared:ident($shared_module:ident),)* })?
    ) => {
        $crate::wire::callbacks! { @enum $($own($own_module),)* $($($shared($shared_module),)*)? }

        $(impl $own_module::Request {
            #[doc = $to_wire_docs]
            pub fn $to_wire(&self) -> String {
                self.write().$into_wire()
            }
        })*
    };
    (@enum $($variant:ident($module:ident),)*) => {
        /// Any callback of this family.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[allow(clippy::large_enum_variant)] // one lives at a time, and not for long
        pub enum Callback {
            $(#[doc = concat!("See [`", stringify!($module), "`].")] $variant($module::Request),)*
        }

        impl Callback {
            /// What the callbacks of this family are about.
            pub const ACTIVITIES: &[$crate::activity::Activity] = &[$($module::Request::ACTIVITY),*];

            fn read(
                activity: $crate::activity::Activity,
                fields: $crate::wire::Fields<'_>,
            ) -> Result<Self, $crate::wire::ParseError> {
                match activity {
                    $($module::Request::ACTIVITY => $module::Request::read(fields).map(Self::$variant),)*
                    other => Err($crate::wire::ParseError::UnknownActivity(other.to_string())),
                }
            }

            /// Which callback it is.
            pub fn activity(&self) -> $crate::activity::Activity {
                match self { $(Self::$variant(_) => $module::Request::ACTIVITY,)* }
            }
        }
    };
}
pub(crate) use callbacks;
