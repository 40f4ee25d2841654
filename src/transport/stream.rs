//! Bodies that are sent piece by piece, because they are read from somewhere.

use std::future::ready;
use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{BoxStream, StreamExt as _, TryStreamExt as _, once, try_unfold};

/// A body of known length that is read while it is sent.
pub struct StreamedBody {
    before: Bytes,
    content: BoxStream<'static, io::Result<Bytes>>,
    content_length: u64,
    after: Bytes,
}

impl StreamedBody {
    pub(crate) fn new(
        before: Bytes,
        content: BoxStream<'static, io::Result<Bytes>>,
        content_length: u64,
        after: Bytes,
    ) -> Self {
        Self { before, content, content_length, after }
    }

    /// The length in bytes; to be sent as `Content-Length`.
    #[allow(clippy::len_without_is_empty)] // there is always something around the content
    pub fn len(&self) -> u64 {
        self.content_length + (self.before.len() + self.after.len()) as u64
    }

    /// The pieces. One is an error where the source cannot be read, or has another length than it had.
    pub fn into_chunks(self) -> BoxStream<'static, io::Result<Bytes>> {
        let other_length = || io::Error::new(io::ErrorKind::InvalidData, "the content has another length than before");
        let content = try_unfold((self.content, self.content_length), move |(mut content, left)| async move {
            match content.try_next().await? {
                Some(chunk) => {
                    let left = left.checked_sub(chunk.len() as u64).ok_or_else(other_length)?;
                    Ok(Some((chunk, (content, left))))
                }
                None if left > 0 => Err(other_length()),
                None => Ok(None),
            }
        });
        let piece = |bytes| once(ready(Ok(bytes)));
        piece(self.before).chain(content).chain(piece(self.after)).boxed()
    }

    /// The whole body in memory.
    pub(super) async fn collect(self) -> io::Result<Bytes> {
        let body = BytesMut::with_capacity(usize::try_from(self.len()).unwrap_or_default());
        let append = |mut body: BytesMut, chunk: Bytes| {
            body.extend_from_slice(&chunk);
            ready(Ok(body))
        };
        self.into_chunks().try_fold(body, append).await.map(BytesMut::freeze)
    }
}

impl std::fmt::Debug for StreamedBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamedBody").field("len", &self.len()).finish_non_exhaustive()
    }
}
