//! Calls of the other generation of the protocol.

use crate::call::Signer;
use crate::message::{Author, Message};
use crate::profile::Profile;
use crate::session::{Checked, Session, Stop};
use koogallery::key::KeyRing;
use koogallery::protocol::Protocol;

/// Returns the other generation of the same family, whose calls may arrive at the same address.
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

/// A purchase in the format of the other generation, and its signer.
fn purchase_in(session: &mut Session, other: Profile) -> (Signer, Message) {
    let mut author = Author { profile: other, ..session.author.clone() };
    let message = author.purchase();
    let nonce = author.ids.nonce();
    session.author.ids = author.ids;
    (Signer { scheme: other.scheme(), nonce, ..session.signer() }, message)
}

/// A key must prove the calls of its own generation only: V1.0 requires less, and would bypass V2.0.
pub(super) async fn other_generation(session: &mut Session) -> Checked {
    let Some(other) = counterpart(session.profile) else { return Ok(()) };
    let ring = other.protocol().keys(&session.judge.keys).map(|(_, ring)| ring.clone());
    if ring.as_ref().is_some_and(|ring| have_common_key(ring, &session.judge.ring)) {
        return Err(Stop::NotRun(format!("the key is also that of {other}, so calls of both may be valid")));
    }
    let (signer, message) = purchase_in(session, other);
    let mut call = signer.sign(&message);
    // An endpoint that does not serve the generation may answer in any form.
    call.is_judged = false;
    let reading = session.send(call).await?;
    if reading.is_success() || reading.is_processing() {
        return Err(Stop::failed(
            format!("a call of {other} with the key of {} is refused", session.profile),
            "it is accepted",
            "one key authenticates calls of both generations, so the weaker one can be attacked; \
             if both have the same key on purpose, give the checker both",
        ));
    }
    // With its own key it may be served, since keys for both generations are set.
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
