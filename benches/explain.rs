//! How long it takes to find out that no known mistake gives a signature, which is when all of them are made.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use koogallery::key::{AccessKey, AccessKeys, Credentials, InterfaceType};
use koogallery::signature::diagnosis::{self, Diagnosis};
use koogallery::signature::{Window, aksk};
use koogallery::timestamp::Timestamp;

const ALWAYS: Window = Window::symmetric(Duration::MAX);
const NOW: Timestamp = Timestamp::from_unix_millis(1_735_689_600_123);

/// What a call of usual size may take.
const MOST: Duration = Duration::from_millis(200);

/// How long this thread has worked, so that neighbours on a shared machine do not count; where the system does not tell it,
/// the time that has passed.
fn busy() -> Duration {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let reported = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = reported.and_then(|reported| reported.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| BEGAN.elapsed(), Duration::from_nanos)
}

/// A call with a list of users, of at least so many bytes.
fn body(least: usize) -> String {
    let head = r#"{"activity":"newInstance","orderId":"CS1","instanceId":"i","timeStamp":"20250101080000123","own":"é<&>","userList":["#;
    let user =
        |number: usize| format!(r#"{{"userName":"user{number:04}","name":"张三","role":"member","enable":"true"}}"#);
    let mut users = Vec::new();
    while head.len() + users.iter().map(|user: &String| user.len() + 1).sum::<usize>() < least {
        users.push(user(users.len()));
    }
    format!("{head}{}]}}", users.join(","))
}

fn main() {
    let keys = InterfaceType::Kit;
    let of = |text: &str| AccessKey::new(text).expect("a key");
    let keys = AccessKeys::new().with(keys, of("another")).and_then(|keys| keys.with(InterfaceType::Basic, of("key")));
    let keys = keys.expect("two keys");
    let zeros = "0".repeat(64);
    let base64 = "A".repeat(43) + "=";
    let header = |(name, value): (&str, &str)| {
        (HeaderName::try_from(name).expect("a name"), HeaderValue::try_from(value).expect("a value"))
    };
    let kit: HeaderMap =
        [("x-sign", &*zeros), ("x-timestamp", "1735689600123"), ("x-nonce", "nonce")].map(header).into_iter().collect();
    let token: HeaderMap = [("authToken", &*base64)].map(header).into_iter().collect();
    let query = format!("signature={zeros}&timestamp=1735689600123&nonce=nonce");
    let credentials = Credentials::new("AccessKey", "SecretKey").expect("a pair");
    let mut slow = false;
    for (name, least) in [("4 KiB", 4 << 10), ("1 MiB", 1 << 20)] {
        let text = body(least);
        let body = text.as_bytes();
        let request = Request::post("https://h/a%20b?c=d&e=f").header("content-type", "application/json");
        let signed = aksk::sign(request.body(text.as_str()).expect("a request"), &credentials, NOW).expect("a host");
        let mut parts = signed.into_parts().0;
        let right = parts.headers["authorization"].to_str().expect("text").to_owned();
        let wrong = format!("{}{zeros}", &right[..right.len() - 64]);
        parts.headers.insert("authorization", wrong.try_into().expect("a value"));
        let get = format!(
            "activity=a&customerName={}&timeStamp=20250102030405678&authToken={base64}",
            "n".repeat(least.min(4000))
        );
        let explain: [(&str, &dyn Fn() -> Diagnosis); 7] = [
            ("callback-v2", &|| diagnosis::callback_v2(&keys, InterfaceType::Basic, &query, body, NOW, ALWAYS)),
            ("kit-v2", &|| diagnosis::kit_v2(&keys, &kit, body, NOW, ALWAYS)),
            ("auth-token", &|| diagnosis::auth_token(&keys, InterfaceType::V1, &get, NOW, ALWAYS)),
            ("auth-token (Kit)", &|| diagnosis::auth_token_body(&keys, InterfaceType::V1, &token, body, NOW, ALWAYS)),
            ("body", &|| diagnosis::body_sign(&keys, InterfaceType::V1, &base64, body)),
            ("usage", &|| diagnosis::usage_push(&keys, &base64, "1735689600123", "nonce", body)),
            ("aksk", &|| diagnosis::aksk(&parts, body, &credentials, &keys, NOW)),
        ];
        for (scheme, explain) in explain {
            let began = busy();
            let found = explain();
            let took = busy() - began;
            assert!(matches!(found, Diagnosis::Unexplained { .. }), "{scheme}: {found}");
            println!("{scheme}, {name}: {took:.1?}");
            slow |= least == 4 << 10 && took > MOST;
        }
    }
    assert!(!slow, "a call of usual size takes more than {MOST:?}");
}
