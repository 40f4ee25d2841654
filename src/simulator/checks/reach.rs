//! Can the endpoint be reached, and does it answer at all?

use http::Method;

use crate::simulator::session::{Checked, Session, Stop};

/// Whatever the answer says.
pub(super) async fn answers(session: &mut Session) -> Checked {
    let message = session.fresh();
    session.tell(&message).await.map(drop)
}

pub(super) async fn wrong_method(session: &mut Session) -> Checked {
    let message = session.author.purchase();
    for method in [Method::PUT, Method::DELETE] {
        let mut call = session.sign(&message);
        call.method = method.clone();
        call.is_judged = false;
        let reading = session.send(call).await?;
        if reading.is_success() || reading.is_processing() {
            return Err(Stop::failed(
                format!("{method} is refused"),
                "it is accepted".to_owned(),
                "the method is not looked at",
            ));
        }
    }
    let Some(order) = message.get("orderId").map(str::to_owned) else { return Ok(()) };
    session.expect_instances(&order, 0).await
}
