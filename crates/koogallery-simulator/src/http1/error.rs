//! Reasons why a message cannot be read.

/// Reason why a message cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The head has more than 64 KiB.
    #[error("head is larger than 64 KiB")]
    HeadTooLarge,
    /// The head has too many headers, or the body too many trailers.
    #[error("{0} has more than 128 headers")]
    TooManyHeaders(&'static str),
    /// The body has more bytes than this limit.
    #[error("body is larger than {} MiB", .0 / 1024 / 1024)]
    BodyTooLarge(usize),
    /// The length of the body can be read in two ways, or in none.
    #[error("ambiguous body length")]
    AmbiguousLength,
    /// A chunk of the body has no size, or does not end where it has to.
    #[error("a chunk without a size")]
    NotChunked,
    /// The bytes are not an HTTP/1.1 message.
    #[error("{0}")]
    NotHttp(String),
    /// The other side closed, or the stream failed, before the end of the message.
    #[error("{0}")]
    CutOff(String),
}
