//! `serve`: the marketplace's open APIs, for a seller's server to call.

use clap::Args;
use koogallery::key::InterfaceType;
use koogallery::simulator::{Desk, serve_desk};
use tokio::net::TcpListener;

use crate::environment::{credentials, ring};
use crate::{Answer, Failure, Output, runtime};

const EXAMPLES: &str = "\
Example:
  KOOGALLERY_AK=ak KOOGALLERY_SK=sk koogallery serve --listen 127.0.0.1:9090

A seller's server with KOOGALLERY_OPEN_API_URL=http://127.0.0.1:9090 and the same keys then asks here. The documented mock
orders, such as MOCKPERIODYEARNEW, are known. Signatures are verified strictly, and a mismatch is explained line by line.";

/// Play the marketplace's open APIs: order query, usage, Licenses, upload, and an authentication centre.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    /// Where to listen.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090")]
    listen: String,
    /// From what ids are drawn.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

impl Serve {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let mut desk = Desk::builder().seed(self.seed).credentials(credentials()?);
        if let Ok(ring) = ring(InterfaceType::Basic) {
            desk = desk.access_keys(ring);
        }
        let desk = desk.build();
        runtime::block_on(async {
            let listener = TcpListener::bind(&self.listen).await.map_err(|error| Failure::of(&self.listen, &error))?;
            let address = listener.local_addr().map_err(|error| Failure::of(&self.listen, &error))?;
            output.result(&format!("listening on http://{address}"))?;
            let interrupted = async { tokio::signal::ctrl_c().await.unwrap_or_default() };
            serve_desk(listener, desk, interrupted).await;
            Ok(Answer::Yes)
        })
    }
}
