//! Encrypted fields, client secrets, and signing open-API requests.

use std::hint::black_box;

use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, InnerIvInit as _};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::request::Parts;
use koogallery::cipher::client_secret::{ClientSecretDecryptor as _, OaepDecryptor, PrivateKey};
use koogallery::cipher::field::{Ciphertext, EncryptType, FieldCipher};
use koogallery::key::{AccessKey, Credentials};
use koogallery::open_api::{Api as _, query_order};
use koogallery::signature::aksk::{CanonicalRequest, Payload, Signer};
use koogallery::site::Site;
use koogallery_benches::calls::NOW;
use rsa::Oaep;
use rsa::pkcs8::DecodePrivateKey as _;
use sha2::{Digest as _, Sha256};

use crate::sample::Kind::{Floor, Ours, Peer};
use crate::sample::Row;

pub const PLAIN: &str = "administrator-account-32-bytes-x";
const IV: &str = "A1b2C3d4E5f6G7h8";
pub const AK: &str = "AccessKey";
pub const SK: &str = "SecretKey";
const PEM: &str = include_str!("../../tests/vectors/keys/test_rsa_3072.pem");

/// Returns the field that the programs decrypt.
pub fn sealed(key: &AccessKey) -> Ciphertext {
    FieldCipher::new(key, EncryptType::Aes256).encrypt_with_iv(PLAIN, IV).expect("short enough")
}

pub fn fields(key: &'static AccessKey) -> Vec<Row> {
    // Whatever the key: the floor is the blocks, with the schedule kept.
    let schedule = Aes256::new(&[7; 32].into());
    let iv = <[u8; 16]>::try_from(IV.as_bytes()).expect("16 bytes").into();
    let for_decryption = schedule.clone();
    let encrypt = move || {
        let mut buffer = [0; 48];
        buffer[..32].copy_from_slice(black_box(PLAIN.as_bytes()));
        let encryptor = cbc::Encryptor::inner_iv_init(&schedule, &iv);
        encryptor.encrypt_padded::<Pkcs7>(&mut buffer, 32).expect("room");
        buffer
    };
    let blocks = encrypt();
    let decrypt = move || {
        let mut buffer = black_box(blocks);
        let decryptor = cbc::Decryptor::inner_iv_init(&for_decryption, &iv);
        decryptor.decrypt_padded::<Pkcs7>(&mut buffer).expect("padded").len()
    };
    assert_eq!(decrypt(), 32);
    let kept = FieldCipher::new(key, EncryptType::Aes256);
    let (kept_too, field) = (kept.clone(), sealed(key));
    let field_too = field.clone();
    assert_eq!(kept.decrypt(&field).expect("its own").expose(), PLAIN);
    let new = || FieldCipher::new(black_box(key), EncryptType::Aes256);
    vec![
        Row::quick("encrypt-kept-key", "bare AES-256-CBC", Floor, encrypt.clone()),
        Row::quick("encrypt-kept-key", "koogallery", Ours, move || kept.encrypt(black_box(PLAIN))),
        Row::quick("encrypt-new-key", "bare AES-256-CBC", Floor, encrypt),
        Row::quick("encrypt-new-key", "koogallery", Ours, move || new().encrypt(black_box(PLAIN))),
        Row::quick("decrypt-kept-key", "bare AES-256-CBC", Floor, decrypt.clone()),
        Row::quick("decrypt-kept-key", "koogallery", Ours, move || kept_too.decrypt(black_box(&field)).is_ok()),
        Row::quick("decrypt-new-key", "bare AES-256-CBC", Floor, decrypt),
        Row::quick("decrypt-new-key", "koogallery", Ours, move || new().decrypt(black_box(&field_too)).is_ok()),
    ]
}

/// A GET with two parameters, unsigned.
pub fn query() -> Parts {
    let query = query_order::Request::new("CS2501020304ABCDE").with_order_line("CS2501020304ABCDE-000001");
    query.to_http(&Site::China.into()).into_parts().0
}

pub fn sign(credentials: &Credentials, parts: &mut Parts) {
    Signer::new(credentials).sign(parts, Payload::Bytes(b""), NOW).expect("a host");
}

pub fn open_api() -> Vec<Row> {
    const BATCH: usize = 50;
    let credentials = Credentials::new(AK, SK).expect("a pair");
    let mut signed = query();
    sign(&credentials, &mut signed);
    let names = ["host".to_owned(), "x-sdk-date".to_owned()];
    let canonical = CanonicalRequest::new(&signed, &names, Payload::Bytes(b"")).expect("text").as_str().to_owned();
    let hmac = Hmac::<Sha256>::new_from_slice(SK.as_bytes()).expect("any length");
    let bare = move || {
        let digest = Sha256::digest(black_box(&canonical));
        let text = hmac.clone().chain_update("SDK-HMAC-SHA256\n20250101T000000Z\n");
        text.chain_update(digest).chain_update(digest).finalize().into_bytes()
    };
    let with_request = credentials.clone();
    let prepare = || (0..BATCH).map(|_| query()).collect::<Vec<_>>();
    let sign_all = move |mut requests: Vec<Parts>| {
        requests.iter_mut().for_each(|parts| sign(&credentials, parts));
        requests
    };
    let make_and_sign = move || {
        let mut parts = query();
        sign(&with_request, &mut parts);
        parts
    };
    vec![
        Row::quick("aksk-get", "bare SHA-256 and HMAC", Floor, bare),
        Row::batches("aksk-get", "koogallery", Ours, BATCH, prepare, sign_all),
        Row::quick("aksk-get", "koogallery, making the request too", Ours, make_and_sign),
    ]
}

pub fn client_secrets() -> Vec<Row> {
    const SECRET: &[u8] = b"a client secret of an application";
    let der = STANDARD.decode(PEM.lines().filter(|line| !line.starts_with('-')).collect::<String>()).expect("Base64");
    let key = PrivateDecryptingKey::from_pkcs8(&der).expect("a key");
    let public = OaepPublicEncryptingKey::new(key.public_key()).expect("a key");
    let mut bytes = vec![0; public.ciphertext_size()];
    public.encrypt(&OAEP_SHA256_MGF1SHA256, SECRET, &mut bytes, None).expect("short enough");
    let aws = OaepPrivateDecryptingKey::new(key).expect("a key");
    let text = STANDARD.encode(&bytes);
    let bare = rsa::PrivateKey::from_pkcs8_pem(PEM).expect("a key");
    let (of_bare, of_aws) = (bytes.clone(), bytes);
    let by_bare = move || bare.decrypt(Oaep::<Sha256>::new(), black_box(&of_bare)).expect("its own");
    let mut output = vec![0; aws.min_output_size()];
    let mut by_aws =
        move || aws.decrypt(&OAEP_SHA256_MGF1SHA256, black_box(&of_aws), &mut output, None).expect("its own").to_vec();
    assert!(by_bare() == SECRET && by_aws() == SECRET);
    let decryptor = OaepDecryptor::new([PrivateKey::from_pem(PEM).expect("a key")]).expect("a key");
    vec![
        Row::batches("rsa-3072", "the crate rsa, without blinding", Floor, 1, || (), move |()| by_bare()),
        Row::batches("rsa-3072", "koogallery", Ours, 1, || (), move |()| decryptor.decrypt(&text).is_ok()),
        Row::batches("rsa-3072", "aws-lc-rs", Peer, 1, || (), move |()| by_aws()),
    ]
    .into_iter()
    .map(Row::slow)
    .collect()
}
