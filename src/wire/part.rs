//! Objects inside of messages and answers, with their tables.

use super::{FieldProblem, FieldWarning, Fields, Members, ParseError, RawField, ReadField, Warnings, prefix_paths};

/// An object that is read with its table.
pub(crate) trait Part: Sized {
    fn read(fields: &mut Fields<'_>) -> Result<Self, ParseError>;
}

/// Declares an object and its table, from which it is read.
///
/// A row is `field: type = how "name on the wire", maximum`. A `name` and what is `strict` have to be there;
/// `information` may be absent, a text under other names too; a `list` is one of parts, `one` is a part, and `params` are extension
/// parameters. What is `late` is read by the object's own code. Behind `..` stand fields without a row.
macro_rules! part {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $(
                $(#[doc = $doc:literal])*
                $field:ident: $type:ty = $how:ident $wire:literal $(| $other:literal)*, $max:expr $(, as $kind:expr)?;
            )*
            $(.. $(
                $(#[doc = $extra_doc:literal])*
                $extra:ident: $extra_type:ty;
            )*)?
        }
    ) => {
        $(#[$meta])*
        pub struct $name {
            $( $(#[doc = $doc])* pub $field: $crate::wire::part!(@type $how $type), )*
            $($( $(#[doc = $extra_doc])* pub $extra: $extra_type, )*)?
        }

        impl $name {
            /// The object's table.
            pub const FIELDS: &'static [$crate::wire::FieldSpec] = &[
                $(
                    $crate::wire::FieldSpec::written(
                        $wire,
                        $crate::wire::part!(@mandatory $how),
                        $max,
                        $crate::wire::part!(@kind $how $type $(, $kind)?),
                        concat!($($doc),*),
                    ),
                    $($crate::wire::FieldSpec::written(
                        $other,
                        false,
                        $max,
                        $crate::wire::FieldKind::Text,
                        concat!("Another name of `", $wire, "`."),
                    ),)*
                )*
            ];
        }

        impl $crate::wire::Part for $name {
            fn read(fields: &mut $crate::wire::Fields<'_>) -> Result<Self, $crate::wire::ParseError> {
                Ok(Self {
                    $($field: $crate::wire::part!(@read $how fields, $max, $wire $(, $other)*),)*
                    $($($extra: Default::default(),)*)?
                })
            }
        }
    };
    (@type information $type:ty) => { Option<$type> };
    (@type one $type:ty) => { Option<$type> };
    (@type list $type:ty) => { Vec<$type> };
    (@type $how:ident $type:ty) => { $type };
    (@mandatory name) => { true };
    (@mandatory strict) => { true };
    (@mandatory $how:ident) => { false };
    (@kind $how:ident $type:ty, $kind:expr) => { $kind };
    (@kind name $type:ty) => { $crate::wire::FieldKind::Name };
    (@kind one $type:ty) => { $crate::wire::FieldKind::Object(<$type>::FIELDS) };
    (@kind list $type:ty) => { $crate::wire::FieldKind::List(<$type>::FIELDS) };
    (@kind $how:ident $type:ty) => { <$type as $crate::wire::Shaped>::KIND };
    (@read name $fields:ident, $max:expr, $wire:literal) => {
        $fields.mandatory::<$crate::wire::Name>($wire, $max)?.0.into()
    };
    (@read strict $fields:ident, $max:expr, $wire:literal) => { $fields.mandatory($wire, $max)? };
    (@read information $fields:ident, $max:expr, $($wire:literal),+) => { $fields.information_of(&[$($wire),+], $max) };
    (@read one $fields:ident, $max:expr, $wire:literal) => {
        $fields.information::<$crate::wire::One<_>>($wire, $max).map(|one| one.0)
    };
    (@read list $fields:ident, $max:expr, $wire:literal) => {
        $fields.optional::<$crate::wire::PartList<_>>($wire, $max)?.unwrap_or_default().0
    };
    (@read params $fields:ident, $max:expr, $wire:literal) => {
        $fields.information::<$crate::wire::ExtendParams>($wire, $max).map(Vec::from).unwrap_or_default()
    };
    (@read late $fields:ident, $max:expr, $wire:literal) => { Default::default() };
}
pub(crate) use part;

const NOT_AN_OBJECT: FieldProblem = FieldProblem::NotA("an object");

fn part_of<T: Part>(object: &str, warnings: &mut Warnings) -> Result<T, ParseError> {
    let members = Members::from_json(object.as_bytes())?;
    let mut fields = Fields::new(&members);
    let part = T::read(&mut fields)?;
    warnings.extend(fields.rest().1);
    Ok(part)
}

/// A list, or the one object in its place. An entry without its id is left out: another line, or another product, may
/// be the one that is asked for.
pub(crate) struct PartList<T>(pub(crate) Vec<T>);

impl<T> Default for PartList<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Part> ReadField for PartList<T> {
    fn read(raw: RawField<'_>, _: usize, warnings: &mut Warnings) -> Result<Self, FieldProblem> {
        let parts = raw.elements(|elements| {
            let mut parts = Vec::with_capacity(elements.len());
            for (index, element) in elements.into_iter().enumerate() {
                let (first, raw) = (warnings.len(), RawField::json(element));
                match raw.structure().map(|object| part_of(&object, warnings)) {
                    Some(Ok(part)) => {
                        parts.push(part);
                        prefix_paths(warnings, first, &format!("[{index}]."));
                    }
                    Some(Err(ParseError::Field(error))) => {
                        warnings.push(FieldWarning::absent(format!("[{index}].{}", error.field), error.problem, &raw));
                    }
                    _ => warnings.push(FieldWarning::absent(format!("[{index}]"), NOT_AN_OBJECT, &raw)),
                }
            }
            parts
        });
        parts.map(Self).ok_or(FieldProblem::NotA("a list of objects"))
    }
}

/// One object, or a list of one.
pub(crate) struct One<T>(pub(crate) T);

impl<T: Part> ReadField for One<T> {
    fn read(raw: RawField<'_>, _: usize, warnings: &mut Warnings) -> Result<Self, FieldProblem> {
        let first = warnings.len();
        let object = raw.object().ok_or(NOT_AN_OBJECT)?;
        let part = part_of(&object, warnings).map_err(|_| NOT_AN_OBJECT)?;
        prefix_paths(warnings, first, ".");
        Ok(Self(part))
    }
}
