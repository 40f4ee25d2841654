//! Kinds of values, for descriptions of messages in other languages.

use std::borrow::Cow;

use super::class::FieldSpec;
use super::{CompactTime, ExtendParams, TestFlag};
use crate::amount::Amount;
use crate::cipher::field::{Ciphertext, EncryptType};
use crate::redact::Sensitive;
use crate::result_code::ResultCode;
use crate::timestamp::Timestamp;

/// Kind of a field's value. What readers take beside the documented form is theirs to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FieldKind {
    /// A text.
    Text,
    /// What names something: a text, or a number written as digits alone.
    Name,
    /// A whole number.
    Whole,
    /// A decimal number.
    Decimal,
    /// A decimal number in a text.
    DecimalText,
    /// `true` or `false`.
    Truth,
    /// The mark of a debugging call.
    TestFlag,
    /// A time.
    Time(TimeForm),
    /// One of these texts; the documents may list more of them one day.
    Words(&'static [&'static str]),
    /// One of these texts and nothing else.
    Choice(&'static [&'static str]),
    /// One of these numbers and nothing else.
    Numbers(&'static [u8]),
    /// The result code of an answer.
    ResultCode,
    /// Instance ids, joined with commas.
    InstanceIds,
    /// The Base64 form of a JSON list of names and values.
    ExtendParams,
    /// A list of texts, each of at most so many characters.
    Texts(usize),
    /// An object.
    Object(&'static [FieldSpec]),
    /// An object as JSON text.
    ObjectText(&'static [FieldSpec]),
    /// A list of objects.
    List(&'static [FieldSpec]),
    /// A list of objects as JSON text.
    ListText(&'static [FieldSpec]),
    /// A list of objects that have exactly one of these members.
    ListOfEither(&'static [FieldSpec]),
    /// Anything.
    Any,
}

/// Form of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeForm {
    /// `yyyyMMddHHmmss` or `yyyyMMddHHmmssSSS`.
    Compact,
    /// `yyyyMMddHHmmss`.
    CompactSeconds,
    /// `yyyyMMddHHmmssSSS`.
    CompactMillis,
    /// `yyyyMMdd'T'HHmmss'Z'`.
    BasicIso,
    /// `yyyy-MM-dd HH:mm:ss z`.
    Zoned,
}

/// A type whose values have a kind.
pub(crate) trait Shaped {
    const KIND: FieldKind;
}

macro_rules! shaped {
    ($($type:ty = $kind:expr;)*) => {
        $(impl $crate::wire::Shaped for $type {
            const KIND: $crate::wire::FieldKind = $kind;
        })*
     };
}
pub(crate) use shaped;

shaped! {
    String = FieldKind::Text;
    Cow<'static, str> = FieldKind::Text;
    Sensitive = FieldKind::Text;
    Ciphertext = FieldKind::Text;
    bool = FieldKind::Truth;
    u32 = FieldKind::Whole;
    i32 = FieldKind::Whole;
    Amount = FieldKind::Decimal;
    Timestamp = FieldKind::Time(TimeForm::Compact);
    CompactTime = FieldKind::Time(TimeForm::Compact);
    TestFlag = FieldKind::TestFlag;
    ExtendParams = FieldKind::ExtendParams;
    ResultCode = FieldKind::ResultCode;
    EncryptType = FieldKind::Choice(&["1", "2"]);
}

impl<T: Shaped> Shaped for Option<T> {
    const KIND: FieldKind = T::KIND;
}
