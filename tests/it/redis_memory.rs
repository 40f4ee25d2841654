//! A Redis of its own that is full, that evicts, and that is flushed.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use koogallery::clock::Clock as _;
use koogallery::ledger::{MemoryLedger, State};
use koogallery::replay::RedisReplayGuard;
use koogallery::signature::callback_v2;
use redis::aio::MultiplexedConnection;

use crate::shared_ledger::set_status;
use crate::support::{Stage, nonce, purchase};

struct Redis {
    process: Child,
    url: String,
    admin: MultiplexedConnection,
}

impl Redis {
    /// `None` if the program is not there.
    async fn start(policy: &str) -> Option<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let settings = ["--save", "", "--maxmemory", "3mb", "--maxmemory-policy", policy, "--bind", "127.0.0.1"];
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string()]).args(settings).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(process) = command.spawn() else {
            let _ = std::io::stderr().write_all(b"\n*** NOT TESTED on a full Redis: there is no redis-server\n");
            return None;
        };
        let url = format!("redis://127.0.0.1:{port}");
        let client = redis::Client::open(&*url).unwrap();
        let began = Instant::now();
        let admin = loop {
            match client.get_multiplexed_async_connection().await {
                Ok(admin) => break admin,
                Err(error) => assert!(began.elapsed() < Duration::from_secs(30), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        Some(Self { process, url, admin })
    }

    async fn stage(&self) -> Stage {
        let guard = RedisReplayGuard::connect_with_report(&self.url, |_| ()).await.unwrap();
        Stage::on(MemoryLedger::new(), |builder| builder.replay_guard(guard))
    }

    /// Sets keys of another application, more than there is memory for.
    async fn fill(&mut self) {
        for number in 0..2000 {
            let key = format!("other:{number}");
            redis::cmd("SET").arg(key).arg("x".repeat(2000)).exec_async(&mut self.admin).await.unwrap();
        }
    }

    async fn set_memory(&mut self, memory: &str) {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg("maxmemory").arg(memory).exec_async(&mut self.admin).await.unwrap();
    }

    async fn flush(&mut self) {
        redis::cmd("FLUSHALL").exec_async(&mut self.admin).await.unwrap();
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_full_redis_is_named_and_heals_by_itself() {
    let Some(mut redis) = Redis::start("noeviction").await else { return };
    let stage = redis.stage().await;
    assert_eq!(stage.post(&purchase("CS1", "b1")).await.code, "000000");
    redis.set_memory("1").await;
    assert_eq!(stage.post(&purchase("CS2", "b2")).await.code, "000005");
    assert!(stage.log.last().contains("OOM"), "{}", stage.log.last());
    assert_eq!(stage.seller.runs(), 1);
    redis.set_memory("3mb").await;
    assert_eq!(stage.post(&purchase("CS2", "b2")).await.code, "000000");
    assert_eq!(stage.seller.runs(), 2);
}

/// What the guard forgets, the ledger still knows.
#[tokio::test]
async fn a_redis_that_evicts_or_is_flushed_repeats_no_effect() {
    for is_flushed in [false, true] {
        let Some(mut redis) = Redis::start("allkeys-lru").await else { return };
        let stage = redis.stage().await;
        let signed = |body: &str| callback_v2::signed_query(&stage.key, &nonce(), stage.clock.now(), body.as_bytes());
        let (create, freeze, unfreeze) = (purchase("CS1", "b"), set_status("b", "FREEZE"), set_status("b", "UNFREEZE"));
        let (created, frozen) = (signed(&create), signed(&freeze));
        stage.clock.advance(Duration::from_secs(1));
        let unfrozen = signed(&unfreeze);
        for (query, body) in [(&created, &create), (&frozen, &freeze), (&unfrozen, &unfreeze)] {
            assert_eq!(stage.post_signed(query, body.clone()).await.code, "000000", "{body}");
        }
        match is_flushed {
            true => redis.flush().await,
            false => redis.fill().await,
        }
        for (query, body) in [(&created, &create), (&frozen, &freeze)] {
            assert_eq!(stage.post_signed(query, body.clone()).await.code, "000000", "{body}");
        }
        assert_eq!(stage.seller.runs(), 3);
        let instance = stage.service.ledger().unwrap().instance("b").await.unwrap().unwrap();
        assert_eq!(instance.state, State::Active);
    }
}
