//! Java's `SHA1PRNG`, as far as it derives keys: written by hand because no crate has it and Java never documented it.
//!
//! The marketplace's sample seeds it with the access key and lets `KeyGenerator("AES")` draw from it. The addition
//! works on **signed** bytes; with unsigned ones the first 20 bytes still come out right, so AES-128 works and AES-256
//! fails.

use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

/// The first `N` bytes that the generator delivers for a seed.
pub(crate) fn derive<const N: usize>(seed: &[u8]) -> Zeroizing<[u8; N]> {
    let mut state = Zeroizing::new(<[u8; 20]>::from(Sha1::digest(seed)));
    let mut key = Zeroizing::new([0; N]);
    for chunk in key.chunks_mut(20) {
        let output = Zeroizing::new(<[u8; 20]>::from(Sha1::digest(*state)));
        chunk.copy_from_slice(&output[..chunk.len()]);
        advance(&mut state, &output);
    }
    key
}

fn advance(state: &mut [u8; 20], output: &[u8; 20]) {
    let before = Zeroizing::new(*state);
    let mut carry = 1_i32;
    for (byte, added) in state.iter_mut().zip(output) {
        let sum = i32::from(*byte as i8) + i32::from(*added as i8) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    if *state == *before {
        state[0] = state[0].wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::derive;

    #[test]
    fn keys_are_those_that_java_draws() {
        for file in ["protocol", "java", "python"] {
            let path = format!("{}/tests/vectors/{file}/sha1prng.json", env!("CARGO_MANIFEST_DIR"));
            let vectors: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            assert!(vectors.len() >= 5);
            for vector in vectors {
                let seed = vector["access_key"].as_str().unwrap().as_bytes();
                assert_eq!(const_hex::encode(*derive::<32>(seed)), vector["aes256"].as_str().unwrap());
                assert_eq!(const_hex::encode(*derive::<16>(seed)), vector["aes128"].as_str().unwrap());
            }
        }
    }
}
