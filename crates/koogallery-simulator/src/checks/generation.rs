//! Calls of the other generation of the protocol.

use crate::call::Signer;
use crate::message::{Author, Message};
use crate::profile::Profile;
use crate::session::{Checked, Session, Stop};
use koogallery::key::KeyRing;
use koogallery::protocol::Protocol;

/// The other generation of the same family, whose calls may come to the same address.
const fn counterpart(profile: Profile) -> Option<Profile> {
    Some(match profile {
        Profile::Protocol(Protocol::SaasV1) => Profile::Protocol(Protocol::SaasV2),
        Profile::Protocol(Protocol::SaasV2) => Profile::Protocol(Protocol::SaasV1),
        Profile::Protocol(Protocol::LicenseV1) => Profile::Protocol(Protocol::LicenseOnline),
        Profile::Protocol(Protocol::LicenseOnline) => Profile::Protocol(Protocol::LicenseV1),
        _ => return None,
    })
}

fn have_common_key(one: &KeyRing, other: &KeyRing) -> bool {
    one.iter().any(|a| other.iter().any(|b| a.expose() == b.expose()))
}

/// A purchase as the other generation writes it, and who signs it.
fn purchase_in(session: &mut Session, other: Profile) -> (Signer, Message) {
    let mut author = Author { profile: other, ..session.author.clone() };
    let message = author.purchase();
    let nonce = author.ids.nonce();
    session.author.ids = author.ids;
    (Signer { scheme: other.scheme(), nonce, ..session.signer() }, message)
}

/// A key proves the calls of its own generation only: V1.0 asks for less, and would be the way around V2.0.
pub(super) async fn other_generation(session: &mut Session) -> Checked {
    let Some(other) = counterpart(session.profile) else { return Ok(()) };
    let ring = other.protocol().keys(&session.keys).map(|(_, ring)| ring.clone());
    if ring.as_ref().is_some_and(|ring| have_common_key(ring, &session.ring)) {
        return Err(Stop::NotRun(format!("the key is that of {other} too, so that calls of both may be right")));
    }
    let (signer, message) = purchase_in(session, other);
    let mut call = signer.sign(&message);
    // Who does not know the generation answers in any form.
    call.is_judged = false;
    let reading = session.send(call).await?;
    if reading.is_success() || reading.is_processing() {
        return Err(Stop::failed(
            format!("a call of {other} with the key of {} is refused", session.profile),
            "it is accepted",
            "one key proves calls of both generations, so that the weaker one is the way in; \
             if both have the same key on purpose, tell the checker both",
        ));
    }
    // With its own key it may be served: both generations are given.
    if let Some(ring) = ring {
        let (signer, message) = purchase_in(session, other);
        let mut call = Signer { key: ring.signing_key().clone(), ..signer }.sign(&message);
        call.is_judged = false;
        let reading = session.send(call).await?;
        let is_served = reading.is_success() || reading.is_processing();
        session
            .notes
            .push(format!("calls of {other} are {} here", if is_served { "served too" } else { "not served" }));
    }
    Ok(())
}
