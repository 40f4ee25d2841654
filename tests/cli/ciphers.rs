//! `encrypt`, `decrypt`, `rsa-keygen`, `decrypt-secret`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{run, run_with, text, vectors};

#[test]
fn field_cipher_vectors() {
    for vector in vectors("field_cipher") {
        let keys = [("KOOGALLERY_V1_KEY", text(&vector, "access_key"))];
        let [encrypt_type, iv, plaintext, ciphertext] =
            ["encrypt_type", "iv", "plaintext", "ciphertext"].map(|field| text(&vector, field));
        let encrypted = run(&keys, &["encrypt", "--type", encrypt_type, "--iv", iv, "--", plaintext]);
        assert_eq!(encrypted.line(), ciphertext);
        assert_eq!(run(&keys, &["decrypt", "--type", encrypt_type, "--", ciphertext]).out, format!("{plaintext}\n"));
        let settings = [keys[0], ("KOOGALLERY_ENCRYPT_TYPE", encrypt_type)];
        assert_eq!(run_with(&settings, &["decrypt", "-"], ciphertext.as_bytes()).out, format!("{plaintext}\n"));
        let fresh = run(&keys, &["encrypt", "--type", encrypt_type, "--", plaintext]);
        assert_ne!(fresh.line(), ciphertext);
        run(&[("KOOGALLERY_V1_KEY", "another-key")], &["decrypt", "--", ciphertext]).says(1, "no key");
    }
    let keys = [("KOOGALLERY_BASIC_KEY", "12345678-90ab-cdef-1234-567890abcdef,older-key")];
    let older = run(&[("KOOGALLERY_BASIC_KEY", "older-key")], &["encrypt", "text"]);
    assert_eq!(run(&keys, &["decrypt", older.line()]).line(), "text");
    run(&keys, &["encrypt", &"x".repeat(80)]).says(2, "80 bytes");
    run(&keys, &["encrypt", "--iv", "short", "x"]).says(2, "16 printable");
    run(&keys, &["encrypt", "--type", "3", "x"]).says(2, "AES-256");
    run(&[keys[0], ("KOOGALLERY_ENCRYPT_TYPE", "9")], &["encrypt", "x"]).says(2, "KOOGALLERY_ENCRYPT_TYPE");
}

#[test]
fn key_pairs_and_client_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rsa.pem");
    let path = path.to_str().unwrap();
    let made = run(&[], &["--quiet", "rsa-keygen", "--out", path]);
    let pem = std::fs::read_to_string(path).unwrap();
    let key = koogallery::cipher::client_secret::PrivateKey::from_pem(&pem).unwrap();
    assert_eq!((key.bits(), key.public_key()), (3072, made.line()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    run(&[], &["rsa-keygen", "--out", path]).says(2, "exists already");
    assert_eq!(std::fs::read_to_string(path).unwrap(), pem);
    run(&[], &["rsa-keygen", "--out", path, "--bits", "1024"]).says(2, "3072");

    let vectors_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let vectors: Vec<Value> =
        serde_json::from_slice(&std::fs::read(vectors_folder.join("java/client_secret.json")).unwrap()).unwrap();
    let key_file = |name: &str| -> PathBuf { vectors_folder.join(format!("keys/{name}.pem")) };
    for vector in vectors.iter().filter(|vector| text(vector, "key") == "test_rsa_3072").take(6) {
        let setting = key_file(text(vector, "key"));
        let keys = [("KOOGALLERY_RSA_PRIVATE_KEY_FILE", setting.to_str().unwrap())];
        assert_eq!(run(&keys, &["decrypt-secret", text(vector, "ciphertext")]).line(), text(vector, "secret"));
        let other = [("KOOGALLERY_RSA_PRIVATE_KEY_FILE", path)];
        run(&other, &["decrypt-secret", text(vector, "ciphertext")]).says(1, "cannot be decrypted");
    }
    run(&[], &["decrypt-secret", "00"]).says(2, "KOOGALLERY_RSA_PRIVATE_KEY_FILE");
    run(&[("KOOGALLERY_RSA_PRIVATE_KEY_FILE", "/no/such.pem")], &["decrypt-secret", "00"]).says(2, "/no/such.pem");
}
