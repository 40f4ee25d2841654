//! The content of an upload.

use std::future::ready;
use std::io;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _, once};

/// Content that can be read from its beginning as often as needed: a try that is made again reads it again.
///
/// With the feature `tokio`, `adapter::tokio::FileSource` is one.
///
/// ```
/// use std::io;
///
/// use bytes::Bytes;
/// use futures_util::stream::{self, BoxStream, StreamExt as _};
/// use koogallery::open_api::Source;
///
/// /// A License that is made while it is sent: the same pieces every time.
/// struct Blocks(u8);
///
/// impl Source for Blocks {
///     fn chunks(&self) -> BoxStream<'static, io::Result<Bytes>> {
///         stream::iter(0..self.0).map(|block| Ok(Bytes::from(vec![block; 1024]))).boxed()
///     }
/// }
/// ```
pub trait Source: Send + Sync + 'static {
    /// Reads it from the beginning. Its pieces set how much is in memory at a time.
    fn chunks(&self) -> BoxStream<'static, io::Result<Bytes>>;
}

impl Source for Bytes {
    fn chunks(&self) -> BoxStream<'static, io::Result<Bytes>> {
        once(ready(Ok(self.clone()))).boxed()
    }
}
