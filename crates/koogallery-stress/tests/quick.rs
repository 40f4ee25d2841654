//! The promises, with small sizes.

use std::process::Command;

#[test]
fn every_promise_holds() {
    let output = Command::new(env!("CARGO_BIN_EXE_koogallery-stress")).arg("--quick").output().unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}\n{}", String::from_utf8_lossy(&output.stderr));
    for part in ["kills and a clock ahead", "overload", "unsigned bodies", "speed", "growth"] {
        assert!(report.contains(&format!("| {part}")), "{report}");
    }
}
