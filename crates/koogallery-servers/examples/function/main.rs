//! Callbacks in a cloud function: FunctionGraph behind APIG, or AWS Lambda behind an API gateway or a load balancer. `event.rs` turns
//! the platform's JSON into a request and the answer into its JSON.
//!
//! Here an event is a line of standard input, and its answer a line of standard output: in place of `main` stands the loop of your
//! platform's runtime, for instance the crate `lambda_runtime`.
//!
//! What a function cannot have:
//!
//! * **The raw query.** But for Lambda's payload 2.0, events hold decoded parameters. They are encoded again, which the signatures of
//!   V2.0 and V1.0 allow, since both are made over decoded values.
//! * **Repeated parameters.** FunctionGraph's events hold each parameter once, so that the calls with two signatures that X5 of the
//!   checker makes are not refused: one of the two counts, and is right.
//! * **The letter case of `Body-Sign`.** The gateway writes the header, and many write names in lower case. V1.0 needs that case, so try
//!   yours with `koogallery check` (F4) and serve V1.0 elsewhere if it fails: a FunctionGraph *HTTP function* runs a whole server
//!   (`adapter::serve`), which does not help where the gateway rewrites names.
//! * **Work after the answer.** Many platforms freeze the process then. A creation that outlasts its deadline goes on when the
//!   next event comes, or the next copy of the call runs it after its lease: choose short work, or a queue.
//! * **A ledger in memory or in a file.** Several processes run, and each may end: use PostgreSQL or MySQL.
//!
//! A body of more than the platform takes (FunctionGraph: 4 MiB, Lambda: 6 MiB) never arrives.

mod event;

use std::io::Write as _;

use koogallery::CallbackService;
use koogallery_servers::{BoxError, service};
use tokio::io::{AsyncBufReadExt as _, BufReader, stdin};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let service: CallbackService = service().await?;
    let mut events = BufReader::new(stdin()).lines();
    while let Some(line) = events.next_line().await? {
        let answer = event::handle(&service, &serde_json::from_str(&line)?).await;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    service.wait_idle().await;
    Ok(())
}
