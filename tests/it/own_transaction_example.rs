//! The example `own_transaction` on a file and on servers.

use std::process::Command;

use crate::process::example;
use crate::servers::{Mysql, Schema};

fn run(arguments: &[&str]) {
    let output = Command::new(example("own_transaction")).args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains(" 200 credits"), "{text}");
}

#[test]
fn a_server_on_a_file_that_is_killed_after_a_commit_does_not_repeat_it() {
    run(&[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_postgresql_that_is_killed_after_a_commit_does_not_repeat_it() {
    if let Some(schema) = Schema::new().await {
        run(&["--database", &schema.url()]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_on_mysql_that_is_killed_after_a_commit_does_not_repeat_it() {
    if let Some(place) = Mysql::new().await {
        run(&["--database", &place.url()]);
    }
}
