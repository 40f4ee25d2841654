//! `scenario`: scripts of calls.

use std::net::TcpListener;

use serde_json::Value;

use crate::process::exchange;
use crate::servers::{Example, KEYS};
use crate::support::{BASIC, Run, file, run, run_with};

fn scenario(url: &str, script: &str) -> Run {
    let script = file(script.as_bytes());
    run(&KEYS, &["scenario", script.path().to_str().unwrap(), "--url", url])
}

/// Everything that a step can do.
const LIFE: &str = r#"
profile = "saas-v2"
compress = 5000000

[[step]]
buy = "first"
period = "1 month"
amount = 50

[[step]]
call = "newInstance"
set = { orderId = "{first.order}", orderLineId = "{first.order}-000001" }
at_once = 20
answer = { instanceId = "{first}" }

[[step]]
call = "releaseInstance"
set.instanceId = "{first}"
clock = "-61s"
expect = "000002"

[[step]]
call = "releaseInstance"
set.instanceId = "{first}"
wrong_key = true
expect = ["000001"]

[[step]]
call = "releaseInstance"
set.instanceId = "{first}"
damaged = true
expect = "000001"

[[step]]
call = "queryInstance"
set.instanceId = "{first}"
replay = true
expect = "000002"

[[step]]
call = "newInstance"
hang_up = "0s"

[[step]]
call = "newInstance"
as = "second"
times = 3
set = { orderId = "CS-SECOND", orderLineId = "CS-SECOND-000001" }
answer = { resultMsg = "success" }

[[step]]
call = "refreshInstance"
set = { instanceId = "{second}" }
without = "expireTime"
expect = "000002"

[[step]]
renew = "first"
period = "1 month"
[[step]]
cancel_renewal = "first"
[[step]]
upgrade = "first"
amount = 80
[[step]]
freeze = "first"
[[step]]
unfreeze = "first"
[[step]]
query = "first"
[[step]]
wait = "1ms"
[[step]]
pass = "60d"
[[step]]
buy = "other"
profile = "saas-v1"
mode = "on-demand"
[[step]]
release = "other"
[[step]]
buy = "code"
profile = "license-code"
period = "1 year"
[[step]]
renew = "code"
period = "1 year"
"#;

#[test]
fn a_script_is_done_step_by_step() {
    let seller = Example::start("isv_server", &[]);
    let run = scenario(&seller.url("/saasproduce"), LIFE);
    run.says(0, "21 steps, 0 wrong");
    assert_eq!(run.out.matches("saas-v2 newInstance: 000000, instance ").count(), 1 + 20 + 3, "{}", run.out);
    for line in
        ["saas-v2 updateInstanceStatus: 000000", "saas-v2 releaseInstance: 000000", "license-code refreshLicenseCode"]
    {
        assert!(run.out.contains(line), "{line}: {}", run.out);
    }
}

#[test]
fn packages_are_bought_in_one_order() {
    let seller = Example::start("isv_server", &[]);
    let script = r#"
[[step]]
buy = "p"
mode = "package"
period = "1 month"
count = 3
quota = "OFFI1:1000,OFFI2:0.5"
customer = "c-1"
[[step]]
renew = "p-2"
period = "1 month"
[[step]]
release = "p-3"
[[step]]
call = "queryInstance"
set.instanceId = "{p},{p-2}"
"#;
    let run = scenario(&seller.url("/saasproduce"), script);
    run.says(0, "4 steps, 0 wrong");
    assert_eq!(run.out.matches("saas-v2 newInstance: 000000").count(), 3, "{}", run.out);
}

#[test]
fn what_goes_otherwise_is_reported() {
    let seller = Example::start("isv_server", &[]);
    let url = seller.url("/saasproduce");
    let wrong = scenario(&url, "[[step]]\nbuy = \"a\"\n[[step]]\ncall = \"newInstance\"\nexpect = \"000003\"\n");
    wrong.says(1, "WRONG   2  call newInstance: expected 000003, got 000000, instance ");
    assert!(wrong.out.contains("ok      1  buy a") && wrong.out.ends_with("2 steps, 1 wrong\n"), "{}", wrong.out);
    let answer = "[[step]]\ncall = \"newInstance\"\nanswer = { instanceId = \"mine\" }\n";
    scenario(&url, answer).says(1, "expected instanceId to be \"mine\", got \"");
    let gone = "compress = 5000000\n[[step]]\nbuy = \"a\"\n[[step]]\nrelease = \"a\"\n[[step]]\nfreeze = \"a\"\n";
    scenario(&url, gone).says(1, "WRONG   3  freeze a: ");
    let down = "compress = 100000000\n[[step]]\nbuy = \"a\"\nexpect = \"none\"\n";
    scenario("http://127.0.0.1:1/x", down).says(0, "1 steps, 0 wrong");
}

/// The seller asks for the order where the script listens.
#[test]
fn the_seller_is_answered_where_the_script_listens() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let open_api = format!("http://{free}");
    let credentials = [("KOOGALLERY_AK", "AccessKey"), ("KOOGALLERY_SK", "SecretKey-0123456789")];
    let settings = [&credentials[..], &[("KOOGALLERY_OPEN_API_URL", &open_api)]].concat();
    let seller = Example::start("isv_server", &settings);
    let script = format!(
        "url = \"{}\"\nlisten = \"{free}\"\n[[step]]\nbuy = \"a\"\nproduct = \"OFFI-OF-THE-SCRIPT\"\n",
        seller.url("/saasproduce")
    );
    let keys = [&KEYS[..], &credentials].concat();
    run_with(&keys, &["scenario", "-"], script.as_bytes()).says(0, "1 steps, 0 wrong");
    let get = format!("GET /admin/instances HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", seller.server.address);
    let (_, listed) = exchange(seller.server.address, &get).unwrap();
    let listed: Value = serde_json::from_slice(&listed).unwrap();
    assert_eq!(listed[0]["productId"], "OFFI-OF-THE-SCRIPT", "{listed}");
}

#[test]
fn mistakes_have_a_line_and_a_column() {
    let mistakes = [
        ("", "1:1: there is no step"),
        ("profile = \"saas-v2\"\n", "2:1: there is no step"),
        ("profile = \"saas\"", "1:11: \"saas\""),
        ("profile = saas", "1:11: "),
        ("[[step]\nbuy = \"a\"", "1:8: "),
        ("[[step]]\nbuy = \"a\"\nbuy = \"b\"", "3:1: duplicate key"),
        ("step = 3", "1:8: step is not a list of tables"),
        ("[[step]]\n", "1:1: the step does nothing"),
        ("[[step]]\nwait = \"1s\"\nbuy = \"a\"", "1:1: the step has several actions"),
        ("[[step]]\nbuy = \"a\"\npreiod = \"1 year\"", "3:1: unknown key preiod"),
        ("[[step]]\nbuy = \"a\"\nperiod = \"1 eon\"", "3:10: \"1 eon\" is not a period"),
        ("[[step]]\nbuy = \"a\"\nperiod = 1", "3:10: period is not a string in quotes"),
        ("[[step]]\nbuy = \"a\"\nmode = \"gift\"", "3:8: mode must be"),
        ("[[step]]\nbuy = \"a\"\nmode = \"package\"\nperiod = \"1 year\"\nquota = \"9\"", "3:8: \"9\" is not a quota"),
        ("[[step]]\nrenew = \"a\"\nperiod = \"1 year\"", "2:9: no earlier step defines \"a\""),
        ("[[step]]\nbuy = \"a\"\n[[step]]\nrenew = \"a\"", "4:9: period is missing"),
        ("[[step]]\ncall = \"newInstanse\"", "2:8: \"newInstanse\""),
        ("[[step]]\ncall = \"upgrade\"", "2:8: saas-v2 has no upgrade"),
        ("[[step]]\ncall = \"newInstance\"\ntimes = 0", "3:9: times must be from 1 to 1000"),
        ("[[step]]\ncall = \"newInstance\"\ntimes = 2\nreplay = true", "2:8: only one of times, at_once and replay"),
        ("[[step]]\ncall = \"newInstance\"\nset = { a = 2020-01-01 }", "3:13: "),
        ("[[step]]\ncall = \"newInstance\"\nset = { a = [\"x\", \"{b}\"] }", "3:13: no earlier step defines \"b\""),
        ("[[step]]\ncall = \"newInstance\"\nset = 3", "3:7: set is not a table"),
        ("[[step]]\ncall = \"newInstance\"\nclock = \"1s\"", "3:9: \"1s\" is not an offset"),
        ("[[step]]\nwait = \"1 fortnight\"", "2:8: \"1 fortnight\" is not a duration"),
        ("[[step]]\nwait = \"99999999999999999999d\"", "2:8: "),
        ("[[step]]\nwait = \"1s\"\nexpect = \"000000\"", "3:1: unknown key expect; known are nothing else"),
        ("[[step]]\nfault = \"earthquake\"", "2:9: unknown fault \"earthquake\"; known are slow"),
        ("[[step]]\nfault = \"slow\"\nvalue = \"soon\"", "2:9: "),
        ("[[step]]\nfault = \"slow\"\nvalue = \"1s\"\npercent = 101", "4:11: percent must be from 1 to 100"),
        (
            "[[step]]\nfault = \"slow\"\nvalue = \"1s\"\nactivity = \"x\"",
            "4:1: unknown key activity; known are value, api",
        ),
        ("[[step]]\ncallback_fault = \"duplicate\"\nactivity = \"x\"", "3:12: activity: "),
        ("[[step]]\nclear_faults = \"some\"", "2:16: all faults are switched off"),
        ("[[step]]\npush_usage = \"1\"", "2:14: instance is missing"),
        ("[[step]]\npush_usage = \"x\"\ninstance = \"i\"", "2:14: value: "),
        ("[[step]]\npush_usage = \"1\"\ninstance = \"{i}\"", "3:12: no earlier step defines \"i\""),
        ("[[step]]\npush_usage = \"1\"\ninstance = \"i\"\nend = \"now\"", "4:7: end: "),
        ("[[step]]\nbind = \"t\"", "2:8: callback is missing"),
        ("[[step]]\nadd_users = \"t\"", "2:13: users is missing"),
        ("[[step]]\nlog_in = \"t\"\nexpect = \"0\"", "2:10: user is missing"),
        ("[[step]]\nunbind = \"t\"\nanswer = { a = 1 }", "3:1: unknown key answer; known are expect"),
        ("[[step]]\nrepeat = \"x\"", "2:10: \"x\""),
        ("compress = 0\n[[step]]\nwait = \"1s\"", "1:12: the factor must be at least 1"),
        ("compress = -1\n[[step]]\nwait = \"1s\"", "1:12: compress is not a whole number"),
        ("中 = 1\n[[step]]\nwait = \"1s\"", "1:1: "),
        ("colour = 1\n[[step]]\nwait = \"1s\"", "1:1: unknown key colour"),
    ];
    for (script, expected) in mistakes {
        run_with(&BASIC, &["scenario", "-", "--url", "http://127.0.0.1:1/"], script.as_bytes())
            .says(2, &format!("error: -:{expected}"));
    }
    // Arrays in arrays in arrays.
    let deep = format!("[[step]]\ncall = \"newInstance\"\nset = {{ a = {}1 }}", "[".repeat(100_000));
    run_with(&BASIC, &["scenario", "-", "--url", "http://127.0.0.1:1/"], deep.as_bytes()).says(2, "error: -:3:");
}

#[test]
fn what_cannot_be_run() {
    let script = "[[step]]\nbuy = \"a\"\n";
    let with =
        |keys: &[(&str, &str)], more: &[&str]| run_with(keys, &[&["scenario", "-"], more].concat(), script.as_bytes());
    with(&BASIC, &[]).says(2, "- has no url");
    with(&BASIC, &["--url", "http://192.0.2.1/"]).says(2, "--i-own-this-host");
    with(&[], &["--url", "http://127.0.0.1:1/"]).says(2, "KOOGALLERY_BASIC_KEY");
    run_with(&BASIC, &["scenario", "-"], b"\xff").says(2, "not UTF-8");
    run(&BASIC, &["scenario", "/no/such/file"]).says(2, "/no/such/file cannot be read");
    let listening = "listen = \"127.0.0.1:0\"\n[[step]]\nbuy = \"a\"\n";
    run_with(&BASIC, &["scenario", "-", "--url", "http://127.0.0.1:1/"], listening.as_bytes()).says(2, "KOOGALLERY_AK");
}
