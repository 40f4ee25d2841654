//! Callers that leave after their call, before the answer: the work is done all the same, once.

use std::io::Write as _;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use koogallery::ledger::Ledger as _;

use crate::calls::purchase;
use crate::process::exchange;
use crate::support::{Example, SERVERS, key};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_is_never_lost_when_the_caller_hangs_up() {
    for (name, _) in SERVERS {
        let example = Example::start(name, &["--opening-time", "400"]);
        let ledger = example.ledger().await;
        let mut gone = TcpStream::connect(example.server.address).unwrap();
        gone.write_all(purchase(&key(), "CS1").as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(150));
        gone.shutdown(Shutdown::Both).unwrap();
        drop(gone);
        // Nobody calls meanwhile.
        let began = Instant::now();
        let instances = loop {
            let instances = ledger.instances(None, 10).await.unwrap();
            if instances.first().is_some_and(|instance| instance.state.as_str() == "active") {
                break instances;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "{name}: the work is lost: {instances:?}");
            std::thread::sleep(Duration::from_millis(50));
        };
        assert_eq!((instances.len(), instances[0].handler_runs), (1, 1), "{name}");

        let (status, answer) = exchange(example.server.address, &purchase(&key(), "CS1")).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{name}: {answer}"));
        assert_eq!((status, &answer["resultCode"]), (200, &"000000".into()), "{name}: {answer}");
        assert_eq!(answer["instanceId"], *instances[0].instance_id, "{name}");
        assert_eq!(ledger.instances(None, 10).await.unwrap()[0].handler_runs, 1, "{name}");
    }
}
