//! Client secrets that Java and OpenSSL encrypted (see `tests/vectors/README.md`), and everything that is none.

use std::error::Error as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use koogallery::cipher::client_secret::{
    ClientSecretDecryptor, ClientSecretError, OaepDecryptor, PrivateKey, PrivateKeyError,
};
use koogallery::random::{Random, RandomError};
use koogallery_simulator::SeededRandom;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    key: String,
    variation: String,
    secret: String,
    ciphertext: String,
}

fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(relative)
}

fn vectors() -> Vec<Vector> {
    let read = |file: &str| -> Vec<Vector> { serde_json::from_slice(&std::fs::read(path(file)).unwrap()).unwrap() };
    let (java, openssl) = (read("java/client_secret.json"), read("openssl/client_secret.json"));
    assert_eq!((java.len(), openssl.len()), (30, 18));
    java.into_iter().chain(openssl).collect()
}

fn pem(name: &str) -> String {
    std::fs::read_to_string(path(&format!("keys/{name}.pem"))).unwrap()
}

fn key(name: &str) -> PrivateKey {
    PrivateKey::from_pem(&pem(name)).unwrap()
}

fn both_keys() -> [PrivateKey; 2] {
    [key("test_rsa_3072"), key("test_rsa_4096_pkcs1")]
}

fn decryptor() -> OaepDecryptor {
    OaepDecryptor::new(both_keys()).unwrap()
}

#[test]
fn every_variation_of_java_and_openssl_is_read() {
    let decryptor = decryptor();
    for vector in vectors() {
        let decrypted = decryptor.decrypt(&vector.ciphertext).map(|secret| secret.expose().to_owned());
        assert_eq!(decrypted.as_ref(), Ok(&vector.secret), "{} {}", vector.key, vector.variation);
    }
}

/// `s3cr3t` for the key of 3072 bits: in hex and in Base64.
fn ciphertext_of_a_secret() -> (String, String) {
    let fits = |vector: &Vector| vector.variation == "sha256" && vector.secret == "s3cr3t";
    let base64 = vectors().into_iter().find(fits).unwrap().ciphertext;
    (const_hex::encode(STANDARD.decode(&base64).unwrap()), base64)
}

#[test]
fn a_ciphertext_may_be_written_in_any_usual_way() {
    let (decryptor, (hex, base64)) = (decryptor(), ciphertext_of_a_secret());
    let wrapped = |text: &str, width: usize| {
        text.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>().join("\r\n")
    };
    for text in [
        hex.to_uppercase(),
        wrapped(&hex, 32),
        base64.clone(),
        wrapped(&base64, 76),
        format!("\n {} \t", wrapped(&base64, 1)),
        base64.replace('+', "-").replace('/', "_"),
    ] {
        assert_eq!(decryptor.decrypt(&text).unwrap().expose(), "s3cr3t", "{text}");
    }
}

#[test]
fn whatever_is_wrong_the_error_is_the_same() {
    let decryptor = decryptor();
    let (hex, text) = ciphertext_of_a_secret();
    let damaged = |at: usize| {
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    // As large as the modulus or larger, which no ciphertext is; and the ciphertexts of 0 and 1.
    let (largest, zero, one) = ("ff".repeat(384), "00".repeat(384), format!("{}01", "00".repeat(383)));
    let cases = [
        String::new(),
        " \n".to_owned(),
        damaged(0),
        damaged(100),
        damaged(text.len() - 6),
        text[..text.len() - 4].to_owned(),
        text[4..].to_owned(),
        format!("{text}AAAA"),
        format!("{text}{text}"),
        hex[2..].to_owned(),
        hex[1..].to_owned() + "g",
        text.replace('A', "*"),
        text.replace('A', "密"),
        "a plain secret".to_owned(),
        "0x".to_owned() + &"0".repeat(766),
        largest,
        zero,
        one,
        "A".repeat(10_000_000),
    ];
    assert!(decryptor.decrypt(&text).is_ok());
    for case in &cases {
        assert_eq!(decryptor.decrypt(case), Err(ClientSecretError), "{:.80}", case);
    }
}

#[test]
fn the_keys_of_a_rotation_are_all_tried_and_another_key_reads_nothing() {
    let vectors = vectors();
    let of_key = |name: &str| vectors.iter().find(|vector| vector.key == name && vector.variation == "sha256").unwrap();
    let (shorter, longer) = (of_key("test_rsa_3072"), of_key("test_rsa_4096_pkcs1"));
    let another = key("test_rsa_3072_other");
    let keys = [another.clone(), key("test_rsa_4096_pkcs1"), key("test_rsa_3072")];
    let decryptor = OaepDecryptor::new(keys).unwrap();
    assert_eq!(
        decryptor.decrypt(&shorter.ciphertext).unwrap().expose(),
        shorter.secret,
        "the last key, of the same length as the first"
    );
    assert_eq!(decryptor.decrypt(&longer.ciphertext).unwrap().expose(), longer.secret);
    let decryptor = OaepDecryptor::new([another]).unwrap();
    assert_eq!(decryptor.decrypt(&shorter.ciphertext), Err(ClientSecretError));
    assert!(matches!(OaepDecryptor::new([]), Err(PrivateKeyError::NoKey)));
}

#[test]
fn a_key_knows_its_public_half_in_the_form_of_the_console() {
    for (name, bits) in [("test_rsa_3072", 3072), ("test_rsa_3072_other", 3072), ("test_rsa_4096_pkcs1", 4096)] {
        let key = key(name);
        assert_eq!(key.bits(), bits);
        assert_eq!(key.public_key(), std::fs::read_to_string(path(&format!("keys/{name}.public.txt"))).unwrap());
        let written = key.to_pem();
        assert!(written.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        assert_eq!(PrivateKey::from_pem(&written).unwrap().public_key(), key.public_key());
        assert_eq!(format!("{key:?}"), format!("PrivateKey({bits} bits)"));
    }
    assert_eq!(*key("test_rsa_3072").to_pem(), pem("test_rsa_3072"), "the same as OpenSSL writes");
}

#[test]
fn a_key_is_read_however_its_text_was_saved() {
    let good = pem("test_rsa_3072");
    let base64: String = good.lines().filter(|line| !line.starts_with('-')).collect();
    let wrapped = |length| {
        let lines: Vec<&str> =
            base64.as_bytes().chunks(length).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PRIVATE KEY-----\r\n{}\r\n-----END PRIVATE KEY-----", lines.join("\r\n"))
    };
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for text in [
        format!("\u{feff}{good}"),
        format!("\n \n{good}\n\n"),
        wrapped(76),
        wrapped(48),
        wrapped(100_000),
        good.replace('\n', "\r"),
        good.replace('\n', " \n\t"),
        format!("Bag Attributes\n    friendlyName: x\n{good}{certificate}"),
        format!("{certificate}{good}"),
    ] {
        let key = PrivateKey::from_pem(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(*key.to_pem(), good);
    }
}

#[test]
fn a_key_that_cannot_serve_is_refused_with_the_reason() {
    let refused = |pem: &str| PrivateKey::from_pem(pem).unwrap_err();
    for name in ["test_rsa_3072_three_primes", "test_rsa_3072_three_primes_pkcs1"] {
        assert!(matches!(refused(&pem(name)), PrivateKeyError::MultiPrime), "{name}");
        assert!(refused(&pem(name)).to_string().contains("more than two primes"));
    }
    assert!(matches!(refused(&pem("test_rsa_2048")), PrivateKeyError::TooShort(2048)));
    assert!(matches!(refused(&pem("test_rsa_3070")), PrivateKeyError::TooShort(3070)), "as many bytes as 3072");
    assert_eq!(
        refused(&pem("test_rsa_2048")).to_string(),
        "the key has 2048 bits, and the marketplace wants 3072 or more"
    );
    assert!(matches!(refused(&pem("test_rsa_8200")), PrivateKeyError::TooLong(8200)));
    assert_eq!(refused(&pem("test_rsa_8200")).to_string(), "the key has 8200 bits, and 8192 or fewer can be used");

    let good = pem("test_rsa_3072");
    assert!(PrivateKey::from_pem(&good.replace('\n', "\r\n")).is_ok());
    let labelled = |label: &str| good.replace("PRIVATE KEY", label);
    assert!(matches!(refused(&labelled("ENCRYPTED PRIVATE KEY")), PrivateKeyError::Encrypted));
    let pkcs1_encrypted = pem("test_rsa_4096_pkcs1").replacen('\n', "\nProc-Type: 4,ENCRYPTED\nDEK-Info: X,00\n\n", 1);
    assert!(matches!(refused(&pkcs1_encrypted), PrivateKeyError::Encrypted));
    for label in ["PUBLIC KEY", "CERTIFICATE", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY"] {
        assert!(matches!(refused(&labelled(label)), PrivateKeyError::NotRsaPrivateKey), "{label}");
    }
    let elliptic = "-----BEGIN PRIVATE KEY-----\n\
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgRA8DWqYUoeYTxo4g\n\
        HKN8gGe1uXj3aNENatmhy3mI2M6hRANCAATFVtn16F+B4tjPwvs0cO8nMijPQ9oc\n\
        BAHzCsl1+Z5AdOIjnqXNJ9F96F8doUU8FRz7IpEXzNlXMZLtena3Udqi\n\
        -----END PRIVATE KEY-----\n";
    assert!(matches!(refused(elliptic), PrivateKeyError::NotRsaPrivateKey));
    assert!(matches!(refused(&labelled("RSA PRIVATE KEY")), PrivateKeyError::Invalid), "PKCS#8 is no PKCS#1");
    for text in ["", "no key", "-----BEGIN PRIVATE KEY-----", &good[..1000], &good.replace("MII", "M-I")] {
        assert!(matches!(refused(text), PrivateKeyError::NotPem), "{text}");
    }
    assert!(matches!(refused(&format!("{good}{good}")), PrivateKeyError::Several));
    let cut = good.lines().enumerate().filter(|(line, _)| *line != 20).map(|(_, line)| line.to_owned() + "\n");
    assert!(matches!(refused(&cut.collect::<String>()), PrivateKeyError::Invalid));

    // Still in form, but the numbers do not belong together.
    let mut lines: Vec<_> = good.lines().collect();
    lines.swap(15, 16);
    assert!(matches!(refused(&lines.join("\n")), PrivateKeyError::Invalid));
}

#[test]
fn files_are_listed_as_in_path() {
    let join = |names: &[&str]| std::env::join_paths(names.iter().map(|name| path(name))).unwrap();
    let keys = PrivateKey::from_paths(join(&["keys/test_rsa_4096_pkcs1.pem", "keys/test_rsa_3072.pem"])).unwrap();
    assert_eq!(keys.iter().map(PrivateKey::bits).collect::<Vec<_>>(), [4096, 3072]);
    assert!(PrivateKey::from_paths("").unwrap().is_empty());

    let missing = PrivateKey::from_paths(join(&["keys/test_rsa_3072.pem", "keys/missing.pem"])).unwrap_err();
    assert!(missing.to_string().contains("missing.pem"), "{missing}");
    assert!(missing.source().is_some());
    let short = PrivateKey::from_paths(join(&["keys/test_rsa_2048.pem"])).unwrap_err();
    assert!(short.to_string().contains("test_rsa_2048.pem"), "{short}");
    assert!(short.source().unwrap().to_string().contains("2048 bits"));
}

#[test]
fn the_longest_key_decrypts() {
    let key = key("test_rsa_8192");
    let ciphertext = key.encrypt("s3cr3t", &SeededRandom::new(7)).unwrap();
    let decryptor = OaepDecryptor::new([key]).unwrap();
    let hex = const_hex::encode(STANDARD.decode(&ciphertext).unwrap());
    for text in [ciphertext, hex] {
        assert_eq!(decryptor.decrypt(&text).unwrap().expose(), "s3cr3t");
    }
}

struct NoRandom;

impl Random for NoRandom {
    fn fill(&self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError)
    }
}

#[test]
fn a_key_that_was_made_here_decrypts() {
    // Of a seed, so that the test takes the same time for ever.
    let made = PrivateKey::generate(3072, &SeededRandom::new(7)).unwrap();
    assert_eq!(made.bits(), 3072);
    let ciphertext = made.encrypt("s3cr3t", &SeededRandom::new(8)).unwrap();
    let read = PrivateKey::from_pem(&made.to_pem()).unwrap();
    assert_eq!(read.public_key(), made.public_key());
    assert_eq!(OaepDecryptor::new([read]).unwrap().decrypt(&ciphertext).unwrap().expose(), "s3cr3t");

    assert!(matches!(made.encrypt(&"s".repeat(400), &SeededRandom::new(8)), Err(PrivateKeyError::Invalid)));
    let error = made.encrypt("s3cr3t", &NoRandom).unwrap_err();
    assert!(matches!(error, PrivateKeyError::Random(RandomError)), "{error}");
}

#[test]
fn no_key_of_another_length_and_none_without_randomness_is_made() {
    let refused = |bits: usize, random: &dyn Random| PrivateKey::generate(bits, random).unwrap_err();
    assert!(matches!(refused(2048, &SeededRandom::new(7)), PrivateKeyError::TooShort(2048)));
    assert!(matches!(refused(8193, &SeededRandom::new(7)), PrivateKeyError::TooLong(8193)));
    assert!(matches!(refused(3072, &NoRandom), PrivateKeyError::Random(RandomError)));
}

/// The log of a server that does not start has to say which setting is wrong.
#[test]
fn a_key_that_cannot_be_used_is_named_by_its_variable() {
    let keys = |path: &str| {
        PrivateKey::from_env_with(|name| (name == "KOOGALLERY_RSA_PRIVATE_KEY_FILE").then(|| path.to_owned()))
    };
    let error = keys("/no/such.pem").unwrap_err();
    assert_eq!(error.variable(), "KOOGALLERY_RSA_PRIVATE_KEY_FILE");
    let text = error.to_string();
    assert!(text.starts_with("KOOGALLERY_RSA_PRIVATE_KEY_FILE: /no/such.pem cannot be read"), "{text}");
    assert!(keys("").unwrap().is_empty());
    assert!(PrivateKey::from_env_with(|_| None).unwrap().is_empty());
}
