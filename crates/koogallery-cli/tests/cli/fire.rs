//! `fire`: one call, changed at will.

use crate::servers::{Example, KEYS, raw_server, read_request};
use crate::support::{BASIC, run};

#[test]
fn one_call_of_each_family_is_understood() {
    let seller = Example::start("isv_server", &[]);
    let private_key = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/keys/test_rsa_3072.pem");
    let keys = [&KEYS[..], &[("KOOGALLERY_RSA_PRIVATE_KEY_FILE", private_key)]].concat();
    let fire = |activity: &str, more: &[&str]| {
        run(&keys, &[&["fire", activity, "--url", &seller.url("/saasproduce")], more].concat())
    };
    for (activity, profile) in [
        ("newInstance", "saas-v2"),
        ("newInstance", "saas-v1"),
        ("getLicense", "license-v1"),
        ("releaseLicenseCode", "license-code"),
        ("orderNotify", "order-notify"),
        ("tenantSync", "kit-v1"),
        ("applicationSync", "kit-v2"),
        ("authSync", "kit-v2"),
    ] {
        let fired = fire(activity, &["--profile", profile]);
        fired.says(0, &format!("understood: {profile} {activity}: 000000"));
        assert!(fired.out.contains("HTTP 200"), "{fired:?}");
    }
    fire("newInstance", &[]).says(0, "understood: saas-v2");
    fire("tenantSync", &[]).says(0, "understood: kit-v2");
    fire("newInstance", &["--without", "orderId"]).says(1, "refused: saas-v2 newInstance: 000002");
    fire("refreshInstance", &["--set", "instanceId=nobody"]).says(1, "refused: saas-v2 refreshInstance: 000003");
    fire("refreshInstance", &["--set", "instanceId=nobody", "--test"]).says(0, "\"testFlag\":\"1\"");
    let list = r#"userList=[{"userName":"lihua","name":"Li Hua","orgCode":"D1","role":"user","enable":"true"}]"#;
    fire("authSync", &["--set", list, "--set", "flag=2"]).says(0, "\"flag\":2");
    let text = fire("newInstance", &["--set", "orderId=a b+c&d=e/中", "--profile", "saas-v1"]);
    text.says(0, "orderId=a%20b%2Bc%26d%3De%2F%E4%B8%AD");

    let quiet = fire("newInstance", &["--quiet"]);
    assert_eq!((quiet.code, &*quiet.out, &*quiet.err), (0, "", ""));
    let once = fire("newInstance", &["--seed", "7", "--set", "orderLineId=L"]);
    let again = fire("newInstance", &["--seed", "7", "--set", "orderLineId=L"]);
    assert!(again.out.contains("refused") && again.out.contains("000002"), "the nonce is known: {again:?}");
    assert!(once.out.contains("understood"), "{once:?}");
}

/// Kit V1.0 knows one key per seller; one whose products are all of the Kit has no other.
#[test]
fn the_key_of_the_kit_is_enough_for_both_of_its_protocols() {
    let seller = Example::start("isv_server", &[]);
    for profile in ["kit-v1", "kit-v2"] {
        run(&KEYS[2..3], &["fire", "tenantSync", "--url", &seller.url("/saasproduce"), "--profile", profile])
            .says(0, &format!("understood: {profile} tenantSync: 000000"));
    }
    run(&KEYS[3..4], &["fire", "tenantSync", "--url", &seller.url("/x"), "--profile", "kit-v1"])
        .says(2, "none of KOOGALLERY_V1_KEY and KOOGALLERY_KIT_KEY is set");
}

#[test]
fn what_cannot_be_fired() {
    let fire = |keys: &[(&str, &str)], arguments: &[&str]| run(keys, &[&["fire"], arguments].concat());
    let local = ["--url", "http://127.0.0.1:1/x"];
    fire(&BASIC, &["newInstanse", local[0], local[1]]).says(2, "possible values");
    fire(&BASIC, &["newInstance", local[0], local[1], "--profile", "console"]).says(2, "possible values");
    fire(&BASIC, &["newInstance", local[0], local[1], "--set", "orderId"]).says(2, "not of the form FIELD=VALUE");
    fire(&BASIC, &["newInstance", "--url", "http://192.0.2.1/"]).says(2, "--i-own-this-host");
    fire(&BASIC, &["newInstance", "--url", "nowhere"]).says(2, "nowhere");
    fire(&BASIC, &["releaseLicenseCode", local[0], local[1]]).says(2, "KOOGALLERY_LICENSE_KEY");
    fire(&KEYS, &["expireInstance", local[0], local[1], "--profile", "saas-v2"])
        .says(2, "saas-v2 has no expireInstance");
    fire(&KEYS, &["authSync", local[0], local[1], "--set", "flag=x"]).says(2, "flag is not valid JSON");
    fire(&[], &["newInstance", local[0], local[1]]).says(2, "KOOGALLERY_BASIC_KEY");
    fire(&BASIC, &["newInstance", local[0], local[1]]).says(2, "nothing was sent: no connection");
    // It went out: that no answer comes is the seller's doing.
    let silent = raw_server(|mut stream| drop(read_request(&mut stream)));
    fire(&BASIC, &["newInstance", "--url", &format!("http://{silent}/x")]).says(1, "no answer");
}
