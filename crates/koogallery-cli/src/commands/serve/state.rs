//! The state of the marketplace: kept in a file across restarts, exported, and imported.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::control::Control;
use super::form::Form;
use super::reply::{Outcome, Refused};
use super::tenants::Wanted;
use crate::Failure;

/// How often the file is brought up to date.
const INTERVAL: Duration = Duration::from_millis(500);

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct State {
    /// As the marketplace saves it.
    marketplace: Box<RawValue>,
    /// Enterprises by the fields of the form that binds them, secrets included.
    #[serde(default)]
    tenants: Vec<Vec<(String, String)>>,
}

impl Control {
    /// Returns the state without enterprises: it has no secrets.
    fn marketplace_state(&self) -> String {
        self.marketplace.as_ref().map_or_else(|| self.open_api.save(), |marketplace| marketplace.save())
    }

    fn put_marketplace_state(&self, text: &str) -> Result<(), String> {
        let restored = match &self.marketplace {
            Some(marketplace) => marketplace.restore(text),
            None => self.open_api.restore(text),
        };
        restored.map_err(|error| error.to_string())
    }

    pub fn export(&self) -> Outcome {
        Outcome::File("application/json", "marketplace.json".to_owned(), self.marketplace_state())
    }

    /// Adds an exported state.
    pub fn import(&self, body: &[u8]) -> Result<Outcome, Refused> {
        let form = Form::parse(body, &["text"])?;
        let text = form.get("text").ok_or_else(|| "text is missing: an exported state".to_owned())?;
        self.put_marketplace_state(text)?;
        Ok(Outcome::Done(json!({})))
    }

    fn state(&self) -> Result<String, serde_json::Error> {
        let marketplace = RawValue::from_string(self.marketplace_state())?;
        serde_json::to_string(&State { marketplace, tenants: self.tenants.fields() })
    }

    /// Reads the state of an earlier run; a file that is not there is none.
    pub fn restore(&self, path: &Path) -> Result<(), Failure> {
        let text = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            read => read.map_err(|error| Failure::of(path.display(), &error))?,
        };
        let wrong = |why: &dyn std::fmt::Display| Failure::new(format!("{}: {why}", path.display()));
        let State { marketplace, tenants } = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
        self.put_marketplace_state(marketplace.get()).map_err(|why| wrong(&why))?;
        for fields in tenants {
            let wanted = Wanted::read(&Form::of(fields), &self.kits, &self.address, self.marketplace.is_some());
            self.tenants.put(&self.open_api, wanted.map_err(|why| wrong(&why))?);
        }
        Ok(())
    }

    /// Keeps a file up to date until this future is dropped.
    pub async fn keep(self, path: PathBuf) {
        let mut written = String::new();
        loop {
            self.write(&path, &mut written);
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Writes the state, if it has changed. What cannot be written is tried again.
    pub fn write(&self, path: &Path, written: &mut String) {
        let Ok(state) = self.state() else { return };
        if state != *written && replace(path, state.as_bytes()).is_ok() {
            *written = state;
        }
    }
}

/// Replaces a file in one step, so that a crash leaves the old one or the new one. Only its owner may read it.
fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(new, path)
}
