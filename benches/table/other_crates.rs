//! The verification of V2.0 with the HMACs of other crates, in the same steps and without allocation.

use std::hint::black_box;

use aws_lc_rs::hmac as aws;
use koogallery_benches::calls::{Calls, KEY};
use ring::hmac as ring;

use crate::sample::Kind::Peer;
use crate::sample::Row;

pub fn rows(calls: &'static Calls) -> Vec<Row> {
    let (query, body) = (&*calls.v2_query, &*calls.body);
    let (with_ring, with_aws) = (ring_key(), aws_key());
    assert!(by_ring(&with_ring, query, body) && !by_ring(&with_ring, query, "{}"));
    assert!(by_aws(&with_aws, query, body) && !by_aws(&with_aws, query, "{}"));
    let group = "v2-verify";
    vec![
        Row::quick(group, "ring, kept key", Peer, move || by_ring(&with_ring, query, body)),
        Row::quick(group, "ring, new key for each call", Peer, || by_ring(&ring_key(), query, body)),
        Row::quick(group, "aws-lc-rs, kept key", Peer, move || by_aws(&with_aws, query, body)),
        Row::quick(group, "aws-lc-rs, new key for each call", Peer, || by_aws(&aws_key(), query, body)),
    ]
}

/// What a query has to say about a call. Nothing in it is decoded.
struct Parts<'a> {
    signature: [u8; 32],
    timestamp: &'a str,
    nonce: &'a str,
}

impl<'a> Parts<'a> {
    fn of(query: &'a str) -> Self {
        let mut parts = Self { signature: [0; 32], timestamp: "", nonce: "" };
        for (name, value) in black_box(query).split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "signature" => const_hex::decode_to_slice(value, &mut parts.signature).expect("hex"),
                "timestamp" => parts.timestamp = value,
                "nonce" => parts.nonce = value,
                _ => {}
            }
        }
        parts
    }
}

fn hex<'a>(digest: &[u8], text: &'a mut [u8; 64]) -> &'a [u8] {
    const_hex::encode_to_slice(digest, text).expect("32 bytes");
    text
}

fn ring_key() -> ring::Key {
    ring::Key::new(ring::HMAC_SHA256, black_box(KEY.as_bytes()))
}

fn by_ring(key: &ring::Key, query: &str, body: &str) -> bool {
    let parts = Parts::of(query);
    let digest = ring::sign(key, black_box(body.as_bytes()));
    let mut context = ring::Context::with_key(key);
    [KEY, parts.nonce, parts.timestamp].iter().for_each(|part| context.update(part.as_bytes()));
    context.update(hex(digest.as_ref(), &mut [0; 64]));
    aws_lc_rs::constant_time::verify_slices_are_equal(context.sign().as_ref(), &parts.signature).is_ok()
}

fn aws_key() -> aws::Key {
    aws::Key::new(aws::HMAC_SHA256, black_box(KEY.as_bytes()))
}

fn by_aws(key: &aws::Key, query: &str, body: &str) -> bool {
    let parts = Parts::of(query);
    let digest = aws::sign(key, black_box(body.as_bytes()));
    let mut context = aws::Context::with_key(key);
    [KEY, parts.nonce, parts.timestamp].iter().for_each(|part| context.update(part.as_bytes()));
    context.update(hex(digest.as_ref(), &mut [0; 64]));
    aws_lc_rs::constant_time::verify_slices_are_equal(context.sign().as_ref(), &parts.signature).is_ok()
}
