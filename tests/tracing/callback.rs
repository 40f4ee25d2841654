//! What `tracing` records of a callback: its fields, and that nothing of it is personal or secret.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use koogallery::adapter::tokio::TokioRuntime;
use koogallery::adapter::tracing::TracingObserver;
use koogallery::amount::Amount;
use koogallery::callback::CallbackService;
use koogallery::clock::{Clock as _, ManualClock};
use koogallery::heartbeat::{self, CallFailure, HeartbeatEvent, StateError};
use koogallery::housekeeping::{self, HousekeepingEvent, PruneFailure};
use koogallery::key::{AccessKey, AccessKeys, InterfaceType};
use koogallery::ledger::{LedgerError, MemoryLedger, Pruned};
use koogallery::metering::{self, Hold, MeteringError, MeteringEvent, PushFailure, ThresholdReached};
use koogallery::open_api::CallError;
use koogallery::open_api::push_usage::UsageRecord;
use koogallery::signature::{auth_token, callback_v2};
use koogallery::testing::AcceptAll;
use koogallery::timestamp::Timestamp;
use koogallery::transport::TransportError;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::Line;

/// Every event, a line each.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<String>>);

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("koogallery")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = self.0.lock().unwrap();
        text.push_str(event.metadata().level().as_str());
        event.record(&mut Line(&mut text));
        text.push('\n');
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Stage {
    service: CallbackService,
    key: AccessKey,
    clock: Arc<ManualClock>,
    recorder: Recorder,
}

impl Stage {
    fn new() -> Self {
        let key = AccessKey::new("SECRET-key").unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_unix_millis(1_735_787_045_678)));
        let service =
            CallbackService::builder(AccessKeys::new().with(InterfaceType::Basic, key.clone()).unwrap(), TokioRuntime)
                .subscription(AcceptAll::new(), MemoryLedger::new())
                .clock(Arc::clone(&clock))
                .observer(TracingObserver)
                .build();
        Self { service, key, clock, recorder: Recorder::default() }
    }

    async fn call(&self, request: Request<Bytes>) -> Vec<String> {
        let guard = tracing::subscriber::set_default(self.recorder.clone());
        self.service.call(request).await;
        drop(guard);
        std::mem::take(&mut *self.recorder.0.lock().unwrap()).lines().map(str::to_owned).collect()
    }

    async fn post(&self, nonce: &str, body: &str) -> Vec<String> {
        let query = callback_v2::signed_query(&self.key, nonce, self.clock.now(), body.as_bytes());
        let request = Request::post(format!("/saasproduce?{query}")).body(Bytes::from(body.to_owned())).unwrap();
        self.call(request).await
    }

    async fn get(&self, parameters: &str) -> Vec<String> {
        let parameters = format!("{parameters}&timeStamp={}", self.clock.now().to_compact_millis());
        let query = auth_token::signed_query(&self.key, &parameters).unwrap();
        self.call(Request::get(format!("/saasproduce?{query}")).body(Bytes::new()).unwrap()).await
    }
}

#[tokio::test]
async fn a_call_is_one_event_with_its_ids() {
    let stage = Stage::new();
    let body = r#"{"activity":"newInstance","businessId":"b-1","orderId":"CS1","orderLineId":"CS1-000001"}"#;
    let lines = stage.post("n1", body).await;
    assert_eq!(lines.len(), 1, "{lines:?}");
    for part in [
        "INFO",
        r#" protocol=SaaS V2.0"#,
        r#" activity="newInstance""#,
        r#" order_id="CS1""#,
        r#" order_line_id="CS1-000001""#,
        r#" result_code="000000""#,
        " duration_ms=0",
        " repeated=false",
        " test_call=false",
    ] {
        assert!(lines[0].contains(part), "{part} is missing in {}", lines[0]);
    }
    let lines = stage.post("n2", r#"{"activity":"updateInstanceStatus","instanceId":"i-9","status":"MELT"}"#).await;
    for part in ["WARN", r#" instance_id="i-9""#, r#" result_code="000002""#, "field \"status\""] {
        assert!(lines[0].contains(part), "{part} is missing in {}", lines[0]);
    }
}

#[tokio::test]
async fn odd_fields_are_one_event_and_a_repeat_is_marked() {
    let stage = Stage::new();
    let call = "activity=newInstance&businessId=b-1&customerId=c&orderId=CS1&productId=P&customerName=Li%20Na\
                &mobilePhone=13800138000&email=li%40example.com&amount=many&orderAmount=x";
    let lines = stage.get(call).await;
    assert_eq!(lines.len(), 2, "{lines:?}");
    for part in [
        "WARN",
        r#" protocol=SaaS V1.0"#,
        r#" activity="newInstance""#,
        r#" order_id="CS1""#,
        " fields=4",
        "mobilePhone cannot be decrypted",
        "amount is not a whole number",
    ] {
        assert!(lines[0].contains(part), "{part} is missing in {}", lines[0]);
    }
    let repeated = stage.get(call).await;
    assert!(repeated.last().unwrap().contains(" repeated=true"), "{repeated:?}");
    for line in lines.iter().chain(&repeated) {
        for secret in ["13800138000", "Li Na", "li@example", "SECRET", "many"] {
            assert!(!line.contains(secret), "{secret} in {line}");
        }
    }
}

#[test]
fn events_of_background_work_have_levels() {
    let recorder = Recorder::default();
    let error = CallError::Transport { api: "push usage", source: TransportError::Timeout };
    let at = Timestamp::from_unix_millis(1_735_787_045_678);
    let record = UsageRecord::new("sn", "inst-1", at, at, Amount::from(1));
    let records = [&record];
    let full = LedgerError::store("the disk is full");
    let state = StateError::Damaged { key: "key".to_owned() };
    tracing::subscriber::with_default(recorder.clone(), || {
        let observe = |event| metering::Observer::on_event(&TracingObserver, &event);
        observe(MeteringEvent::Delivered(&records));
        observe(MeteringEvent::Held(Hold::new(&records, at)));
        observe(MeteringEvent::PushFailed(PushFailure::new(7, &error, at)));
        observe(MeteringEvent::ThresholdReached(ThresholdReached::new("inst-1", 80, 8.into(), 10.into())));
        observe(MeteringEvent::StoreFailed(&MeteringError::store("the disk is full")));
        let observe = |event| heartbeat::Observer::on_event(&TracingObserver, &event);
        observe(HeartbeatEvent::Activated);
        observe(HeartbeatEvent::ClientsRefused { clients: 3 });
        observe(HeartbeatEvent::CallFailed(CallFailure::new(&error, at)));
        observe(HeartbeatEvent::SaveFailed(&state));
        let observe = |event| housekeeping::Observer::on_event(&TracingObserver, &event);
        observe(HousekeepingEvent::Pruned(Pruned::new(2, 5, false)));
        observe(HousekeepingEvent::Failed(PruneFailure::new(&full, Duration::from_secs(5))));
    });
    let text = std::mem::take(&mut *recorder.0.lock().unwrap());
    let lines: Vec<_> = text.lines().collect();
    let expected = [
        ("INFO", "records=1"),
        ("ERROR", "usage record sn of instance inst-1 is held"),
        ("WARN", "7 usage records could not be sent"),
        ("WARN", "percent=80"),
        ("ERROR", "usage store operation failed: the disk is full"),
        ("INFO", "the License code was activated"),
        ("WARN", "clients=3"),
        ("WARN", "push usage"),
        ("ERROR", "License state key is damaged"),
        ("INFO", "instances=2"),
        ("WARN", "retry after 5.0s: ledger operation failed: the disk is full"),
    ];
    assert_eq!(lines.len(), expected.len(), "{text}");
    for (line, (level, part)) in lines.into_iter().zip(expected) {
        assert!(line.starts_with(level) && line.contains(part), "{level} {part}: {line}");
    }
}
