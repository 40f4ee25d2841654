//! Client secrets that the seller can decrypt, and the messages that want them.

use std::sync::Mutex;

use koogallery::adapter::tokio::TokioRuntime;
use koogallery::callback::CallbackService;
use koogallery::cipher::client_secret::{ClientSecretDecryptor, ClientSecretError, OaepDecryptor, PrivateKey};
use koogallery::protocol::Protocol;
use koogallery::redact::Sensitive;
use koogallery::testing::AcceptAll;
use koogallery_simulator::{Checker, Outcome, Profile, PublicKey, Report};

use crate::good::{self, Silence};

fn private_key() -> PrivateKey {
    let pem = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/keys/test_rsa_3072.pem");
    PrivateKey::from_pem(&std::fs::read_to_string(pem).unwrap()).unwrap()
}

async fn check(profile: impl Into<Profile>, decryptor: impl ClientSecretDecryptor) -> Report {
    let builder = CallbackService::builder(good::keys(), TokioRuntime).observer(Silence);
    let service = builder.directory(AcceptAll::new(), decryptor).build();
    let key: PublicKey = private_key().public_key().parse().unwrap();
    Checker::new(service, good::keys()).with_profile(profile).with_public_key(key).run().await.unwrap()
}

#[tokio::test]
async fn a_receiver_that_decrypts_passes() {
    for profile in [Protocol::KitV1, Protocol::KitV2] {
        let report = check(profile, OaepDecryptor::new([private_key()]).unwrap()).await;
        assert!(report.failures().next().is_none(), "{}", report.to_text(false));
        let secret = report.results.iter().find(|result| result.check.id == "L13").unwrap();
        assert_eq!((&secret.outcome, secret.notes.len()), (&Outcome::Passed, 0), "every variation is understood");
        let text = report.to_text(false);
        assert!(!text.contains("applicationSync was left out"), "{text}");
    }
}

/// Reads what was encrypted for another key.
struct OtherKey;

impl ClientSecretDecryptor for OtherKey {
    fn decrypt(&self, _: &str) -> Result<Sensitive, ClientSecretError> {
        Err(ClientSecretError)
    }
}

#[tokio::test]
async fn a_receiver_with_another_key_fails() {
    let report = check(Protocol::KitV2, OtherKey).await;
    assert_eq!(report.failed_ids(), ["A5", "I10", "L1", "L13"], "{}", report.to_text(false));
}

/// Reads one variation: that which it sees first.
#[derive(Default)]
struct OneVariation(Mutex<Option<String>>);

impl ClientSecretDecryptor for OneVariation {
    fn decrypt(&self, ciphertext: &str) -> Result<Sensitive, ClientSecretError> {
        let secret = OaepDecryptor::new([private_key()]).unwrap().decrypt(ciphertext)?;
        let mut known = self.0.lock().unwrap();
        let is_known = known.get_or_insert_with(|| ciphertext.to_owned()) == ciphertext;
        if is_known { Ok(secret) } else { Err(ClientSecretError) }
    }
}

#[tokio::test]
async fn one_variation_is_enough_and_the_others_are_noted() {
    let report = check(Protocol::KitV2, OneVariation::default()).await;
    assert!(report.failures().next().is_none(), "{}", report.to_text(false));
    let secret = report.results.iter().find(|result| result.check.id == "L13").unwrap();
    assert_eq!(secret.notes, ["SHA-256 with MGF1-SHA-256 is not supported", "SHA-1 with MGF1-SHA-1 is not supported"]);
    assert!(report.to_text(false).contains("L13  SHA-1 with MGF1-SHA-1 is not supported"));
}

#[test]
fn a_public_key_is_read_with_or_without_its_lines() {
    let base64 = private_key().public_key().to_owned();
    assert!(base64.parse::<PublicKey>().is_ok());
    assert!(format!("-----BEGIN PUBLIC KEY-----\n{base64}\n-----END PUBLIC KEY-----\n").parse::<PublicKey>().is_ok());
    for wrong in ["", "AAAA", "not Base64!"] {
        assert!(wrong.parse::<PublicKey>().unwrap_err().to_string().contains("not a public RSA key"));
    }
}
