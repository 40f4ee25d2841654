//! Classes of fields, which decide the outcome of a call whose field is missing or malformed.

use super::kind::FieldKind;

/// Class of a field: its effect on the call.
///
/// Identity and effect are strict: a call is refused, and the log names the field. Information never refuses a call:
/// what cannot be read is absent in the model, its text is kept in the message's `warnings`, and the observer learns of
/// it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldClass {
    /// Says who or what: ids, the activity, `testFlag`, what is signed.
    Identity,
    /// Says what to do: the expiry of a renewal, `status`, `scene`, `flag`.
    Effect,
    /// The same, and not needed where `flag` says that something is deleted: a deletion needs only what names the
    /// thing.
    EffectUnlessDeleted,
    /// Everything else.
    Information,
}

impl FieldClass {
    /// The class of a word in a message's table.
    pub(crate) const fn of(word: &str) -> Self {
        match word.as_bytes() {
            b"identity" => Self::Identity,
            b"effect" => Self::Effect,
            b"put" => Self::EffectUnlessDeleted,
            _ => Self::Information,
        }
    }
}

/// A row of a message's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct FieldSpec {
    /// Name on the wire.
    pub name: &'static str,
    /// Class of the field.
    pub class: FieldClass,
    /// Whether the documents call it mandatory.
    pub mandatory: bool,
    /// The documented maximum: characters, or entries of a list; 0 or [`usize::MAX`] where there is none.
    pub max: usize,
    /// Kind of the value.
    pub kind: FieldKind,
    /// The field's documentation, in Markdown.
    pub doc: &'static str,
}

impl FieldSpec {
    pub(crate) const fn new(
        name: &'static str,
        class: FieldClass,
        mandatory: bool,
        max: usize,
        kind: FieldKind,
        doc: &'static str,
    ) -> Self {
        Self { name, class, mandatory, max, kind, doc }
    }

    /// A row of an object that is written: what is mandatory decides something.
    pub(crate) const fn written(
        name: &'static str,
        mandatory: bool,
        max: usize,
        kind: FieldKind,
        doc: &'static str,
    ) -> Self {
        let class = if mandatory { FieldClass::Identity } else { FieldClass::Information };
        Self { name, class, mandatory, max, kind, doc }
    }
}

/// A message of a callback and its answer, as the documents have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MessageSpec {
    /// The message's documentation, in Markdown.
    pub doc: &'static str,
    /// Other names, among them the Chinese one.
    pub aliases: &'static [&'static str],
    /// The message's table.
    pub fields: &'static [FieldSpec],
    /// The table of the answer to it.
    pub answer: &'static [FieldSpec],
}

/// Meaning of a row's class for its type, its documentation, and reading and writing it.
///
/// `put` rows are read where the message's `flag` has been read already.
macro_rules! field {
    (type information $type:ty) => { Option<$type> };
    (type put $type:ty) => { Option<$type> };
    (type $strict:ident $type:ty) => { $type };

    (doc mandatory information) => { "always sent, information" };
    (doc mandatory put) => { "mandatory unless something is deleted, effect" };
    (doc mandatory $strict:ident) => { concat!("mandatory, ", stringify!($strict)) };
    (doc optional $class:ident) => { concat!("optional, ", stringify!($class)) };

    (from information $value:expr) => { Some($value) };
    (from put $value:expr) => { Some($value) };
    (from $strict:ident $value:expr) => { $value };

    (mandatory information $fields:ident, $wire:literal, $max:expr) => { $fields.information($wire, $max) };
    (mandatory put $fields:ident, $wire:literal, $max:expr) => { $fields.unless_deleted($wire, $max)? };
    (mandatory $strict:ident $fields:ident, $wire:literal, $max:expr) => { $fields.mandatory($wire, $max)? };

    (optional information $fields:ident, $wire:literal, $max:expr) => { $fields.information($wire, $max) };
    (optional $strict:ident $fields:ident, $wire:literal, $max:expr) => { $fields.optional($wire, $max)? };

    (write information $fields:ident, $wire:literal, $value:expr) => { $fields.push_optional($wire, $value.as_ref()) };
    (write put $fields:ident, $wire:literal, $value:expr) => { $fields.push_optional($wire, $value.as_ref()) };
    (write $strict:ident $fields:ident, $wire:literal, $value:expr) => { $fields.push($wire, &$value) };
}
pub(crate) use field;
