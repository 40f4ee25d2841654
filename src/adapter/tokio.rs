//! Handlers on tokio, and files that are read without blocking it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use ::tokio::fs::File;
use ::tokio::io::AsyncReadExt as _;
use ::tokio::runtime::Handle;
use bytes::{Bytes, BytesMut};
use futures_util::future::{BoxFuture, ready};
use futures_util::stream::{BoxStream, StreamExt as _, try_unfold};
use futures_util::{FutureExt as _, TryFutureExt as _};

use crate::open_api::Source;
use crate::runtime::Runtime;

/// Runs handlers as tasks of the tokio runtime in which the call is answered; its time driver must be enabled.
///
/// Outside of tokio nothing can run: calls are then answered `000005`.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "a unit struct is made by its name")]
pub struct TokioRuntime;

impl Runtime for TokioRuntime {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(task);
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        match Handle::try_current() {
            Ok(_) => ::tokio::time::sleep(duration).boxed(),
            Err(_) => ready(()).boxed(),
        }
    }
}

/// A file to upload, read in pieces of 64 KiB.
#[derive(Clone, Debug)]
pub struct FileSource {
    path: PathBuf,
}

impl FileSource {
    /// The file at a path; it is opened when it is read.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl Source for FileSource {
    fn chunks(&self) -> BoxStream<'static, io::Result<Bytes>> {
        let path = self.path.clone();
        let next = |mut file: File| async {
            let mut chunk = BytesMut::with_capacity(64 * 1024);
            let length = file.read_buf(&mut chunk).await?;
            Ok((length > 0).then(|| (chunk.freeze(), file)))
        };
        let opened = async move { File::open(path).await.map(|file| try_unfold(file, next)) };
        opened.try_flatten_stream().boxed()
    }
}
