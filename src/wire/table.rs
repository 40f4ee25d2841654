//! Objects that are written, with their tables.

use super::FieldSpec;

/// Declares an object and its table: a row is `field: type = mandatory|optional "name on the wire", maximum`, the maximum
/// in characters or entries, and behind `as` the kind, where it does not follow from the type.
///
/// Behind `serde` the names on the wire are serde's as well.
macro_rules! table {
    (serde
        $(#[$meta:meta])*
        pub struct $name:ident $(<$generic:ident>)? {
            $(
                $(#[doc = $doc:literal])*
                $(#[serde $serde:tt])*
                $vis:vis $field:ident: $type:ty = $need:ident $wire:literal, $max:expr $(, as $kind:expr)?;
            )*
        }
    ) => {
        $(#[$meta])*
        pub struct $name $(<$generic>)? {
            $( $(#[doc = $doc])* #[serde(rename = $wire)] $(#[serde $serde])* $vis $field: $type, )*
        }

        $crate::wire::table! { @fields $name $(<$generic>)?
            $([$($doc),*] $type = $need $wire, $max $(, as $kind)?;)*
        }
    };
    (plain
        $(#[$meta:meta])*
        pub struct $name:ident {
            $(
                $(#[doc = $doc:literal])*
                $vis:vis $field:ident: $type:ty = $need:ident $wire:literal, $max:expr $(, as $kind:expr)?;
            )*
        }
    ) => {
        $(#[$meta])*
        pub struct $name {
            $( $(#[doc = $doc])* $vis $field: $type, )*
        }

        $crate::wire::table! { @fields $name $([$($doc),*] $type = $need $wire, $max $(, as $kind)?;)* }
    };
    (@fields $name:ident $(<$generic:ident>)?
        $([$($doc:literal),*] $type:ty = $need:ident $wire:literal, $max:expr $(, as $kind:expr)?;)*
    ) => {
        impl $(<$generic>)? $name $(<$generic>)? {
            /// The object's table.
            pub const FIELDS: &'static [$crate::wire::FieldSpec] = &[
                $($crate::wire::FieldSpec::written(
                    $wire,
                    $crate::wire::table!(@mandatory $need),
                    $max,
                    $crate::wire::table!(@kind $type $(, $kind)?),
                    concat!($($doc),*),
                ),)*
            ];
        }

        impl $(<$generic>)? $crate::wire::Shaped for $name $(<$generic>)? {
            const KIND: $crate::wire::FieldKind = $crate::wire::FieldKind::Object(Self::FIELDS);
        }

        impl $(<$generic>)? $crate::wire::Shaped for Vec<$name $(<$generic>)?> {
            const KIND: $crate::wire::FieldKind =
                $crate::wire::FieldKind::List(<$name $(<$generic>)?>::FIELDS);
        }
    };
    (@mandatory mandatory) => { true };
    (@mandatory optional) => { false };
    (@kind $type:ty) => { <$type as $crate::wire::Shaped>::KIND };
    (@kind $type:ty, $kind:expr) => { $kind };
}
pub(crate) use table;

/// Returns the maximum in the row of a name; there has to be one.
///
/// In `const` blocks, so that a table costs nothing and a wrong name does not compile.
#[allow(clippy::panic, reason = "while compiling")]
pub(crate) const fn max_of(fields: &[FieldSpec], name: &str) -> usize {
    let mut index = 0;
    while index < fields.len() {
        if is_same(fields[index].name.as_bytes(), name.as_bytes()) {
            return fields[index].max;
        }
        index += 1;
    }
    panic!("no row of the table has the name")
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}
