#!/usr/bin/env bash
# Decrypting with another private key is an error, or is it?
#
# Versions: rsa 0.9.10 and rsa 0.10.0 (rust crates), keys of 3,072 bits.
# Tried:    a client secret encrypted for one key and decrypted with another one, in PKCS#1 v1.5 and in OAEP with SHA-256.
# Guess:    an error in both paddings and both versions, so that "try each key until one decrypts" is right.
# Seen:     since 0.10 PKCS#1 v1.5 decrypts with any key: the wrong one gives random bytes and no error, the same ones each
#           time. OAEP fails in both versions. Trying paddings or keys in turn is right for OAEP alone.
# Needs:    a Rust toolchain.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

try() {
  local version=$1 rand=$2 features=$3 imports=$4 rng=$5
  mkdir -p "$folder/$version/src"
  cat >"$folder/$version/Cargo.toml" <<E
[package]
name = "try"
version = "0.0.0"
edition = "2021"

[dependencies]
rsa = { version = "=$version", features = [$features] }
$rand

[profile.dev.package."*"]
opt-level = 3
E
  cat >"$folder/$version/src/main.rs" <<E
#![allow(deprecated)]
$imports
use rsa::{Oaep, Pkcs1v15Encrypt, RsaPrivateKey, RsaPublicKey};

fn main() {
    let mut rng = $rng;
    let [right, wrong] = [(); 2].map(|()| RsaPrivateKey::new(&mut rng, 3072).unwrap());
    let public = RsaPublicKey::from(&right);
    let v15 = public.encrypt(&mut rng, Pkcs1v15Encrypt, b"client secret").unwrap();
    let oaep = public.encrypt(&mut rng, OAEP, b"client secret").unwrap();
    let first = wrong.decrypt(Pkcs1v15Encrypt, &v15);
    let again = wrong.decrypt(Pkcs1v15Encrypt, &v15);
    let seen = match (&first, &again) {
        (Ok(first), Ok(again)) if first == again => "the same random bytes twice",
        (Ok(_), Ok(_)) => "other random bytes each time",
        _ => "an error",
    };
    let oaep = if wrong.decrypt(OAEP, &oaep).is_ok() { "bytes" } else { "an error" };
    println!("PKCS#1 v1.5: {seen}; OAEP: {oaep}");
}
E
  sed -i "s/OAEP, /$6, /g" "$folder/$version/src/main.rs"
  (cd "$folder/$version" && CARGO_TARGET_DIR=$folder/target cargo run -q)
}

old=$(try 0.9.10 'rand = "=0.8.5"' '"sha2"' 'use rsa::sha2::Sha256;' 'rand::thread_rng()' 'Oaep::new::<Sha256>()')
new=$(try 0.10.0 $'getrandom = { version = "=0.4.3", features = ["sys_rng"] }\nsha2 = "=0.11.0"' '"pkcs1v15"' 'use sha2::Sha256;' 'rsa::rand_core::UnwrapErr(getrandom::SysRng)' 'Oaep::<Sha256>::new()')
echo "guess: an error in both paddings and both versions; seen:"
echo "rsa 0.9.10: $old"
echo "rsa 0.10.0: $new"
test "$old" = "PKCS#1 v1.5: an error; OAEP: an error" || { echo "The behavior changed."; exit 1; }
test "$new" = "PKCS#1 v1.5: the same random bytes twice; OAEP: an error" || { echo "The behavior changed."; exit 1; }
