//! The command lines in a report really repeat what it shows.

use std::path::Path;
use std::process::Command;

use serde_json::{Map, Value};

use crate::servers::{Example, KEYS, answering};
use crate::support::{Run, run};

/// Runs a line in a shell, as a reader of the report does.
fn shell(line: &str) -> Run {
    let folder = Path::new(env!("CARGO_BIN_EXE_koogallery")).parent().unwrap();
    let output = Command::new("/bin/sh").args(["-c", line]).env("PATH", folder).envs(KEYS).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

fn exchanges(report: &Value) -> Vec<&Value> {
    let results = report["results"].as_array().unwrap();
    results.iter().flat_map(|result| result["exchanges"].as_array().unwrap()).collect()
}

/// The content of a call without what is new in every call.
fn content(method: &str, target: &str, body: &str) -> Value {
    let mut fields: Map<String, Value> = match method {
        "GET" => target
            .split_once('?')
            .unwrap()
            .1
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect(),
        _ => serde_json::from_str(body).unwrap_or_else(|_| panic!("{body}")),
    };
    for name in ["businessId", "timeStamp", "authToken"] {
        fields.remove(name);
    }
    fields.into()
}

#[test]
fn fired_lines_make_the_same_calls() {
    let seller = Example::start("isv_server", &[]);
    for profile in ["saas-v2", "saas-v1", "license-online", "kit-v1", "kit-v2"] {
        let checked = run(&KEYS, &["check", &seller.url("/saasproduce"), "--profile", profile, "--format", "json"]);
        let reports: Value = serde_json::from_str(&checked.out).unwrap_or_else(|_| panic!("{checked:?}"));
        let all = exchanges(&reports[0]);
        let line = |exchange: &Value| exchange["repeat"].as_str().unwrap().to_owned();
        assert!(all.iter().all(|exchange| line(exchange).starts_with("koogallery ")), "{profile}");
        let mut fired: Vec<_> =
            all.into_iter().filter(|exchange| line(exchange).starts_with("koogallery fire ")).collect();
        assert!(fired.len() > 20, "{profile}: {}", fired.len());
        fired.sort_by_key(|exchange| line(exchange).len());
        // A few of each length.
        for exchange in fired.iter().step_by(fired.len() / 12) {
            let again = shell(&line(exchange));
            let mut lines = again.out.lines();
            let (method, target) =
                lines.next().and_then(|line| line.split_once(' ')).unwrap_or_else(|| panic!("{again:?} of {exchange}"));
            let [sent_target, sent_body] = ["target", "requestBody"].map(|name| exchange[name].as_str().unwrap());
            assert_eq!(exchange["method"], method);
            let body = lines.next().unwrap();
            assert_eq!(content(method, target, body), content(method, sent_target, sent_body), "{}", line(exchange));
            assert_eq!(target.split('?').next(), sent_target.split('?').next());
            let created = ["newInstance", "tenantSync"].contains(&exchange["activity"].as_str().unwrap());
            if created && exchange["answerBody"].as_str().unwrap().contains("000000") {
                again.says(0, "understood: ");
            }
        }
    }
}

const YES: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 55\r\n\r\n{\"resultCode\":\"000000\",\"resultMsg\":\"\",\"instanceId\":\"i\"}";

#[test]
fn checks_that_are_run_again_fail_again() {
    let url = format!("http://{}/x", answering(YES));
    let options =
        ["--profile", "saas-v2", "--charging", "period", "--set", "productId=it's a product", "--format", "json"];
    let checked = run(&KEYS, &[&["check", &url], &options[..]].concat());
    let reports: Value = serde_json::from_str(&checked.out).unwrap();
    let causes = reports[0]["causes"].as_array().unwrap();
    assert!(causes.len() > 4, "{causes:?}");
    for cause in causes {
        let line = cause["repeat"].as_str().unwrap();
        assert!(line.ends_with(r"--charging period --set 'productId=it'\''s a product'"), "{line}");
        let again = shell(line);
        for id in cause["checks"].as_array().unwrap() {
            assert!(again.out.contains(&format!("   {} ", id.as_str().unwrap())), "{line}: {again:?}");
        }
        let must = cause["severity"] == "must";
        assert_eq!(again.out.starts_with("FAIL"), must || !again.out.contains(" passed, 0 failed"), "{again:?}");
    }
}
