//! Checks that the marketplace can call the address, and is allowed to.

use std::time::Duration;

use tokio::time::timeout;

use crate::TlsError;
use crate::http_target::{HttpTarget, Version};
use crate::session::{Checked, Session, Stop};
use crate::target::{Target, TargetError};
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::timestamp::Timestamp;

/// A certificate that expires sooner than this has probably been forgotten.
const LEFT: Duration = Duration::from_secs(30 * 86400);

/// An old handshake without an answer by then counts as rejected.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn handshake(session: &mut Session) -> Checked {
    let target = session.http()?;
    let inspection = match target.inspect(Version::Tls12).await {
        Err(TargetError::Tls(TlsError::Refused(why))) => {
            return Err(Stop::failed("a handshake in TLS 1.2", why, "the documented version is not supported"));
        }
        outcome => outcome.map_err(no_handshake)?,
    };
    let Some(inspection) = inspection else { return Err(Stop::not_run("the address is plain http")) };
    session.notes.push(match target.inspect(Version::Tls13).await {
        Err(TargetError::Tls(TlsError::Refused(why))) => format!("TLS 1.2 is supported, but not TLS 1.3: {why}"),
        outcome => outcome.map(|_| "TLS 1.2 and TLS 1.3 are supported".to_owned()).map_err(no_handshake)?,
    });
    if !inspection.is_public {
        session.notes.push("the certificate comes from an authority added by the user, not a public one".to_owned());
    }
    if let Some(until) = inspection.until {
        let day = day(until);
        if until < SystemClock.now().saturating_add(LEFT) {
            return Err(Stop::failed(
                "a certificate valid for at least 30 more days",
                format!("one valid until {day}"),
                "the certificate expires soon; then every purchase fails",
            ));
        }
        session.notes.push(format!("the certificate is valid until {day}"));
    }
    let random = std::array::from_fn(|_| session.author.ids.number());
    match answers_old_hello(&target, random).await.map_err(no_handshake)? {
        true => Err(Stop::failed(
            "no handshake in TLS 1.1",
            "a ServerHello",
            "the server still supports weak versions of TLS",
        )),
        false => Ok(()),
    }
}

/// Without a connection there is nothing to check about TLS.
fn no_handshake(error: TargetError) -> Stop {
    match error {
        TargetError::Tls(_) => error.into(),
        _ => Stop::NotRun(error.to_string()),
    }
}

fn day(time: Timestamp) -> String {
    time.to_offset_date_time().map_or_else(|| time.to_string(), |time| time.date().to_string())
}

/// Returns whether the server continues with a client that supports nothing newer than TLS 1.1.
async fn answers_old_hello(target: &HttpTarget, random: [u64; 4]) -> Result<bool, TargetError> {
    const HANDSHAKE: u8 = 22;
    const SERVER_HELLO: u8 = 2;
    let mut connection = target.connect_bare().await?;
    let name = target.has_name().then(|| target.host());
    let answer = async {
        connection.send(&client_hello_1_1(name, random)).await?;
        connection.first_bytes(6).await
    };
    // Silence, an alert and a closed connection all count as a rejection.
    let answer = timeout(PATIENCE, answer).await;
    Ok(matches!(answer, Ok(Ok(bytes)) if bytes.first() == Some(&HANDSHAKE) && bytes.get(5) == Some(&SERVER_HELLO)))
}

/// Returns a record with the ClientHello of RFC 4346, offering the ciphers of that time.
fn client_hello_1_1(name: Option<&str>, random: [u64; 4]) -> Vec<u8> {
    const TLS_1_1: [u8; 2] = [3, 2];
    /// ECDHE and RSA with AES in CBC mode, then 3DES.
    const CIPHERS: [u16; 7] = [0xc014, 0xc00a, 0xc013, 0xc009, 0x0035, 0x002f, 0x000a];
    const GROUPS: [u16; 3] = [29, 23, 24];

    let listed =
        |numbers: &[u16]| with_length(&numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>());
    let extension = |kind: u16, data: &[u8]| [&kind.to_be_bytes(), &*with_length(data)].concat();
    let mut extensions = [
        extension(10, &listed(&GROUPS)),
        // Uncompressed points.
        extension(11, &[1, 0]),
        extension(0xff01, &[0]),
    ]
    .concat();
    if let Some(name) = name {
        let entry = [&[0], &*with_length(name.as_bytes())].concat();
        extensions.extend(extension(0, &with_length(&entry)));
    }
    let body = [
        &TLS_1_1[..],
        &random.map(u64::to_be_bytes).concat(),
        // No session to resume.
        &[0],
        &listed(&CIPHERS),
        // No compression.
        &[1, 0],
        &with_length(&extensions),
    ]
    .concat();
    let hello = [&[1, 0][..], &with_length(&body)].concat();
    // Old servers expect the oldest version in the record itself.
    [&[22, 3, 1][..], &with_length(&hello)].concat()
}

/// Nothing here is longer than 64 KiB.
fn with_length(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

pub(super) async fn address(session: &mut Session) -> Checked {
    let target = session.http()?;
    let is_local = target.is_local();
    if target.tls().is_none() {
        return Err(match is_local {
            true => Stop::not_run("the address is plain http on this machine or in a private network"),
            false => Stop::failed("an https address", "an http one", "calls and customers' data are sent unprotected"),
        });
    }
    match is_local || target.has_name() {
        true => Ok(()),
        false => Err(Stop::failed("a domain name", "an IP address", "the seller console accepts names only")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_hello_holds_what_its_lengths_say() {
        let hello = client_hello_1_1(Some("a.example"), [1, 2, 3, 4]);
        let length = |at: usize| usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
        assert_eq!((&hello[..3], length(3)), (&[22, 3, 1][..], hello.len() - 5));
        assert_eq!((&hello[5..7], length(7)), (&[1, 0][..], hello.len() - 9));
        assert_eq!(&hello[9..11], [3, 2]);
        // After the random bytes: the empty session, seven ciphers and no compression.
        let extensions = 11 + 32 + 1 + 2 + 14 + 2;
        assert_eq!(length(extensions), hello.len() - extensions - 2);
        assert!(hello.ends_with(b"a.example"));
    }
}
