//! The seller's server that a command calls.

use std::path::PathBuf;

use clap::Args;
use koogallery_simulator::{HttpTarget, Target as _, TargetError};

use crate::Failure;

/// Options of the target.
#[derive(Args, Clone)]
pub struct TargetArgs {
    /// Additional trusted certificates in PEM, such as that of a staging system.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Confirm that you may call an address outside this machine and private networks.
    #[arg(long)]
    i_own_this_host: bool,
}

/// Returns whether a call without an answer was sent at all: then the seller has failed, not the command.
pub fn was_sent(error: &TargetError) -> bool {
    use TargetError::{Connect, ConnectTimeout, Dns, Forbidden, Tls};
    !matches!(error, Dns(_) | Forbidden(_) | Tls(_) | Connect(_) | ConnectTimeout(_))
}

impl TargetArgs {
    /// Returns the options as they were given.
    pub fn words(&self) -> Vec<String> {
        let ca = self.ca.iter().flat_map(|path| ["--ca".to_owned(), path.display().to_string()]);
        ca.chain(self.i_own_this_host.then(|| "--i-own-this-host".to_owned())).collect()
    }

    /// Returns the target for a URL. Calls that look like attacks need the owner's consent, even for names, which may
    /// resolve to another address the next time.
    pub fn target(&self, url: &str) -> Result<HttpTarget, Failure> {
        let target = HttpTarget::new(url).map_err(|error| Failure::of(url, &error))?;
        if !target.is_local() && !self.i_own_this_host {
            return Err(Failure::new(format!("{url} is a public host; if it is yours, pass --i-own-this-host")));
        }
        let Some(path) = &self.ca else { return Ok(target) };
        let bad = |error: &dyn std::error::Error| Failure::of(path.display(), error);
        let pem = std::fs::read(path).map_err(|error| bad(&error))?;
        target.with_root_certificates(&pem).map_err(|error| bad(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGER: TargetArgs = TargetArgs { ca: None, i_own_this_host: false };
    const OWNER: TargetArgs = TargetArgs { ca: None, i_own_this_host: true };

    #[test]
    fn private_addresses_are_called_without_asking() {
        for host in
            ["127.0.0.1:8080", "10.1.2.3", "192.168.0.9", "[::1]:80", "[fd12::1]", "localhost", "[::ffff:10.0.0.1]"]
        {
            STRANGER.target(&format!("http://{host}/x")).unwrap();
        }
    }

    #[test]
    fn others_only_by_their_owner() {
        for host in ["192.0.2.1", "[2001:db8::1]", "isv.invalid", "8.8.8.8:80", "[::ffff:192.0.2.1]"] {
            for scheme in ["http", "https"] {
                let url = format!("{scheme}://{host}/x");
                assert!(STRANGER.target(&url).unwrap_err().to_string().contains("--i-own-this-host"), "{host}");
                OWNER.target(&url).unwrap();
            }
        }
    }

    #[test]
    fn metadata_is_read_by_no_one() {
        for host in [
            "169.254.169.254",
            "169.254.0.1:8080",
            "[fe80::1]",
            "[::ffff:169.254.169.254]",
            "100.100.100.200",
            "[fd00:ec2::254]",
        ] {
            for anybody in [STRANGER, OWNER] {
                assert!(anybody.target(&format!("http://{host}/latest")).is_err(), "{host}");
            }
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for url in ["", "http://", "http://a b/", "/path", "ftp://127.0.0.1/"] {
            assert!(OWNER.target(url).is_err(), "{url:?}");
        }
    }
}
