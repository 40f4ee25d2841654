//! The common ground of all wire models: reading and writing fields, and the errors of reading a message.
//!
//! A message file reads like the table in the marketplace's document: name, type, whether mandatory, and maximum length
//! stand together once, and reading, checking and writing follow from them.

mod acknowledgement;
mod answer;
mod class;
mod compact_time;
mod created_instance;
mod extend_params;
mod fields;
mod kind;
pub(crate) mod lenient;
mod members;
mod outgoing;
mod part;
mod problem;
mod raw;
mod table;
mod unknown;
mod values;
mod vocabulary;

pub use crate::text::json::JsonError;
pub use acknowledgement::Acknowledgement;
pub(crate) use answer::{Answer, Checks};
pub use answer::{Violation, ViolationKind};
pub(crate) use class::field;
pub use class::{FieldClass, FieldSpec, MessageSpec};
pub use compact_time::CompactTime;
pub use created_instance::CreatedInstance;
pub use extend_params::{ExtendParam, ExtendParams};
pub(crate) use fields::{Fields, ReadField, WriteField};
pub use kind::{FieldKind, TimeForm};
pub(crate) use kind::{Shaped, shaped};
pub(crate) use members::Members;
pub(crate) use outgoing::{Outgoing, OutgoingFields, OutgoingValue};
pub(crate) use part::{One, Part, PartList, part};
pub use problem::{BadEntries, FieldError, FieldProblem, FieldWarning, ParseError};
pub(crate) use problem::{Warnings, prefix_paths};
pub(crate) use raw::RawField;
pub(crate) use table::{max_of, table};
pub use unknown::{UnknownField, UnknownFields};
pub use values::TestFlag;
#[doc(hidden)]
pub use values::Unlisted;
pub(crate) use values::{Name, open_enum};
pub use vocabulary::{FreezeStatus, PeriodType, RenewalScene};

/// Declares the request of one callback from its table.
///
/// A row is `field: type = class "name on the wire", maximum`: the documented maximum is in characters, or of a list in
/// entries. The class says what becomes of a call whose field is missing or malformed, see [`FieldClass`]. Rows under
/// `mandatory` are always sent, those under `optional` may be absent, null or empty. Every message has a `testFlag`.
macro_rules! message {
    (
        $(#[doc = $doc:literal])*
        $(#[doc(alias = $alias:literal)])*
        pub struct $name:ident is $activity:ident;
        mandatory { $( $(#[doc = $m_doc:literal])* $m:ident: $m_type:ty = $m_class:ident $m_wire:literal, $m_max:expr; )* }
        optional { $( $(#[doc = $o_doc:literal])* $o:ident: $o_type:ty = $o_class:ident $o_wire:literal, $o_max:expr; )* }
    ) => {
        $(#[doc = $doc])*
        $(#[doc(alias = $alias)])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            $(
                $(#[doc = $m_doc])*
                #[doc = concat!("\n\n`", $m_wire, "`, ", $crate::wire::field!(doc mandatory $m_class), ".")]
                pub $m: $crate::wire::field!(type $m_class $m_type),
            )*
            $(
                $(#[doc = $o_doc])*
                #[doc = concat!("\n\n`", $o_wire, "`, ", $crate::wire::field!(doc optional $o_class), ".")]
                pub $o: Option<$o_type>,
            )*
            /// Whether this is a debugging or dial-test call.
            ///
            /// `testFlag`, optional, identity.
            pub test_flag: $crate::wire::TestFlag,
            /// Members that no table lists, and those of information that could not be read; kept as received.
            pub unknown: $crate::wire::UnknownFields,
            /// Members of information that could not be read, which are absent above, or are not quite as documented.
            pub warnings: Vec<$crate::wire::FieldWarning>,
        }

        impl $name {
            /// Activity of this message.
            pub const ACTIVITY: $crate::activity::Activity = $crate::activity::Activity::$activity;

            /// The message's table.
            pub const FIELDS: &'static [$crate::wire::FieldSpec] = &[
                $($crate::wire::FieldSpec::new(
                    $m_wire,
                    $crate::wire::FieldClass::of(stringify!($m_class)),
                    true,
                    $m_max,
                    <$m_type as $crate::wire::Shaped>::KIND,
                    concat!($($m_doc),*),
                ),)*
                $($crate::wire::FieldSpec::new(
                    $o_wire,
                    $crate::wire::FieldClass::of(stringify!($o_class)),
                    false,
                    $o_max,
                    <$o_type as $crate::wire::Shaped>::KIND,
                    concat!($($o_doc),*),
                ),)*
                $crate::wire::FieldSpec::new(
                    "testFlag",
                    $crate::wire::FieldClass::Identity,
                    false,
                    2,
                    $crate::wire::FieldKind::TestFlag,
                    "Whether this is a debugging or dial-test call.",
                ),
            ];

            /// The message and its answer, as the document has them.
            pub const SPEC: $crate::wire::MessageSpec = $crate::wire::MessageSpec {
                doc: concat!($($doc),*),
                aliases: &[$($alias),*],
                fields: Self::FIELDS,
                answer: Response::FIELDS,
            };

            /// Returns a production call with the mandatory fields.
            #[allow(clippy::too_many_arguments)]
            pub fn new($($m: impl Into<$m_type>),*) -> Self {
                Self {
                    $($m: $crate::wire::field!(from $m_class $m.into()),)*
                    $($o: None,)*
                    test_flag: Default::default(),
                    unknown: Default::default(),
                    warnings: Vec::new(),
                }
            }

            pub(crate) fn read(
                mut fields: $crate::wire::Fields<'_>,
            ) -> Result<Self, $crate::wire::ParseError> {
                $(let $m = $crate::wire::field!(mandatory $m_class fields, $m_wire, $m_max);)*
                $(let $o = $crate::wire::field!(optional $o_class fields, $o_wire, $o_max);)*
                let test_flag = fields.optional("testFlag", 2)?.unwrap_or_default();
                let (unknown, warnings) = fields.rest();
                Ok(Self { $($m,)* $($o,)* test_flag, unknown, warnings })
            }

            pub(crate) fn write(&self) -> $crate::wire::Outgoing {
                let mut fields = $crate::wire::OutgoingFields::default();
                $($crate::wire::field!(write $m_class fields, $m_wire, self.$m);)*
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
            /// Activities of this family.
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

            /// Returns the activity.
            pub fn activity(&self) -> $crate::activity::Activity {
                match self { $(Self::$variant(_) => $module::Request::ACTIVITY,)* }
            }

            /// Returns what could not be read, or is not quite as documented, without refusing the call.
            pub fn warnings(&self) -> &[$crate::wire::FieldWarning] {
                match self { $(Self::$variant(request) => &request.warnings,)* }
            }

            /// Returns the table of each message.
            pub fn fields(activity: $crate::activity::Activity) -> Option<&'static [$crate::wire::FieldSpec]> {
                Some(Self::spec(activity)?.fields)
            }

            /// Returns each message and its answer, as the document has them.
            pub fn spec(activity: $crate::activity::Activity) -> Option<$crate::wire::MessageSpec> {
                match activity {
                    $($module::Request::ACTIVITY => Some($module::Request::SPEC),)*
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use callbacks;
