//! What figures depend on besides the code.

use std::fs;

use koogallery::clock::{Clock as _, SystemClock};

/// Returns date (UTC), processor and load of this machine, each with its name.
pub fn described() -> [(String, String); 3] {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let sha = if cpu.contains("sha_ni") { ", SHA instructions" } else { "" };
    let load: Vec<_> = read("/proc/loadavg").split(' ').take(3).map(str::to_owned).collect();
    let date = SystemClock.now().to_offset_date_time().map(|time| time.date().to_string());
    let named = |name: &str, value: String| (name.to_owned(), value);
    [
        named("date", date.unwrap_or_default()),
        named("machine", format!("{}, {cores} cores{sha}", model.unwrap_or("unknown processor"))),
        named("load (1, 5, 15 minutes) at the end", load.join(", ")),
    ]
}
