//! Files, standard input, and values of arguments.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use koogallery::clock::{Clock as _, SystemClock};
use koogallery::timestamp::Timestamp;

use crate::Failure;

/// Far more than any message of the marketplace.
const MAX_BYTES: u64 = 64 << 20;

/// Returns the bytes of a file, or of standard input for `-`.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let name = path.display();
    let mut bytes = Vec::new();
    let source = || -> io::Result<Box<dyn Read>> {
        if path.as_os_str() == "-" { Ok(Box::new(io::stdin().lock())) } else { Ok(Box::new(File::open(path)?)) }
    };
    let outcome = source().and_then(|source| source.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    outcome.map_err(|error| Failure::of(format!("{name} cannot be read"), &error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::new(format!("{name} is larger than {} MiB", MAX_BYTES >> 20)));
    }
    Ok(bytes)
}

/// Returns a text given as an argument, or the first line of standard input for `-`.
pub fn text(argument: &str) -> Result<String, Failure> {
    let text = whole_text(argument)?;
    Ok(if argument == "-" { text.lines().next().unwrap_or_default().to_owned() } else { text })
}

/// Returns a text given as an argument, or standard input for `-`.
pub fn whole_text(argument: &str) -> Result<String, Failure> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    String::from_utf8(read(Path::new("-"))?).map_err(|_| Failure::new("standard input is not UTF-8"))
}

/// Parses `now`, or a time in one of the marketplace's formats.
pub fn instant(text: &str) -> Result<Timestamp, String> {
    if text == "now" {
        return Ok(SystemClock.now());
    }
    let read = Timestamp::parse_unix(text).or_else(|_| text.parse()).or_else(|_| Timestamp::parse_basic_iso(text));
    read.map_err(|_| "not `now`, UNIX milliseconds or seconds, yyyyMMddHHmmss[SSS], or yyyyMMddTHHmmssZ".to_owned())
}
