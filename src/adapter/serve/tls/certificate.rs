//! Reading a certificate and its private key.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::{Error as PemError, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{Error as RustlsError, InconsistentKeys};
use x509_parser::parse_x509_certificate;
use zeroize::Zeroizing;

use super::{BoxError, pem};
use crate::timestamp::Timestamp;

const MILLIS_PER_DAY: i64 = 24 * 3600 * 1000;

/// Reason why a certificate and a private key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read", .path.display())]
    Unreadable {
        /// File.
        path: PathBuf,
        /// Cause.
        source: io::Error,
    },
    /// The file of the certificate holds none.
    #[error("{} holds no certificate: there is no line \"-----BEGIN CERTIFICATE-----\"", .0.display())]
    NoCertificate(PathBuf),
    /// The file of the private key holds none.
    #[error("{} holds no private key: there is no line \"-----BEGIN PRIVATE KEY-----\"", .0.display())]
    NoKey(PathBuf),
    /// The private key has a password.
    #[error(
        "the private key in {} has a password: write it without one (openssl pkey -in FILE -out NEWFILE)",
        .0.display()
    )]
    EncryptedKey(PathBuf),
    /// The private key is of a kind that the server cannot sign with, or damaged.
    #[error(
        "the private key in {} cannot be used: it is damaged, or none of RSA (2048 to 8192 bits), ECDSA (P-256, P-384, P-521) \
         and Ed25519",
        .0.display()
    )]
    UnusableKey(PathBuf),
    /// A file is damaged.
    #[error("{} is damaged: {reason}", .path.display())]
    Damaged {
        /// File.
        path: PathBuf,
        /// Place or kind of the damage.
        reason: String,
    },
    /// The key is another one than that of the first certificate in the file.
    #[error(
        "the private key in {} is not that of the first certificate in {}, which has to be the server's own",
        .key.display(), .certificate.display()
    )]
    KeyMismatch {
        /// File of the key.
        key: PathBuf,
        /// File of the certificate.
        certificate: PathBuf,
    },
    /// TLS 1.2 and 1.3 are not to be had.
    #[error("TLS 1.2 and 1.3 are not supported")]
    Unsupported(#[source] BoxError),
}

/// Time in which a certificate is valid, and the time at which that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Validity {
    /// Begin.
    pub not_before: Timestamp,
    /// End.
    pub not_after: Timestamp,
    now: Timestamp,
}

impl Validity {
    /// Creates the time of a certificate as of `now`, for tests.
    pub fn new(not_before: Timestamp, not_after: Timestamp, now: Timestamp) -> Self {
        Self { not_before, not_after, now }
    }

    /// Returns how many whole days are left; negative after the end.
    pub fn days_left(&self) -> i64 {
        let left = self.not_after.as_unix_millis().saturating_sub(self.now.as_unix_millis());
        left.div_euclid(MILLIS_PER_DAY)
    }

    /// Returns whether callers accept the certificate now, as far as its time goes.
    pub fn is_valid(&self) -> bool {
        self.not_before <= self.now && self.now <= self.not_after
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, until) = (Day(self.not_before), Day(self.not_after));
        match self.days_left() {
            _ if self.now < self.not_before => {
                write!(f, "the certificate is NOT VALID before {from}: callers refuse it")
            }
            left if left < 0 => write!(f, "the certificate EXPIRED on {until}: callers refuse it"),
            left => write!(f, "the certificate is valid until {until}, {left} days left"),
        }
    }
}

/// A day in UTC.
struct Day(Timestamp);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.to_offset_date_time() {
            Some(time) => time.date().fmt(f),
            None => self.0.fmt(f),
        }
    }
}

#[derive(Debug)]
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// The contents of the files.
#[derive(PartialEq)]
pub(super) struct Pem {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

pub(super) struct Identity {
    pub(super) key: Arc<CertifiedKey>,
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Identity {
    pub(super) fn validity_at(&self, now: Timestamp) -> Validity {
        Validity { not_before: self.not_before, not_after: self.not_after, now }
    }
}

impl Files {
    pub(super) fn read(&self) -> Result<Pem, TlsError> {
        let read = |path: &Path| std::fs::read(path).map_err(|source| unreadable(path, source));
        Ok(Pem { certificate: read(&self.certificate)?, key: read(&self.key)?.into() })
    }

    pub(super) async fn read_async(&self) -> Result<Pem, TlsError> {
        let read = async |path: &Path| ::tokio::fs::read(path).await.map_err(|source| unreadable(path, source));
        Ok(Pem { certificate: read(&self.certificate).await?, key: read(&self.key).await?.into() })
    }

    pub(super) fn parse(&self, pem: &Pem, provider: &CryptoProvider) -> Result<Identity, TlsError> {
        let damaged =
            |path: &Path, reason: &str| TlsError::Damaged { path: path.to_owned(), reason: reason.to_owned() };
        let in_certificate = |reason: &str| damaged(&self.certificate, reason);
        let certificate = pem::without_mark(&pem.certificate);
        if let Some(reason) = pem::misplaced_section(certificate) {
            return Err(in_certificate(&reason));
        }
        let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| in_certificate(pem::reason(&error)))?;
        let leaf = chain.first().ok_or_else(|| TlsError::NoCertificate(self.certificate.clone()))?;
        let (_, parsed) = parse_x509_certificate(leaf).map_err(|error| in_certificate(&error.to_string()))?;
        let time = |seconds: i64| Timestamp::from_unix_millis(seconds.saturating_mul(1000));
        let validity = parsed.validity();
        let (not_before, not_after) = (time(validity.not_before.timestamp()), time(validity.not_after.timestamp()));

        let key = pem::without_mark(&pem.key);
        if let Some(reason) = pem::misplaced_section(key) {
            return Err(damaged(&self.key, &reason));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            // PKCS#1 marks it by a header, which is no Base64.
            PemError::NoItemsFound | PemError::Base64Decode(_) if is_encrypted(key) => {
                TlsError::EncryptedKey(self.key.clone())
            }
            PemError::NoItemsFound => TlsError::NoKey(self.key.clone()),
            error => damaged(&self.key, pem::reason(&error)),
        })?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            RustlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                TlsError::KeyMismatch { key: self.key.clone(), certificate: self.certificate.clone() }
            }
            RustlsError::InvalidCertificate(_) => in_certificate(&error.to_string()),
            _ => TlsError::UnusableKey(self.key.clone()),
        })?;
        Ok(Identity { key: Arc::new(key), not_before, not_after })
    }
}

fn unreadable(path: &Path, source: io::Error) -> TlsError {
    TlsError::Unreadable { path: path.to_owned(), source }
}

fn is_encrypted(pem: &[u8]) -> bool {
    memchr::memmem::find(pem, b"ENCRYPTED").is_some()
}
