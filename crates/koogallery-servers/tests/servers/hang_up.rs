//! Callers that leave after their call, before the answer, by closing or by a reset: the work is done all the same, once.

use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use koogallery::ledger::{Instance, Ledger as _};

use crate::calls::purchase;
use crate::process::exchange;
use crate::support::{Example, SERVERS, key};

/// How a caller leaves.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    Closing,
    /// By a reset (RST), as callers do that crash or run into their timeout.
    Resetting,
}

/// Sends a call, and leaves while the handler works.
fn leave(address: SocketAddr, order: &str, how: Leaving) {
    let mut gone = TcpStream::connect(address).unwrap();
    gone.write_all(purchase(&key(), order).as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(150));
    match how {
        Leaving::Closing => gone.shutdown(Shutdown::Both).unwrap(),
        Leaving::Resetting => socket2::SockRef::from(&gone).set_linger(Some(Duration::ZERO)).unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_is_never_lost_when_the_caller_hangs_up() {
    for (name, _) in SERVERS {
        let example = Example::start(name, &["--opening-time", "400"]);
        let ledger = example.ledger().await;
        let address = example.server.address;
        let orders = [("CS1", Leaving::Closing), ("CS2", Leaving::Resetting)];
        for (order, how) in orders {
            leave(address, order, how);
        }
        // Nobody calls meanwhile.
        let began = Instant::now();
        let instances = loop {
            let instances = ledger.instances(None, 10).await.unwrap();
            let active = instances.iter().filter(|instance| instance.state.as_str() == "active").count();
            if active == orders.len() {
                break instances;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{name}: the work is lost: {instances:?}");
            std::thread::sleep(Duration::from_millis(50));
        };
        let runs = |instances: &[Arc<Instance>]| instances.iter().map(|found| found.handler_runs).collect::<Vec<_>>();
        assert_eq!(runs(&instances), [1, 1], "{name}");

        for (order, how) in orders {
            let (status, answer) = exchange(address, &purchase(&key(), order)).unwrap();
            let answer = String::from_utf8(answer).unwrap();
            let answer: serde_json::Value =
                serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{name}, {how:?}: {answer}"));
            assert_eq!((status, &answer["resultCode"]), (200, &"000000".into()), "{name}, {how:?}: {answer}");
            let first = instances.iter().find(|instance| instance.order.order_id == order);
            assert_eq!(answer["instanceId"], *first.unwrap().instance_id, "{name}, {how:?}");
        }
        assert_eq!(runs(&ledger.instances(None, 10).await.unwrap()), [1, 1], "{name}");
    }
}
