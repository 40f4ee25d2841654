//! Keys and settings, which come from the environment only.

use koogallery::cipher::field::EncryptType;
use koogallery::key::{AccessKeys, Credentials, InterfaceType, KeyRing};
use koogallery::protocol::Protocol;
use koogallery_simulator::Masking;

use crate::Failure;

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns all access keys that are set.
pub fn access_keys() -> Result<AccessKeys, Failure> {
    AccessKeys::from_env().map_err(|error| Failure::new(error.to_string()))
}

/// Returns whether the environment has a key for this interface itself.
pub fn is_set(interface: InterfaceType) -> bool {
    set(interface.env_name()).is_some()
}

pub const INTERFACES: [InterfaceType; 5] =
    [InterfaceType::Basic, InterfaceType::V1, InterfaceType::Kit, InterfaceType::License, InterfaceType::General];

/// Masks all keys that are set, also in the form in which they are set.
pub fn masking(keys: &AccessKeys) -> Masking {
    let mut masking = Masking::new(keys);
    for name in INTERFACES.map(InterfaceType::env_name).into_iter().chain(["KOOGALLERY_SK"]) {
        set(name).iter().flat_map(|list| list.split(',')).for_each(|key| masking.add_secret(key.trim()));
    }
    masking
}

/// Returns the keys of one interface type.
pub fn ring(interface: InterfaceType) -> Result<KeyRing, Failure> {
    access_keys()?.get(interface).cloned().ok_or_else(|| missing(interface))
}

/// Returns the error for a protocol without a key.
pub fn missing_for(protocol: Protocol) -> Failure {
    match protocol.interfaces() {
        [only] => missing(*only),
        several => {
            let names: Vec<_> = several.iter().map(|interface| interface.env_name()).collect();
            Failure::new(format!(
                "none of {} is set: one holds the access key of {protocol} calls",
                names.join(" and ")
            ))
        }
    }
}

pub fn missing(interface: InterfaceType) -> Failure {
    let name = interface.env_name();
    let or = if interface == InterfaceType::V1 { " (or KOOGALLERY_BASIC_KEY)" } else { "" };
    Failure::new(format!(
        "{name}{or} is not set: it holds the access key of this interface, as the seller console shows it"
    ))
}

/// Returns the access key pair of the open APIs.
pub fn credentials() -> Result<Credentials, Failure> {
    optional_credentials()?
        .ok_or_else(|| Failure::new("KOOGALLERY_AK and KOOGALLERY_SK are not set: they hold the access key pair"))
}

/// Returns the access key pair, if it is set.
pub fn optional_credentials() -> Result<Option<Credentials>, Failure> {
    Credentials::from_env().map_err(|error| Failure::new(error.to_string()))
}

/// Returns the encrypt type of an argument, or the one in the environment.
pub fn encrypt_type(argument: Option<EncryptType>) -> Result<EncryptType, Failure> {
    match (argument, set("KOOGALLERY_ENCRYPT_TYPE")) {
        (Some(given), _) => Ok(given),
        (None, Some(text)) => text.parse().map_err(|error| Failure::of("KOOGALLERY_ENCRYPT_TYPE", &error)),
        (None, None) => Ok(EncryptType::default()),
    }
}
