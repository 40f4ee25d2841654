//! Right and wrong ways to make a signature from a key and a text.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::Mistake;
use super::search::Choice;

/// A hash function, as the length of a signature gives it away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    pub(super) const ALL: [Self; 5] = [Self::Sha256, Self::Sha1, Self::Sha512, Self::Sha224, Self::Sha384];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha224 => "SHA-224",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    /// Bytes of its digests.
    const fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    pub(super) fn of_length(length: usize) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.length() == length)
    }

    fn hmac(self, key: &[u8], text: &[u8]) -> Vec<u8> {
        fn with<M: KeyInit + Mac>(key: &[u8], text: &[u8]) -> Vec<u8> {
            // An HMAC takes keys of every length.
            M::new_from_slice(key)
                .map(|mac| mac.chain_update(text).finalize().into_bytes().to_vec())
                .unwrap_or_default()
        }
        match self {
            Self::Sha1 => with::<Hmac<Sha1>>(key, text),
            Self::Sha224 => with::<Hmac<Sha224>>(key, text),
            Self::Sha256 => with::<Hmac<Sha256>>(key, text),
            Self::Sha384 => with::<Hmac<Sha384>>(key, text),
            Self::Sha512 => with::<Hmac<Sha512>>(key, text),
        }
    }

    fn digest(self, parts: &[&[u8]]) -> Vec<u8> {
        fn with<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
            parts.iter().fold(D::new(), |digest, part| digest.chain_update(part)).finalize().to_vec()
        }
        match self {
            Self::Sha1 => with::<Sha1>(parts),
            Self::Sha224 => with::<Sha224>(parts),
            Self::Sha256 => with::<Sha256>(parts),
            Self::Sha384 => with::<Sha384>(parts),
            Self::Sha512 => with::<Sha512>(parts),
        }
    }
}

/// Marks that other schemes have between the parts of the text.
pub(super) const MARKS: [&str; 7] = ["&", "\n", ",", ";", "|", ":", " "];

/// Way to make a signature from key and text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Making {
    Hmac,
    /// The HMAC of the key under the text.
    Swapped,
    /// A hash of the text alone.
    Hash,
    HashOfKeyAndText,
    HashOfTextAndKey,
}

impl Making {
    pub(super) fn choice() -> Choice<Self> {
        Choice::right(Self::Hmac)
            .or(Mistake::KeyAndTextSwapped, Self::Swapped)
            .or(Mistake::PlainHash, Self::Hash)
            .or(Mistake::PlainHash, Self::HashOfKeyAndText)
            .or(Mistake::PlainHash, Self::HashOfTextAndKey)
    }

    pub(super) fn make(self, algorithm: Algorithm, key: &[u8], text: &[u8]) -> Vec<u8> {
        match self {
            Self::Hmac => algorithm.hmac(key, text),
            Self::Swapped => algorithm.hmac(text, key),
            Self::Hash => algorithm.digest(&[text]),
            Self::HashOfKeyAndText => algorithm.digest(&[key, text]),
            Self::HashOfTextAndKey => algorithm.digest(&[text, key]),
        }
    }
}
