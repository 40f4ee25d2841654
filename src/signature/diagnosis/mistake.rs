//! The known mistakes.

use crate::key::InterfaceType;

/// A way in which the text that was signed, or how, differs from what the scheme asks for.
///
/// Its text says what to look for. It names fields and settings, and never holds a key or a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// Another key of the ring than the first, counted from 0. No fault during a rotation.
    #[error("signed with key {} of the list, not with the first: a rotation is not finished, or was done on one side only", .0 + 1)]
    OlderKey(usize),
    /// The key of another interface type.
    #[error("signed with the key of another interface type, {}: see which key is bound on the debugging page", .0.env_name())]
    OtherInterfaceKey(InterfaceType),
    /// The key in the form of the European console.
    #[error("signed with the Base64 form of the key that the European console shows: decode it first")]
    KeyNotDecoded,
    /// What the configured key is the Base64 form of.
    #[error("the configured key is the Base64 form that the European console shows: set KOOGALLERY_SITE=europe")]
    KeyDecoded,
    /// The key with a line break after it.
    #[error("signed with a line break at the end of the key: trim what is read from a file")]
    KeyWithLineBreak,
    /// The key with quotes around it, on one of the two sides.
    #[error("the key stands in quotes on one side: take them off")]
    KeyInQuotes,
    /// The key in capitals or in small letters.
    #[error("the key is in another letter case on one side")]
    KeyLetterCase,
    /// AK/SK: the id in the place of the secret.
    #[error("signed with the access key id (AK) in the place of the secret (SK)")]
    AccessForSecret,
    /// AK/SK: the request names another access key id.
    #[error("the request names another access key id (AK) than KOOGALLERY_AK")]
    OtherAccess,

    /// Hex, where Base64 is asked for.
    #[error("the signature is written in hex: this scheme wants the Base64 of the 32 bytes")]
    HexForBase64,
    /// Base64, where hex is asked for.
    #[error("the signature is written in Base64: this scheme wants hex")]
    Base64ForHex,
    /// Base64 of the hex digits.
    #[error("the signature is the Base64 of its hex digits, not of its 32 bytes")]
    Base64OfHex,
    /// The alphabet with `-` and `_`, or no `=` at the end.
    #[error("the signature is in Base64 for addresses (`-` and `_`, or no `=`): this scheme wants the standard form")]
    UrlSafeBase64,
    /// Spaces in the Base64.
    #[error("plus signs of the signature became spaces: it was decoded as a form although it was not encoded")]
    SignaturePlusAsSpace,
    /// Percent sequences in the signature.
    #[error("the signature is still percent-encoded")]
    SignatureEncoded,
    /// Quotes or blanks around the signature.
    #[error("quotes or blanks stand around the signature")]
    SignatureQuoted,
    /// `Body-Sign` without quotes.
    #[error("the values of Body-Sign have to stand in double quotes")]
    QuotesMissing,
    /// `Body-Sign` without one of its two pairs.
    #[error("Body-Sign has to hold both pairs: sign_type=\"HMAC-SHA256\", signature=\"...\"")]
    HeaderIncomplete,

    /// `Body-Sign` in other letters.
    #[error("the header is written {0}: the marketplace recognises no other letter case than Body-Sign")]
    HeaderLetterCase(String),

    /// The digest of the body is made without the key.
    #[error("the digest of the body is a plain SHA-256: it has to be an HMAC-SHA256 with the access key")]
    PlainDigest,
    /// The digest stands in the signed text in capitals.
    #[error("the digest of the body is in capital letters: the signed text holds it in small ones")]
    UpperCaseDigest,
    /// The digest stands in the signed text in Base64, or as bytes.
    #[error("the digest of the body is signed in Base64 or as bytes: the signed text holds it in hex")]
    DigestNotHex,
    /// No digest, the body itself.
    #[error("the body itself is signed, as for the Kit's x-sign: this scheme signs its digest")]
    NoDigest,
    /// A digest, not the body itself.
    #[error(
        "a digest of the body is signed, as for callbacks of the basic interface: this scheme signs the body itself"
    )]
    DigestForBody,
    /// SHA-256 without a key.
    #[error("the signature is a plain SHA-256: it has to be an HMAC-SHA256")]
    PlainHash,
    /// A part of the signed text is not there.
    #[error("{0} was left out when signing, or came to the message after it")]
    LeftOut(String),
    /// Timestamp and nonce have changed places.
    #[error("timestamp and nonce are signed in the wrong order")]
    WrongOrder,
    /// The parts are joined without their marks.
    #[error("the parts are joined without the marks or labels between them")]
    MarksLeftOut,
    /// The formula of the callbacks.
    #[error("signed by the formula of the V2.0 callbacks: this scheme signs ts=...&nonce=...&body=...")]
    CallbackFormula,
    /// The HMAC key lacks `timeStamp`.
    #[error("the HMAC key is the access key alone: it has to be the access key followed by timeStamp")]
    TimeStampNotInKey,
    /// The HMAC key has its parts the wrong way round.
    #[error("the HMAC key is timeStamp followed by the access key: it has to be the other way round")]
    TimeStampBeforeKey,

    /// Seconds on one side, milliseconds on the other.
    #[error("the time is in seconds on one side and in milliseconds on the other: sign the digits as they are sent")]
    SecondsForMilliseconds,
    /// Dated so many hours ahead of what is right.
    #[error("the time is {0:+} hours off: most likely it is written in another time zone")]
    TimeZone(i64),
    /// The time in another form.
    #[error("the time is signed in another form than it is sent: sign its text as it is")]
    TimeReformatted,

    /// Signed as it is given.
    #[error(
        "values count as they are given: they were signed before decoding, or what is given here was decoded already"
    )]
    NotDecoded,
    /// Decoded once more.
    #[error("values were decoded twice: decode each exactly once")]
    DecodedTwice,
    /// A plus sign on one side, a space on the other.
    #[error(
        "plus signs became spaces, or were taken for them: one side decodes as a form, and the other did not encode so"
    )]
    PlusAsSpace,
    /// Decoded values, encoded again.
    #[error("values were encoded when signed: the decoded ones have to be")]
    Encoded,
    /// Encrypted fields in clear.
    #[error("mobilePhone and email were decrypted before signing: they count as ciphertext")]
    Decrypted,
    /// `saasExtendParams` in clear.
    #[error("saasExtendParams was decoded from Base64 before signing: it counts as Base64")]
    ExtendParamsDecoded,

    /// Parameters without a value do not count.
    #[error("parameters without a value were left out: in a query they count")]
    EmptyLeftOut,
    /// Blank members count.
    #[error("blank members were signed: in a body they do not count")]
    BlankSigned,
    /// Only the parameters of the documents count.
    #[error("only the parameters of the documents were signed: all that arrive count")]
    UnknownLeftOut,
    /// The token itself counts, with no value yet.
    #[error("authToken itself was signed, before it had a value: it does not count")]
    TokenSigned,
    /// Names do not count.
    #[error("only the values were signed: name=value has to be")]
    NamesLeftOut,
    /// The order received.
    #[error("parameters or members are signed in the order in which they stand: they have to be sorted by name")]
    Unsorted,
    /// From Z to A.
    #[error("sorted from Z to A, as the English documents say: the right order is from A to Z")]
    SortedDescending,
    /// Without regard to the letter case.
    #[error("sorted without regard to the letter case: capitals come before small letters")]
    SortedIgnoringCase,

    /// Members of the body sorted by name.
    #[error("the body was parsed and written again: its members are sorted")]
    BodySorted,
    /// Members sorted on every level.
    #[error("the body was parsed and written again: its members are sorted on every level")]
    BodySortedDeep,
    /// Members that are null are gone, or stay where they should be gone.
    #[error("the body was parsed and written again: members that are null are kept on one side only")]
    Nulls,
    /// White space between the members is gone.
    #[error("the body was parsed and written again: white space was removed")]
    BodyCompacted,
    /// A space after `,` and `:`.
    #[error("the body was parsed and written again: a space stands after each comma and colon")]
    BodySpaced,
    /// Line breaks and indentation.
    #[error("the body was parsed and written again: it is indented")]
    BodyIndented,
    /// `\uXXXX` for characters outside ASCII.
    #[error("the body was parsed and written again: characters outside ASCII are written as \\uXXXX")]
    AsciiEscaped,
    /// `\/` for slashes.
    #[error("the body was parsed and written again: slashes are written as \\/")]
    SlashesEscaped,
    /// `\u0026` for `&`, and so on.
    #[error("the body was parsed and written again: &, < and > are written as \\uXXXX")]
    HtmlEscaped,
    /// Characters in the place of their escapes.
    #[error("the body was parsed and written again: escapes became characters")]
    Unescaped,
    /// A line break at the end, on one side only.
    #[error("one side has a line break at the end of the body")]
    TrailingLineBreak,
    /// A byte order mark at the beginning, on one side only.
    #[error("one side has a byte order mark (BOM) at the beginning of the body")]
    ByteOrderMark,
    /// CRLF on one side, LF on the other.
    #[error("one side breaks lines by CRLF and the other by LF")]
    LineBreaks,
    /// White space around the body, on one side only.
    #[error("one side trimmed white space around the body")]
    BodyTrimmed,
    /// The body was empty.
    #[error("signed with an empty body: it was read before, or is added later")]
    EmptyBody,
    /// Another charset than UTF-8.
    #[error("the body went through another charset than UTF-8")]
    Charset,
    /// The body as a form.
    #[error("the body was decoded as a form (percent sequences, plus signs)")]
    BodyDecoded,

    /// AK/SK: the path without the slash at its end.
    #[error("the signed path has no slash at its end: one is signed although it is not sent")]
    PathWithoutSlash,
    /// AK/SK: path or query as they stand in the address.
    #[error("path or query are signed as they stand in the address: every part is decoded and encoded again")]
    NotCanonical,
    /// AK/SK: percent sequences are encoded again.
    #[error("the path is encoded twice")]
    EncodedTwice,
    /// AK/SK: the request has another `Host` than was signed.
    #[error("another Host is signed than the request has: a proxy changed it, or the port is left out on one side")]
    OtherHost,
    /// AK/SK: a header that is listed as signed is not there.
    #[error("the header {0} is listed as signed and is missing")]
    SignedHeaderMissing(String),
    /// AK/SK: the body counts as unsigned.
    #[error("UNSIGNED-PAYLOAD is signed in the place of the body's hash without the header X-Sdk-Content-Sha256")]
    UnsignedPayload,
    /// AK/SK: the empty line after the headers is not there.
    #[error("the empty line between the signed headers and their names is missing")]
    EmptyLineMissing,
    /// AK/SK: a line too many at the end.
    #[error("a line break stands at the end of the canonical request")]
    CanonicalLineBreak,
}
