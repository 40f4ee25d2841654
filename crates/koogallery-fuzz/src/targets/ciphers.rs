//! Ciphertexts and keys.

use std::sync::LazyLock;

use koogallery::cipher::client_secret::{ClientSecretDecryptor as _, OaepDecryptor, PrivateKey};
use koogallery::cipher::field::{Ciphertext, EncryptType, FieldCipher};
use koogallery::key::AccessKey;

use crate::seeds::{KEY, PRIVATE_KEY};

/// Fields of V1.0, as received and as copied by people; what is encrypted can be decrypted.
pub(super) fn field_cipher(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let key = AccessKey::new(KEY).expect("it is a key");
    for encrypt_type in [EncryptType::Aes256, EncryptType::Aes128] {
        let cipher = FieldCipher::new(&key, encrypt_type);
        let _ = cipher.decrypt(&Ciphertext::from(&*text));
        if let Ok(copied) = Ciphertext::from_copied(&text) {
            let _ = cipher.decrypt(&copied.ciphertext);
        }
        if let Ok(encrypted) = cipher.encrypt_with_iv(&text, "0123456789abcdef") {
            assert_eq!(cipher.decrypt(&encrypted).expect("it was encrypted").expose(), text);
        }
    }
}

pub(super) fn client_secret(data: &[u8]) {
    static DECRYPTOR: LazyLock<OaepDecryptor> = LazyLock::new(|| {
        OaepDecryptor::new([PrivateKey::from_pem(PRIVATE_KEY).expect("it is a key")]).expect("it is one of the length")
    });
    let _ = DECRYPTOR.decrypt(&String::from_utf8_lossy(data));
}

pub(super) fn private_key(data: &[u8]) {
    if let Err(error) = PrivateKey::from_pem(&String::from_utf8_lossy(data)) {
        assert!(error.to_string().len() < 1024, "{error}");
    }
}
