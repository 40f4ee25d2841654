//! The way to the open APIs: the mock of the simulator, over a network that may lose requests and answers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_channel::oneshot;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use koogallery::transport::{Transport, TransportError};
use koogallery_simulator::{ConnectionFault, Fault, FaultRule, OpenApiServer, Operation, RefusalForm};

use crate::rng::Rng;
use crate::scheduler::Owner;
use crate::simulation::{Injected, Simulation};

/// The network between a replica and the open APIs. A request on its way arrives although the replica has died.
pub(crate) struct Intake {
    pub(crate) simulation: Arc<Simulation>,
}

impl Transport for Intake {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        let simulation = Arc::clone(&self.simulation);
        let (send, arrived) = oneshot::channel();
        let travel = async move {
            let Simulation { scheduler, rng, open_api, .. } = &*simulation;
            scheduler.sleep(rng.between(Duration::from_millis(1), Duration::from_millis(30))).await;
            let reply = open_api.receive(request);
            if !reply.delay.is_zero() {
                scheduler.sleep(reply.delay).await;
            }
            drop(send.send(reply.answer));
        };
        self.simulation.spawn(Owner::Outside, travel);
        async move {
            let answer = arrived.await.map_err(|gone| TransportError::Broken(gone.into()))?;
            answer.map_err(|lost| match lost {
                ConnectionFault::NoConnection => TransportError::Connect(lost.into()),
                _ => TransportError::Broken(Injected::because("the answer was lost").into()),
            })
        }
        .boxed()
    }
}

/// Sets the faults of the open APIs: two in a hundred calls of each kind, and an answer in an odd form.
pub(crate) fn disturb(open_api: &OpenApiServer, rng: &Rng) {
    let odd = RefusalForm::ALL[rng.below(RefusalForm::ALL.len())];
    let code = if rng.chance(500) { "016" } else { "003" };
    let of_push = [Fault::PartialFailure(code.to_owned()), Fault::RefusalForm(odd)];
    for fault in of_push {
        open_api.add_fault(FaultRule::new(fault).with_operation(Operation::PushUsage).with_percent(30));
    }
    let of_all = [
        Fault::LostRequest,
        Fault::LostAnswer,
        Fault::Duplicate,
        Fault::ServerError(503),
        Fault::HtmlPage,
        Fault::TruncatedAnswer,
        Fault::NoConnection,
        Fault::Throttled { retry_after: Some(Duration::from_secs(3)) },
    ];
    for fault in of_all {
        open_api.add_fault(FaultRule::new(fault).with_percent(2));
    }
    open_api.add_fault(FaultRule::new(Fault::Slow(Duration::from_secs(12))).with_percent(3));
}
