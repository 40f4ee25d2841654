//! Rules for the account, password and addresses that a customer logs in with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::{Verdict, app_infos, broken};
use crate::judge::Judge;
use crate::profile::Profile;
use crate::report::Exchange;
use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::protocol::Protocol;

pub(super) fn judge(judge: &mut Judge, json: &Value, exchange: &Exchange) {
    judge_urls(judge, json, exchange);
    let logins: Vec<(String, String)> = match judge.profile {
        Profile::Protocol(Protocol::SaasV1) => judge_secrets(judge, json, exchange),
        Profile::Protocol(Protocol::SaasV2) => {
            app_infos(json).filter_map(|info| Some((text(info, "userName")?, text(info, "password")?))).collect()
        }
        _ => Vec::new(),
    };
    for (account, password) in logins {
        judge.record("F14", exchange, strong(&account, &password).err());
    }
}

fn text(info: &Value, name: &str) -> Option<String> {
    info.get(name)?.as_str().map(str::to_owned)
}

fn judge_urls(judge: &mut Judge, json: &Value, exchange: &Exchange) {
    for name in ["frontEndUrl", "adminUrl"] {
        for url in app_infos(json).filter_map(|info| info.get(name)?.as_str()).filter(|url| !url.is_empty()) {
            let verdict = match url.starts_with("https://") {
                true => Ok(()),
                // A local test server has no certificate.
                false if judge.is_local && url.starts_with("http://") => {
                    judge.remark("F14", format!("{name} is plain http, which is accepted for local targets only"));
                    Ok(())
                }
                false => broken(&format!("{name} with https://"), url, "customers get an address without TLS"),
            };
            judge.record("F14", exchange, verdict.err());
        }
    }
}

/// Passwords that attackers try first.
const TRIVIAL: [&str; 16] = [
    "12345678",
    "123456789",
    "1234567890",
    "87654321",
    "11111111",
    "88888888",
    "00000000",
    "password",
    "password1",
    "passw0rd",
    "p@ssw0rd",
    "admin123",
    "admin@123",
    "qwertyui",
    "abcd1234",
    "huawei@123",
];

fn strong(account: &str, password: &str) -> Verdict {
    let expected = "an initial password that cannot be guessed";
    let lower = password.to_lowercase();
    // The password itself stays out of the report.
    let weakness = if password.chars().count() < 8 {
        "one of fewer than 8 characters"
    } else if lower == account.to_lowercase() {
        "the account's name"
    } else if TRIVIAL.contains(&&*lower) {
        "a well-known password"
    } else {
        return Ok(());
    };
    broken(expected, weakness, "initial passwords are not random")
}

/// Returns the values that could be decrypted.
fn judge_secrets(judge: &mut Judge, json: &Value, exchange: &Exchange) -> Vec<(String, String)> {
    let fields: Vec<(&str, &str)> = app_infos(json)
        .flat_map(|info| ["userName", "password"].map(|name| (name, info.get(name))))
        .filter_map(|(name, value)| Some((name, value?.as_str()?)))
        .collect();
    if fields.is_empty() {
        return Vec::new();
    }
    let ciphers = [EncryptType::Aes256, EncryptType::Aes128].map(|size| FieldCipher::new(&judge.key, size));
    let fitting: Vec<_> = fields
        .iter()
        .map(|(_, text)| {
            ciphers.iter().find(|cipher| cipher.decrypt(&(*text).into()).is_ok()).map(FieldCipher::encrypt_type)
        })
        .collect();
    let unreadable = fields.iter().zip(&fitting).find(|(_, fitting)| fitting.is_none());
    let readable = match unreadable {
        None => Ok(()),
        Some(((name, text), _)) => broken(
            "16 characters of IV, then Base64 of AES-CBC with PKCS#7 padding, under the key derived by Java's SHA1PRNG",
            format!("{name} of {} characters that decrypts with neither key size", text.len()),
            secret_cause(text),
        ),
    };
    judge.record("F12", exchange, readable.err());

    let announced = json.get("encryptType");
    let verdict = match announced {
        None | Some(Value::String(_)) => {
            let size = announced.and_then(Value::as_str).unwrap_or("1").parse::<EncryptType>();
            match size {
                Err(_) => broken("encryptType 1 or 2", format!("{announced:?}"), "encryptType is neither 1 nor 2"),
                Ok(size) if fitting.iter().flatten().any(|fits| *fits != size) => broken(
                    "encryptType names the key size that was used",
                    "the fields decrypt with the other size",
                    "encryptType and the cipher disagree: 1 is AES-256, 2 is AES-128",
                ),
                Ok(_) => Ok(()),
            }
        }
        Some(other) => broken("encryptType as a string", other.to_string(), "encryptType is not a string"),
    };
    judge.record("F11", exchange, verdict.err());

    for (_, text) in &fields {
        let (Some(iv), Some(rest)) = (text.get(..16), text.get(16..)) else { continue };
        let seen = judge.ivs.insert(iv.to_owned(), rest.to_owned());
        let verdict = match seen {
            Some(other) if other != rest => broken(
                "a new IV for every encryption",
                "one IV for two texts",
                "the IV is fixed or comes from a weak source",
            ),
            _ => Ok(()),
        };
        judge.record("F13", exchange, verdict.err());
    }
    let plain = |sealed: Option<String>| {
        let sealed = sealed?;
        ciphers.iter().find_map(|cipher| Some(cipher.decrypt(&sealed.as_str().into()).ok()?.expose().to_owned()))
    };
    app_infos(json).filter_map(|info| Some((plain(text(info, "userName"))?, plain(text(info, "password"))?))).collect()
}

fn secret_cause(text: &str) -> &'static str {
    match text.get(16..) {
        None => "the text is too short to be encrypted: it is plain",
        Some("") => "there is an IV and nothing after it",
        Some(base64) => match STANDARD.decode(base64) {
            Err(_) => "the rest after 16 characters is not Base64: plain text, or an IV of another length",
            Ok(blocks) if blocks.len() % 16 != 0 => "the ciphertext is cut off: not a whole number of blocks",
            Ok(_) => {
                "another AES key was used (it is neither the access key nor a plain hash of it), or blocks are missing"
            }
        },
    }
}
