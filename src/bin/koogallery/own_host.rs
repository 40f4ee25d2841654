//! Whom a command may call: calls that look like an attack go to nobody who has not asked for them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, ToSocketAddrs as _};

use clap::Args;
use http::Uri;

use crate::Failure;

#[derive(Args)]
pub struct OwnHost {
    /// The address is a public one, and yours to be called.
    #[arg(long)]
    i_own_this_host: bool,
}

/// What an address may be called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// On this machine, or in its own network.
    Private,
    /// Somebody's, who has to have agreed.
    Public,
    /// Nobody's endpoint: a cloud tells a machine its secrets there.
    Never,
}

impl OwnHost {
    /// Whether the host of a URL may be called.
    pub fn allows(&self, url: &str) -> Result<(), Failure> {
        let uri: Uri = url.parse().map_err(|error| Failure::of(url, &error))?;
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        match reach(host) {
            Reach::Private => Ok(()),
            Reach::Public if self.i_own_this_host => Ok(()),
            Reach::Public => {
                Err(Failure::new(format!("{host} is a public host; if it is yours, say --i-own-this-host")))
            }
            Reach::Never => {
                Err(Failure::new(format!("{host} is a link-local or metadata address, which is never called")))
            }
        }
    }
}

/// The farthest that a host's addresses reach. A host without an address counts as a public one.
fn reach(host: &str) -> Reach {
    if let Ok(address) = host.parse() {
        return reach_of(address);
    }
    match &*host.trim_end_matches('.').to_ascii_lowercase() {
        "localhost" => return Reach::Private,
        "metadata.google.internal" => return Reach::Never,
        _ => {}
    }
    let addresses = (host, 0).to_socket_addrs().into_iter().flatten();
    addresses.map(|address| reach_of(address.ip())).max().unwrap_or(Reach::Public)
}

fn reach_of(address: IpAddr) -> Reach {
    /// Two clouds tell their secrets outside the link-local range.
    const METADATA: [IpAddr; 2] =
        [IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254))];
    let address = address.to_canonical();
    let (is_private, is_link_local) = match address {
        IpAddr::V4(v4) => (v4.is_loopback() || v4.is_private() || v4.is_unspecified(), v4.is_link_local()),
        IpAddr::V6(v6) => (v6.is_loopback() || v6.is_unique_local() || v6.is_unspecified(), v6.is_unicast_link_local()),
    };
    match is_link_local || METADATA.contains(&address) {
        true => Reach::Never,
        false if is_private => Reach::Private,
        false => Reach::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGER: OwnHost = OwnHost { i_own_this_host: false };
    const OWNER: OwnHost = OwnHost { i_own_this_host: true };

    #[test]
    fn private_addresses_are_called_without_asking() {
        for host in
            ["127.0.0.1:8080", "10.1.2.3", "192.168.0.9", "[::1]:80", "[fd12::1]", "localhost", "[::ffff:10.0.0.1]"]
        {
            STRANGER.allows(&format!("http://{host}/x")).unwrap();
        }
    }

    #[test]
    fn public_ones_only_by_their_owner() {
        for host in ["192.0.2.1", "[2001:db8::1]", "isv.invalid", "8.8.8.8:80", "[::ffff:192.0.2.1]"] {
            let url = format!("http://{host}/x");
            assert!(STRANGER.allows(&url).unwrap_err().to_string().contains("--i-own-this-host"), "{host}");
            OWNER.allows(&url).unwrap();
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
            "Metadata.Google.Internal.",
        ] {
            let url = format!("http://{host}/latest");
            for anybody in [STRANGER, OWNER] {
                assert!(anybody.allows(&url).unwrap_err().to_string().contains("never called"), "{host}");
            }
        }
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for url in ["", "http://", "http://a b/", "/path"] {
            assert!(STRANGER.allows(url).is_err(), "{url:?}");
        }
    }
}
