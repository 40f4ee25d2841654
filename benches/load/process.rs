//! A server's process: its time on the processors, and its memory.

use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{env, fs};

pub struct Process {
    child: Child,
    pub url: String,
}

impl Process {
    pub fn start(engine: &str, place: &str) -> Result<Self, Box<dyn Error>> {
        let mut command = Command::new(env::current_exe()?);
        let mut child = command.args(["serve", engine, place]).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        Ok(Self { child, url: format!("http://{}/saasproduce", line.trim()) })
    }

    /// Returns how long it has worked on all processors; `None` where the system does not say it.
    pub fn worked(&self) -> Option<Duration> {
        /// Linux counts in hundredths of a second here.
        const TICK: u64 = 10;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        // The name before it is in brackets, and may have spaces.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
        Some(Duration::from_millis(ticks * TICK))
    }

    /// Watches the resident memory until the returned value is stopped.
    pub fn watch_memory(&self) -> Memory {
        let (path, is_over) = (format!("/proc/{}/status", self.child.id()), Arc::new(AtomicBool::new(false)));
        let stop = Arc::clone(&is_over);
        let watch = move || {
            let mut samples = Vec::new();
            while !is_over.load(Ordering::Relaxed) {
                samples.extend(resident(&path));
                thread::sleep(Duration::from_millis(200));
            }
            samples.extend(resident(&path));
            samples
        };
        Memory { stop, watching: thread::spawn(watch) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub struct Memory {
    stop: Arc<AtomicBool>,
    watching: JoinHandle<Vec<f64>>,
}

impl Memory {
    /// Returns the samples, in MiB.
    pub fn stop(self) -> Vec<f64> {
        self.stop.store(true, Ordering::Relaxed);
        self.watching.join().unwrap_or_default()
    }
}

fn resident(path: &str) -> Option<f64> {
    let status = fs::read_to_string(path).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? / 1024.0)
}
