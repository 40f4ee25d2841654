//! The stored state of a License.

use std::collections::BTreeSet;

use hmac::Mac as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::StateError;
use super::answer::Answer;
use crate::key::hmac_of;
use crate::timestamp::Timestamp;

const VERSION: u32 = 1;

/// The stored state of a License: a line of JSON, and a line with its SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    version: u32,
    key: String,
    /// The number of answers: of two records the one with more answers is the later one, whatever the clock did.
    answers: u64,
    pub(super) answer: Option<Answer>,
    /// The latest time seen, unless a later answer has proven that the clock was wrong.
    pub(super) seen_at: Timestamp,
    /// The day on which the clients below were reported.
    day: i64,
    reported: BTreeSet<String>,
}

impl Record {
    pub(super) fn new(key: &str, now: Timestamp) -> Self {
        let (key, reported) = (key.to_owned(), BTreeSet::new());
        Self { version: VERSION, key, answers: 0, answer: None, seen_at: now, day: 0, reported }
    }

    pub(super) fn from_bytes(key: &str, bytes: &[u8]) -> Result<Self, StateError> {
        #[derive(Deserialize)]
        struct Form {
            version: u32,
        }
        let damaged = || StateError::Damaged { key: key.to_owned() };
        let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
        let (json, hash) = text.strip_suffix('\n').and_then(|text| text.split_once('\n')).ok_or_else(damaged)?;
        if hash != hash_of(json) {
            return Err(damaged());
        }
        match serde_json::from_str(json) {
            Ok(Form { version }) if version > VERSION => Err(StateError::Newer { key: key.to_owned(), version }),
            _ => serde_json::from_str(json).ok().filter(|record: &Self| record.key == key).ok_or_else(damaged),
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Plain data with text keys: serializing cannot fail.
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{json}\n{}\n", hash_of(&json)).into_bytes()
    }

    pub(super) fn answered(&mut self, answer: Answer) {
        self.answers = self.answers.saturating_add(1);
        // The call was signed with the time, which the gateway checks.
        self.seen_at = answer.answered_at;
        self.answer = Some(answer);
    }

    pub(super) fn is_reported(&self, day: i64, client: &str) -> bool {
        self.day == day && self.reported.contains(client)
    }

    pub(super) fn reported(&mut self, day: i64, clients: impl IntoIterator<Item = String>) {
        if self.day != day {
            self.day = day;
            self.reported.clear();
        }
        self.reported.extend(clients);
    }

    /// Merges what another process has saved meanwhile.
    pub(super) fn merge(&mut self, other: Self) {
        if other.answers > self.answers {
            (self.answers, self.answer, self.seen_at) = (other.answers, other.answer, other.seen_at);
        } else if other.answers == self.answers {
            self.seen_at = self.seen_at.max(other.seen_at);
        }
        if other.day > self.day {
            (self.day, self.reported) = (other.day, other.reported);
        } else if other.day == self.day {
            self.reported.extend(other.reported);
        }
    }
}

fn hash_of(text: &str) -> String {
    const_hex::encode(Sha256::digest(text))
}

/// Returns the key of a License's state, which does not reveal the code.
pub(super) fn key_of(license: &str) -> String {
    hashed(license, "license", 16)
}

/// Returns the hash of a client in the state, which does not reveal its id.
pub(super) fn client_of(license: &str, client_id: &str) -> String {
    hashed(license, client_id, 8)
}

fn hashed(license: &str, text: &str, length: usize) -> String {
    let hash = hmac_of(license.as_bytes()).chain_update(text.as_bytes()).finalize().into_bytes();
    const_hex::encode(&hash[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_millis(1_735_787_045_678);

    #[test]
    fn every_changed_byte_and_every_cut_is_noticed() {
        let key = key_of("PL1");
        let mut record = Record::new(&key, NOW);
        record.reported(7, [client_of("PL1", "account-17")]);
        let bytes = record.to_bytes();
        assert_eq!(Record::from_bytes(&key, &bytes).unwrap(), record);
        for index in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert!(Record::from_bytes(&key, &changed).is_err(), "byte {index}");
            assert!(Record::from_bytes(&key, &bytes[..index]).is_err(), "cut at {index}");
        }
        let other = Record::from_bytes(&key_of("PL2"), &bytes).unwrap_err();
        assert!(matches!(other, StateError::Damaged { .. }), "{other:?}");
    }

    #[test]
    fn neither_the_code_nor_a_client_is_reported() {
        let mut record = Record::new(&key_of("PL-secret"), NOW);
        record.reported(7, [client_of("PL-secret", "13800138000")]);
        let text = String::from_utf8(record.to_bytes()).unwrap();
        assert!(text.is_ascii() && !text.contains("PL-secret") && !text.contains("13800138000"), "{text}");
        assert_ne!(client_of("PL1", "a"), client_of("PL2", "a"), "ids cannot be looked up in a table");
    }

    #[test]
    fn a_newer_form_is_left_alone() {
        let json = r#"{"version":2}"#;
        let bytes = format!("{json}\n{}\n", hash_of(json));
        let error = Record::from_bytes("key", bytes.as_bytes()).unwrap_err();
        assert!(matches!(error, StateError::Newer { version: 2, .. }), "{error:?}");
    }

    #[test]
    fn the_later_answer_wins_and_clients_add_up() {
        let mut ours = Record::new("key", NOW);
        let mut theirs = ours.clone();
        ours.reported(7, ["a".to_owned()]);
        theirs.reported(7, ["b".to_owned()]);
        theirs.answers = 1;
        ours.merge(theirs.clone());
        assert!(ours.answers == 1 && ours.is_reported(7, "a") && ours.is_reported(7, "b"));
        let mut later = theirs.clone();
        later.reported(8, ["c".to_owned()]);
        later.merge(theirs);
        assert!(later.is_reported(8, "c") && !later.is_reported(8, "b") && !later.is_reported(7, "b"));
    }
}
