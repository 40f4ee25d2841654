//! The seller's server that a command calls.

use std::path::PathBuf;

use clap::Args;
use koogallery_simulator::{HttpTarget, Target as _, TargetError};

use crate::Failure;

/// Whom a command may call, and whom it trusts.
#[derive(Args)]
pub struct Seller {
    /// Certificates in PEM that are trusted beside the public authorities: that of a staging system.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The address is not of this machine or a private network, and yours to be called.
    #[arg(long)]
    i_own_this_host: bool,
}

/// Whether a call without an answer went out all the same: then the seller has failed, and not the command.
pub fn was_sent(error: &TargetError) -> bool {
    use TargetError::{Connect, ConnectTimeout, Dns, Forbidden, Tls};
    !matches!(error, Dns(_) | Forbidden(_) | Tls(_) | Connect(_) | ConnectTimeout(_))
}

impl Seller {
    /// The endpoint at a URL. Calls that look like an attack go to nobody who has not asked for them; a name may stand for
    /// anybody the next time it is looked up.
    pub fn target(&self, url: &str) -> Result<HttpTarget, Failure> {
        let target = HttpTarget::new(url).map_err(|error| Failure::of(url, &error))?;
        if !target.is_local() && !self.i_own_this_host {
            return Err(Failure::new(format!("{url} is a public host; if it is yours, say --i-own-this-host")));
        }
        let Some(path) = &self.ca else { return Ok(target) };
        let bad = |error: &dyn std::error::Error| Failure::of(path.display(), error);
        let pem = std::fs::read(path).map_err(|error| bad(&error))?;
        target.trusting(&pem).map_err(|error| bad(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGER: Seller = Seller { ca: None, i_own_this_host: false };
    const OWNER: Seller = Seller { ca: None, i_own_this_host: true };

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
    fn metadata_is_read_by_nobody() {
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
