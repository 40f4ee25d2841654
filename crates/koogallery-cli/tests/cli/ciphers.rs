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
fn a_field_is_decrypted_in_the_form_in_which_it_was_copied() {
    const FIELD: &str = "A1b2C3d4E5f6G7h8TabPgWsy6UOqs019s2yvCg==";
    let keys = [("KOOGALLERY_V1_KEY", "12345678-90ab-cdef-1234-567890abcdef")];
    let encoded = FIELD.replace('=', "%3D");
    for (text, form) in [
        (encoded.clone(), "percent-encoded"),
        (format!("\"{FIELD}\""), "in quotes"),
        (format!("mobilePhone={encoded}&"), "name stood in front"),
        (format!("\"mobilePhone\": \"{FIELD}\","), "name stood in front"),
        (FIELD.replace('=', ""), "padding"),
    ] {
        let decrypted = run(&keys, &["decrypt", "--", &text]);
        assert_eq!((decrypted.code, decrypted.out.as_str()), (0, "13800138000\n"), "{text}");
        assert!(decrypted.err.contains(form), "{decrypted:?}");
        assert_eq!(run(&keys, &["--quiet", "decrypt", "--", &text]).err, "");
    }
    let wrapped = format!("{}\n  {}\n", &FIELD[..25], &FIELD[25..]);
    let decrypted = run_with(&keys, &["decrypt", "-"], wrapped.as_bytes());
    assert_eq!(decrypted.out, "13800138000\n");
    assert!(decrypted.err.contains("wrapped over lines"), "{decrypted:?}");

    let other_size = run(&keys, &["decrypt", "--type", "2", FIELD]);
    assert_eq!((other_size.code, other_size.out.as_str()), (0, "13800138000\n"));
    assert!(other_size.err.contains("AES-256 (--type 1"), "{other_size:?}");
    run(&keys, &["decrypt", "--", "this is a sentence and not a field of V1.0"]).says(1, "no Base64");
    run(&keys, &["decrypt", "13800138000"]).says(1, "it has 11 characters");
    run(&keys, &["decrypt", &FIELD[..36]]).says(1, "a part of the field is missing");
    run(&keys, &["decrypt", &FIELD.replace("Tab", "Tac")]).says(1, "no key of the list");
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

    let vectors_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors");
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
