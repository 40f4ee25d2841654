//! The example `replicas` on a file and on servers.

use std::process::Command;

use crate::process::example;
use crate::servers::{Mysql, Schema};

fn run(arguments: &[&str]) {
    let output = Command::new(example("replicas")).args(["--orders", "20"]).args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains(" 20 of 20 orders"), "{text}");
}

#[test]
fn orders_have_one_instance_while_replicas_on_a_file_are_killed() {
    run(&[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_have_one_instance_while_replicas_on_postgresql_are_killed() {
    if let Some(schema) = Schema::new().await {
        run(&["--database", &schema.url()]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_have_one_instance_while_replicas_on_mysql_are_killed() {
    if let Some(place) = Mysql::new().await {
        run(&["--database", &place.url()]);
    }
}
