//! Calls of buyers by the agents gateway.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use koogallery::agents_gateway::GatewayHeaders;
use koogallery::key::{AccessKey, AppSecrets};
use koogallery::signature::gateway_jwt;
use serde_json::Value;

use crate::seeds::{APP_KEY, KEY, NOW};

/// Header and payload of a token on a line each, signed after mutation, and then lines of headers. What is accepted is what
/// another JSON reader finds in it; with another secret nothing is.
pub(super) fn agents(data: &[u8]) {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (header, payload, rest) = (line(), line(), line());
    let _ = gateway_jwt::Token::parse(&String::from_utf8_lossy(rest));
    let mut headers = HeaderMap::new();
    for line in rest.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts.next().and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts.next().and_then(|value| HeaderValue::from_bytes(value.trim_ascii()).ok());
        name.zip(value).map(|(name, value)| headers.append(name, value));
    }
    let _ = GatewayHeaders::read(&headers);
    let secret = AccessKey::new(KEY).expect("it is a secret");
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let token = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(secret.hmac_sha256(&signed)));
    headers.insert(gateway_jwt::HEADER, token.parse().expect("Base64 is text"));
    let verify = |secret: AccessKey| {
        let secrets = AppSecrets::new().with(APP_KEY, secret);
        gateway_jwt::verify(&secrets, &headers, &gateway_jwt::HEADER, NOW, gateway_jwt::WINDOW)
    };
    if let Ok(caller) = verify(secret) {
        let object = |part| serde_json::from_slice::<Value>(part).expect("what is accepted is JSON");
        assert_eq!(object(header)["alg"], "HS256");
        assert_eq!(object(payload)["api_key"], APP_KEY);
        assert_eq!(caller.app_key(), APP_KEY);
        assert!(caller.expires() > NOW);
    }
    verify(AccessKey::new("another-secret").expect("it is a secret")).expect_err("the secret is another one");
}
