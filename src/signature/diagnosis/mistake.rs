//! The known mistakes.

use crate::key::InterfaceType;

/// A difference from the scheme in the signed text, or in how it was signed.
///
/// Its text says what to look for. It names fields, settings and hosts, and never holds a key or another value.
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
    /// The key whose Base64 form is configured.
    #[error("the configured key is the Base64 form that the European console shows: set KOOGALLERY_SITE=europe")]
    KeyDecoded,
    /// The key with a line break after it.
    #[error("signed with a line break at the end of the key: trim what is read from a file")]
    KeyWithLineBreak,
    /// The key with a blank, a tab or a byte order mark at one end.
    #[error("signed with a blank or a byte order mark before or after the key: trim what is read from a file")]
    KeyWithBlank,
    /// The key with quotes around it, on one of the two sides.
    #[error("the key stands in quotes on one side: take them off")]
    KeyInQuotes,
    /// The key without its hyphens.
    #[error("the hyphens of the key are missing on one side: they belong to it")]
    KeyWithoutHyphens,
    /// The key in capitals or in small letters.
    #[error("the key is in another letter case on one side")]
    KeyLetterCase,
    /// AK/SK: the id in the place of the secret.
    #[error("signed with the access key id (AK) in the place of the secret (SK)")]
    AccessForSecret,
    /// AK/SK: the request names another access key id.
    #[error("the request names another access key id (AK) than KOOGALLERY_AK")]
    OtherAccess,

    /// Another hash function than SHA-256, as the length of the signature shows.
    #[error("the signature is made with {0}, as its length tells: it has to be made with SHA-256")]
    OtherHash(&'static str),
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
    #[error("the header is written {0}: the marketplace recognizes no other letter case than Body-Sign")]
    HeaderLetterCase(String),

    /// The digest of the body is made without the key.
    #[error("the digest of the body is a plain SHA-256: it has to be an HMAC-SHA256 with the access key")]
    PlainDigest,
    /// The digest of the body is made with another hash function.
    #[error("the digest of the body is made with {0}: it has to be an HMAC-SHA256")]
    DigestOtherHash(&'static str),
    /// The digest of the body is the HMAC of the key under the body.
    #[error(
        "the digest of the body is made with key and message swapped: the access key is the key, the body the message"
    )]
    DigestSwapped,
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
    /// The text was taken for the key of the HMAC, and the key for its message.
    #[error("HMAC key and message are swapped: most libraries take the key first, some the message")]
    KeyAndTextSwapped,
    /// A part of the signed text is not there.
    #[error("{0} was left out when signing, or came to the message after it")]
    LeftOut(String),
    /// The parts have changed places.
    #[error("the parts of the signed text are in the wrong order")]
    WrongOrder,
    /// The parts are joined without their marks.
    #[error("the parts are joined without the marks or labels between them")]
    MarksLeftOut,
    /// The parts are joined with other marks, or with marks where there are none.
    #[error("the parts are joined with other marks between them than this scheme has")]
    OtherMarks,
    /// The access key stands in the signed text.
    #[error("the access key was added to the signed text: here it is the key of the HMAC and nothing else")]
    KeyInText,
    /// The formula of the callbacks.
    #[error("signed by the formula of the V2.0 callbacks: this scheme signs ts=...&nonce=...&body=...")]
    CallbackFormula,
    /// The HMAC key lacks `timeStamp`.
    #[error("the HMAC key is the access key alone: it has to be the access key followed by timeStamp")]
    TimeStampNotInKey,
    /// The HMAC key has its parts the wrong way round.
    #[error("the HMAC key is timeStamp followed by the access key: it has to be the other way round")]
    TimeStampBeforeKey,

    /// Java writes a missing value as `null`.
    #[error("the HMAC key is the access key followed by \"null\": timeStamp was not read from the call")]
    TimeStampNull,

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
    /// Encoded as this library does.
    #[error("encoded as {0} does: only A-Z, a-z, 0-9, - . _ ~ stay, and all else is percent-encoded in capital hex")]
    EncodedBy(&'static str),
    /// Small letters in percent sequences.
    #[error("percent sequences are signed in lower-case hex: they have to be in capitals")]
    LowerCaseHex,
    /// Encrypted fields in clear.
    #[error("mobilePhone and email were decrypted before signing: they count as ciphertext")]
    Decrypted,
    /// `saasExtendParams` in clear.
    #[error("saasExtendParams was decoded from Base64 before signing: it counts as Base64")]
    ExtendParamsDecoded,

    /// Parameters without a value do not count.
    #[error("parameters without a value were left out: in a query they count")]
    EmptyLeftOut,
    /// Java writes a missing value as `null`.
    #[error("parameters without a value were signed as null: they count with an empty value")]
    EmptyAsNull,
    /// A mark at the beginning or end.
    #[error("the signed text begins or ends with a stray & or ?: the pairs are joined with & and nothing else")]
    StrayMark,
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

    /// In the order of a Java `HashMap`.
    #[error(
        "parameters or members are signed in the order of a Java HashMap: use the order asked for, or the raw text"
    )]
    JavaHashOrder,

    /// A member stands twice, and the other side made one of them.
    #[error("member {0:?} is repeated in the body: programs that parse it keep one of them, so no two sign the same")]
    RepeatedMember(String),
    /// A typed model does not know a member.
    #[error("the body was read into a model and written again: {0} was dropped on the way")]
    MemberDropped(String),
    /// A typed model knows the documents' members only.
    #[error("the body was read into a model and written again: members that it does not know were dropped")]
    UnknownMembersDropped,
    /// Members of empty text are gone.
    #[error("the body was read into a model and written again: members of empty text were dropped")]
    EmptyMembersDropped,
    /// A typed model writes members that were not there.
    #[error("the body was read into a model and written again: {0} was added, as null or empty")]
    MemberAdded(String),
    /// Numbers as text, or text as numbers.
    #[error("the body was read into a model and written again: numbers became text, or text became numbers")]
    NumbersAsText,
    /// Numbers in another form.
    #[error("the body was parsed and written again: numbers are written as by {0}")]
    NumbersRewritten(&'static str),
    /// `[]` for `{}`.
    #[error("the body was parsed and written again: empty objects became empty lists, as in PHP")]
    EmptyObjectsAsLists,
    /// Members of the body sorted by name.
    #[error("the body was parsed and written again: its members are sorted")]
    BodySorted,
    /// Members sorted on every level.
    #[error("the body was parsed and written again: its members are sorted on every level")]
    BodySortedDeep,
    /// Members that are null are omitted, or kept where they should be omitted.
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
    /// As this library writes JSON.
    #[error("the body was parsed and written again by {0}, which escapes characters that came as they are")]
    EscapedBy(&'static str),
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
    /// The body is compressed.
    #[error("the body is compressed ({0}): the signature is made over the text, and the marketplace reads no other")]
    BodyCompressed(&'static str),
    /// Something was signed, and nothing sent.
    #[error("{0:?} was signed, and no body was sent: sign an empty text, or send what is signed")]
    BodyNotSent(&'static str),
    /// Another charset than UTF-8, by its name.
    #[error("the text was read or written as {0}: all of it is UTF-8")]
    OtherCharset(&'static str),
    /// ISO-8859-1 or ASCII in the place of UTF-8.
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
    #[error("the path or query is encoded twice, as the official Node.js SDK does with the path: give it decoded")]
    EncodedTwice,
    /// AK/SK: the request has another `Host` than was signed.
    #[error(
        "Host is signed as {0}, and the request has another: a proxy changed it, or the port is left out on one side"
    )]
    OtherHost(String),
    /// AK/SK: a header that is listed as signed is not there.
    #[error("the header {0} is listed as signed and is missing")]
    SignedHeaderMissing(String),
    /// AK/SK: the body counts as unsigned.
    #[error("UNSIGNED-PAYLOAD is signed in the place of the body's hash without the header X-Sdk-Content-Sha256")]
    UnsignedPayload,
    /// AK/SK: not encoded at all.
    #[error("path or query are signed decoded: every name, value and segment is percent-encoded")]
    NotEncoded,
    /// AK/SK: parameters in another order.
    #[error("parameters, or the values of a list, are signed in another order: sort the encoded pairs as text")]
    QueryOrder,
    /// AK/SK: parameters without a value lack the equals sign.
    #[error("parameters without a value are signed without the equals sign: it stands there in any case")]
    EqualsSignLeftOut,
    /// AK/SK: the query is part of the path.
    #[error("the query is signed as part of the path: it has a line of its own")]
    QueryInPath,
    /// AK/SK: the type without its character set, or with one.
    #[error(
        "Content-Type is signed with other parameters than it is sent with (charset): the HTTP library adds them after \
         signing; set the whole value before, or leave it unsigned"
    )]
    ContentTypeParameters,
    /// AK/SK: a value with the blanks around it.
    #[error("the header {0} is signed with blanks around its value, as the official Node.js SDK does: trim it before")]
    HeaderNotTrimmed(String),
    /// AK/SK: capitals in the names of signed headers.
    #[error("the names of the signed headers are not in lower case: they are signed and listed in small letters")]
    HeaderNameCase,
    /// AK/SK: a space after the colon.
    #[error("a space is signed after the colon of the headers: name:value has none")]
    SpaceAfterColon,
    /// AK/SK: the method of another request.
    #[error("the method is signed as {0}, and the request is sent by another")]
    OtherMethod(&'static str),
    /// AK/SK: the method in small letters.
    #[error("the method is signed in lower case")]
    MethodCase,
    /// AK/SK: the body's hash in spite of the header.
    #[error(
        "the header X-Sdk-Content-Sha256 is sent, and the hash of the body signed in its place, as the official Python \
         SDK does for an empty body that is not JSON: leave the header out, or sign its value"
    )]
    ContentSha256Ignored,
    /// AK/SK: the empty line after the headers is not there.
    #[error("the empty line between the signed headers and their names is missing")]
    EmptyLineMissing,
    /// AK/SK: a line too many at the end.
    #[error("a line break stands at the end of the canonical request, or of the text to sign")]
    CanonicalLineBreak,
}
