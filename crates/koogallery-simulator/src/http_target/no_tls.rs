//! A build without TLS: this type cannot be constructed.

use tokio::net::TcpStream;

use super::TargetUrlError;
use super::connection::ByteStream;
use crate::tls_error::{Inspection, TlsError, Version};

#[derive(Clone, Debug)]
pub(crate) enum Tls {}

impl Tls {
    pub(super) fn new(_: &str) -> Result<Self, TargetUrlError> {
        Err(TargetUrlError::Https)
    }

    pub(super) async fn secure(&self, _: TcpStream) -> Result<Box<dyn ByteStream>, TlsError> {
        match *self {}
    }

    pub(super) async fn inspect(&self, _: TcpStream, _: Version) -> Result<Inspection, TlsError> {
        match *self {}
    }
}
