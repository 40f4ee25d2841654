//! `--ca`: whom an `https` address may have its certificate from.

use std::path::PathBuf;

use clap::Args;
use koogallery::simulator::HttpTarget;

use crate::Failure;

#[derive(Args)]
pub struct Trust {
    /// Certificates in PEM that are trusted beside the public authorities: that of a staging system.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Trust {
    /// The endpoint at a URL.
    pub fn target(&self, url: &str) -> Result<HttpTarget, Failure> {
        let target = HttpTarget::new(url).map_err(|error| Failure::of(url, &error))?;
        let Some(path) = &self.ca else { return Ok(target) };
        let bad = |error: &dyn std::error::Error| Failure::of(path.display(), error);
        let pem = std::fs::read(path).map_err(|error| bad(&error))?;
        target.trusting(&pem).map_err(|error| bad(&error))
    }
}
