//! Name resolution and connecting, never to an address that must not be called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::connection::Times;
use crate::target::TargetError;

/// The marketplace's timeout, even for the answer.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Metadata services of clouds outside the link-local range.
const METADATA: [IpAddr; 5] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Returns whether the address cannot host a callback, but may expose a machine's secrets.
pub(super) fn is_forbidden(address: IpAddr) -> bool {
    let address = embedded(address).unwrap_or(address);
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    is_link_local || METADATA.contains(&address)
}

/// Returns the IPv4 address behind an IPv6 address: mapped, or behind NAT64 (64:ff9b::/96).
fn embedded(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address else { return None };
    let translated = match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        _ => None,
    };
    address.to_ipv4_mapped().or(translated).map(IpAddr::V4)
}

pub(super) fn is_localhost(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
}

/// Connects to an allowed address. It connects to the very address that was checked: a name may resolve to another one
/// the next time.
pub(super) async fn connect(host: &str, port: u16) -> Result<(TcpStream, Times), TargetError> {
    let began = Instant::now();
    let found = timeout(CONNECT_TIMEOUT, lookup_host((host, port))).await;
    let found = found.map_err(|_| TargetError::ConnectTimeout(CONNECT_TIMEOUT))?;
    let addresses = callable(host, found.map_err(|error| TargetError::Dns(error.to_string()))?.collect())?;
    let dns = began.elapsed();

    let began = Instant::now();
    let mut last = TargetError::Dns("no address".to_owned());
    // No address may use up the time of the others.
    let share = CONNECT_TIMEOUT / u32::try_from(addresses.len().max(1)).unwrap_or(u32::MAX);
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // A request is sent in pieces, which must not wait for each other.
                let _ = stream.set_nodelay(true);
                return Ok((stream, Times { dns, tcp: began.elapsed(), tls: None }));
            }
            Ok(Err(error)) => last = TargetError::Connect(error.to_string()),
            Err(_) => last = TargetError::ConnectTimeout(share),
        }
    }
    Err(last)
}

fn callable(host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, TargetError> {
    // One forbidden address is enough: a name that also resolves to others is meant to bypass this check.
    if let Some(address) = found.iter().find(|address| is_forbidden(address.ip())) {
        return Err(TargetError::Forbidden(address.ip()));
    }
    // Such a host is trusted to be this machine.
    match found.iter().find(|address| is_localhost(host) && !address.ip().to_canonical().is_loopback()) {
        Some(address) => Err(TargetError::Forbidden(address.ip())),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(addresses: &[&str]) -> Vec<SocketAddr> {
        addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 80)).collect()
    }

    #[test]
    fn a_name_may_not_stand_for_a_metadata_service() {
        assert!(callable("a.example", at(&["192.0.2.1", "10.0.0.1", "2001:db8::1"])).is_ok());
        for forbidden in ["169.254.169.254", "::ffff:169.254.170.2", "64:ff9b::a9fe:a9fe", "fe80::1", "fd00:ec2::254"] {
            let refused = callable("a.example", at(&["192.0.2.1", forbidden])).unwrap_err();
            assert!(matches!(refused, TargetError::Forbidden(_)), "{forbidden}");
        }
    }

    #[test]
    fn localhost_is_this_machine() {
        assert!(callable("localhost", at(&["127.0.0.1", "::1"])).is_ok());
        assert!(callable("LocalHost", at(&["127.0.0.1", "192.0.2.1"])).is_err());
    }
}
