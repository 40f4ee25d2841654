//! `serve`: the marketplace, for a seller's server to call and to be called by.

mod control;
mod form;
mod page;

use std::time::Duration;

use clap::{Args, value_parser};
use koogallery::adapter::serve::Server;
use koogallery_simulator::{Marketplace, serve_desk};
use tokio::net::TcpListener;

use crate::desk::desk;
use crate::environment::access_keys;
use crate::interrupt::interrupted;
use crate::seed::Seed;
use crate::seller::Seller;
use crate::{Answer, Failure, Output, runtime};
use control::Control;

const EXAMPLES: &str = "\
Examples:
  koogallery serve --listen 127.0.0.1:9090
  koogallery serve --listen 127.0.0.1:9090 --target http://127.0.0.1:8080/saasproduce --compress 3600
  curl http://127.0.0.1:9090/_marketplace/orders -d profile=saas-v2 -d 'period=1 year'
  curl http://127.0.0.1:9090/_marketplace/subscriptions/INSTANCE/renew -d 'period=1 month'

A seller's server with KOOGALLERY_OPEN_API_URL=http://127.0.0.1:9090 and the same KOOGALLERY_AK and KOOGALLERY_SK then asks
here. The documented mock orders, such as MOCKPERIODYEARNEW, are known. Signatures are verified strictly, and a mismatch is
explained line by line.

With --target the marketplace also calls the seller. The page /_marketplace sells, and lists what was sold and every call;
/_marketplace/subscriptions and /_marketplace/log tell the same in JSON. What expires is frozen, and released 15 days later.";

/// Play the marketplace: order query, usage, Licenses, upload, and an authentication centre; with --target also its calls.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    /// Where to listen.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9090")]
    listen: String,
    /// The production address of the seller who is sold for.
    #[arg(long, value_name = "URL")]
    target: Option<String>,
    /// Lives so many times as fast: with 3600 an hour between two tries is a second.
    #[arg(long, value_name = "FACTOR", default_value_t = 1, value_parser = value_parser!(u32).range(1..))]
    compress: u32,
    #[command(flatten)]
    seed: Seed,
    #[command(flatten)]
    seller: Seller,
}

impl Serve {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let keys = access_keys()?;
        let seed = self.seed.get()?;
        let desk = desk(seed, &keys)?;
        let marketplace = match &self.target {
            None => None,
            Some(url) => {
                let target = self.seller.target(url)?;
                let marketplace = Marketplace::builder(target, keys.clone()).desk(desk.clone());
                Some(marketplace.compressed(self.compress).seed(seed.wrapping_add(1)).build())
            }
        };
        runtime::block_on(async {
            let listener = TcpListener::bind(&self.listen).await.map_err(|error| Failure::of(&self.listen, &error))?;
            let address = listener.local_addr().map_err(|error| Failure::of(&self.listen, &error))?;
            output.result(&format!("listening on http://{address}"))?;
            match marketplace {
                None => serve_desk(listener, desk, interrupted()).await,
                Some(marketplace) => {
                    output.note(&format!("the marketplace is at http://{address}/_marketplace"))?;
                    tokio::spawn(live(marketplace.clone()));
                    Server::new().serve(listener, Control::new(marketplace, keys), interrupted()).await;
                }
            }
            Ok(Answer::Yes)
        })
    }
}

/// Does what is due, as time goes by.
async fn live(marketplace: Marketplace) {
    loop {
        marketplace.run_due().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
