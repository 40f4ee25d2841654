//! What all commands have in common: help, settings, errors, quiet, a quick start.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cases::cases;
use crate::support::{BASIC, KEY, captured, run, run_with};

#[test]
fn what_cannot_run_says_why() {
    let sign = ["sign", "callback-v2", "--nonce", "n", "--timestamp", "1", "--body", "-"];
    run(&[], &sign).says(2, "KOOGALLERY_BASIC_KEY is not set");
    run(&[("KOOGALLERY_BASIC_KEY", "")], &sign).says(2, "KOOGALLERY_BASIC_KEY is not set");
    run(&[("KOOGALLERY_BASIC_KEY", "secret-key,")], &sign).says(2, "KOOGALLERY_BASIC_KEY: key 2 of the list is empty");
    run(&[BASIC[0], ("KOOGALLERY_KIT_KEY", KEY)], &sign).says(2, "bound to two interface types");
    run(&[BASIC[0], ("KOOGALLERY_SITE", "mars")], &sign).says(2, "KOOGALLERY_SITE");
    run(&[BASIC[0], ("KOOGALLERY_SITE", "europe")], &sign).says(2, "not standard Base64");
    run(&BASIC, &["sign", "callback-v2", "--nonce", "n", "--timestamp", "1", "--body", "/no/such/file"])
        .says(2, "/no/such/file cannot be read");
    run(&BASIC, &["sign", "callback-v2", "--nonce", "n", "--timestamp", "1", "--body", "/"]).says(2, "cannot be read");
    run(&BASIC, &["sign", "callback-v2"]).says(2, "--nonce");
    run(&BASIC, &["verify", "callback-v2", "--nonce", "n", "--timestamp", "1", "--body", "-"]).says(2, "--signature");
    run(&BASIC, &["explain", "body", "--body", "-"]).says(2, "there is no signature");
    run(&BASIC, &["sign", "auth-token", "--query", "a=1"]).says(2, "timeStamp is missing");
    run(&BASIC, &["sign", "auth-token", "--query", "timeStamp=1&authToken=x"]).says(2, "repeated");
    run(&BASIC, &["sign", "auth-token"]).says(2, "--body");
    run(&BASIC, &["sign", "auth-token", "--body", "-"]).says(2, "cannot be decoded");
    run(&BASIC, &["sign", "rot13"]).says(2, "rot13");
    run(&BASIC, &["verifi"]).says(2, "verify");
    run(&BASIC, &[]).says(2, "Usage");
    run(&[], &["verify", "callback-v2", "--request", "-"]).says(2, "KOOGALLERY_BASIC_KEY");
    for message in ["", "hello", "GET / HTTP/1.1\nno header\n\n", "HTTP/1.1 200 OK\n\n"] {
        captured("verify", "callback-v2", &BASIC, message).says(2, "error: ");
    }
    let binary = run_with(&BASIC, &["verify", "callback-v2", "--request", "-"], b"\xff\xfe\x00");
    binary.says(2, "error: ");
    run(&[], &["sign", "aksk", "--method", "GET", "--url", "https://h/", "--date", "20200608T023900Z"])
        .says(2, "KOOGALLERY_AK");
    let aksk = |url, date| {
        let keys = [("KOOGALLERY_AK", "AccessKey"), ("KOOGALLERY_SK", "SecretKey")];
        run(&keys, &["sign", "aksk", "--method", "GET", "--url", url, "--date", date])
    };
    aksk("/no/host", "20200608T023900Z").says(2, "has no host");
    aksk("https://h/ /", "20200608T023900Z").says(2, "the address");
    aksk("https://h/", "yesterday").says(2, "X-Sdk-Date");
    // A key given as an argument by mistake is not repeated.
    for arguments in [["sign", "--key=s3cret-s3cret"], ["encrypt", "--password=s3cret-s3cret"]] {
        let refused = run(&BASIC, &arguments);
        refused.says(2, "unexpected argument");
        assert!(!refused.err.contains("s3cret"), "{refused:?}");
    }
}

#[test]
fn quiet_leaves_only_the_exit_code_and_results() {
    let case = cases().into_iter().find(|case| case.expected.len() == 1).unwrap();
    let arguments: Vec<String> =
        case.arguments.iter().flat_map(|(name, value)| [format!("--{name}"), value.clone()]).collect();
    let rest: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let keys: Vec<_> = case.keys.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let inspect = |command| {
        let fixed = ["--quiet", command, case.scheme, "--body", "-", "--signature", &case.signature];
        run_with(&keys, &[&fixed[..], &rest].concat(), &case.body)
    };
    let verified = inspect("verify");
    assert_eq!((verified.code, verified.out.as_str(), verified.err.as_str()), (1, "", ""));
    assert_eq!(inspect("explain").line(), format!("- {}", case.expected[0]));
}

#[test]
fn help_and_completions() {
    run(&[], &["--help"]).says(0, "Examples:");
    run(&[], &["--version"]).says(0, env!("CARGO_PKG_VERSION"));
    let help = run(&[], &["--help"]);
    let commands: Vec<_> = help.out.lines().skip_while(|line| *line != "Commands:").skip(1).collect();
    let commands =
        commands.iter().take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    let commands: Vec<_> = commands.filter(|command| *command != "help").collect();
    assert!(commands.len() > 11, "{commands:?}");
    let completions = run(&[], &["completions", "bash"]);
    for command in commands {
        run(&[], &[command, "--help"]).says(0, "Example");
        assert!(completions.out.contains(&format!("koogallery,{command})")), "{command}");
    }
    for command in ["sign", "verify", "explain"] {
        for (scheme, about) in [
            ("callback-v2", "V2.0 callbacks"),
            ("kit-v2", "V2.0 Kit"),
            ("auth-token", "V1.0 callbacks"),
            ("body", "V1.0 answers"),
            ("usage", "usage push"),
            ("aksk", "Open-API"),
        ] {
            let help = run(&[], &[command, scheme, "--help"]);
            assert!(help.out.lines().next().unwrap().contains(about), "{help:?}");
        }
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        run(&[], &["completions", shell]).says(0, "callback-v2");
    }
    run(&[], &["completions", "tcl"]).says(2, "possible values");
}

#[test]
fn it_starts_at_once() {
    let start = || {
        let begin = Instant::now();
        run(&[], &["--version"]);
        begin.elapsed()
    };
    let mut starts: Vec<_> = (0..20).map(|_| start()).collect();
    starts.sort();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    println!("20 starts: median {:.1} ms, slowest {:.1} ms", milliseconds(starts[10]), milliseconds(starts[19]));
    assert!(starts[0] < Duration::from_millis(50), "{:?}", starts[0]);
}

/// On a terminal, which `script` makes.
#[cfg(unix)]
#[test]
fn colours_are_left_out_where_they_are_not_wanted() {
    let verify = |flag: &str, environment: &[(&str, &str)]| {
        let program = env!("CARGO_BIN_EXE_koogallery");
        let line = format!("{program} {flag} verify body --body /dev/null --signature x");
        let mut command = Command::new("script");
        command.args(["-qec", &line, "/dev/null"]).env_remove("NO_COLOR").envs(BASIC).envs(environment.iter().copied());
        command.stdin(Stdio::null()).output().ok().map(|output| String::from_utf8(output.stdout).unwrap())
    };
    let Some(coloured) = verify("", &[]).filter(|output| output.contains("malformed")) else {
        let _ = std::io::stderr().write_all(b"\n*** NOT TESTED: there is no `script` to make a terminal\n");
        return;
    };
    assert!(coloured.contains("\u{1b}[31mno\u{1b}[0m"), "{coloured:?}");
    for plain in [verify("--no-color", &[]), verify("", &[("NO_COLOR", "1")])] {
        let plain = plain.unwrap();
        assert!(plain.contains("no: ") && !plain.contains('\u{1b}'), "{plain:?}");
    }
    assert!(verify("", &[("NO_COLOR", "")]).unwrap().contains('\u{1b}'), "an empty one counts as none");
    assert_eq!(verify("--quiet", &[]).unwrap(), "");
}
