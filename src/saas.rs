//! Wire models of the SaaS callbacks, one file per message, exactly as the documents have them.
//!
//! Requests can only be parsed out of a verified call; responses are plain data. The seller's code normally sees
//! neither but the generation-free events of [`callback::subscription`](crate::callback::subscription).

/// Declares the enum of one generation's callbacks: how it is parsed, and how a request is written.
macro_rules! callbacks {
    (
        parsed from |$verified:ident: $verified_type:ty| $fields:expr;
        $to_wire:ident: $to_wire_docs:literal, $into_wire:ident;
        $($variant:ident($module:ident),)*
    ) => {
        /// Any callback of this generation.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        #[allow(clippy::large_enum_variant)] // one lives at a time, and not for long
        pub enum Callback {
            $(#[doc = concat!("See [`", stringify!($module), "`].")] $variant($module::Request),)*
        }

        impl Callback {
            /// Reads a verified call.
            ///
            /// # Errors
            ///
            /// The message is malformed, its activity is unknown, or a field is not as documented.
            pub fn parse($verified: $verified_type) -> Result<Self, $crate::wire::ParseError> {
                let mut fields = $fields?;
                match fields.activity(&[$($module::Request::ACTIVITY),*])? {
                    $($module::Request::ACTIVITY => $module::Request::read(fields).map(Self::$variant),)*
                    other => Err($crate::wire::ParseError::UnknownActivity(other.to_string())),
                }
            }

            /// Which callback it is.
            pub fn activity(&self) -> $crate::activity::Activity {
                match self { $(Self::$variant(_) => $module::Request::ACTIVITY,)* }
            }
        }

        $(impl $module::Request {
            #[doc = $to_wire_docs]
            pub fn $to_wire(&self) -> String {
                self.write().$into_wire()
            }
        })*
    };
}

pub mod v1;
pub mod v2;

mod acknowledgement;
mod instance_ids;
mod instance_info;

pub use acknowledgement::Acknowledgement;
pub use instance_ids::InstanceIds;
pub use instance_info::{AppInfo, InstanceInfo, UsageInfo};
pub(crate) use instance_info::{check_app_info, check_instance_info};
