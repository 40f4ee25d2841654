//! Faults, and what the crate's client makes of them.

use std::time::Duration;

use http::StatusCode;
use koogallery::open_api::{ApiErrorKind, CallError, RetryPolicy, activate_license, query_license, query_order};
use koogallery::transport::TransportError;
use koogallery_simulator::{Fault, FaultRule, LineSpec, OpenApiServer, Operation, OrderSpec};
use tokio::time::Instant;

use super::{NOW, Stage, client};

fn query() -> query_order::Request {
    query_order::Request::new("MOCKONDEMAND")
}

fn once(fault: Fault) -> FaultRule {
    FaultRule::new(fault).with_times(1)
}

#[tokio::test]
async fn every_documented_error_can_be_had() {
    let stage = Stage::new();
    for (code, status, retryable) in [
        ("MKT.0100", 500, false),
        ("MKT.0101", 400, false),
        ("MKT.0150", 401, false),
        ("MKT.0151", 401, false),
        ("MKT.0154", 401, false),
        ("MKT.0199", 400, false),
        ("MKT.0250", 406, true),
        ("MKT.0999", 500, true),
        ("APIGW.0202", 502, true),
        ("APIGW.0301", 401, false),
        ("APIGW.0302", 403, false),
        ("APIGW.0308", 429, true),
        ("APIGW.0613", 503, true),
    ] {
        let stage = if status == 401 { Stage::new() } else { Stage { client: stage.client.clone(), ..clone(&stage) } };
        stage.open_api.add_fault(once(Fault::Refused(code.to_owned())));
        let error = stage.call(query()).await.unwrap_err();
        assert_eq!((error.code(), error.is_retryable()), (Some(code), retryable));
        assert!(matches!(error, CallError::Api(error) if error.status.as_u16() == status), "{code}");
    }
    stage.open_api.add_fault(once(Fault::Refused("92020001".to_owned())).with_operation(Operation::QueryLicense));
    assert!(stage.call(query()).await.is_ok(), "another API");
    assert_eq!(stage.refusal(query_license::Request::new("PL1")).await, "92020001");
}

fn clone(stage: &Stage) -> Stage {
    Stage { open_api: stage.open_api.clone(), clock: stage.clock.clone(), client: stage.client.clone() }
}

#[tokio::test]
async fn connections_break_before_and_after_the_effect() {
    let stage = Stage::new();
    let license = stage.open_api.new_license();
    let activation = || activate_license::Request::new(&license.license);
    stage.open_api.put_license(license.clone());
    let transport = async |fault| {
        stage.open_api.add_fault(once(fault));
        match stage.call(activation()).await.unwrap_err() {
            CallError::Transport { source, .. } => source,
            other => panic!("{other}"),
        }
    };
    assert!(matches!(transport(Fault::NoConnection).await, TransportError::Connect(_)));
    assert!(matches!(transport(Fault::LostRequest).await, TransportError::Broken(_)));
    assert_eq!(stage.open_api.license(&license.license).unwrap().activated_at, None);
    assert!(matches!(transport(Fault::LostAnswer).await, TransportError::Broken(_)));
    assert_eq!(stage.open_api.license(&license.license).unwrap().activated_at, Some(NOW));
    let call = stage.open_api.log().pop().unwrap();
    assert_eq!((call.status, call.faults.as_slice()), (None, &["lost answer".to_owned()][..]));
    assert!(
        call.to_string().ends_with(&format!("about {}: no answer, 92020000 (fault: lost answer)", license.license))
    );

    let twice = stage.open_api.new_license();
    stage.open_api.put_license(twice.clone());
    stage.open_api.add_fault(once(Fault::Duplicate));
    assert_eq!(stage.refusal(activate_license::Request::new(twice.license)).await, "92020003");
}

#[tokio::test]
async fn pages_and_halves_are_no_answers() {
    let stage = Stage::new();
    for (fault, status) in [(Fault::HtmlPage, 502), (Fault::TruncatedAnswer, 200)] {
        stage.open_api.add_fault(once(fault));
        let error = stage.call(query()).await.unwrap_err();
        assert!(error.is_retryable());
        let CallError::Api(error) = error else { panic!("{error}") };
        assert!(matches!(error.kind, ApiErrorKind::UnexpectedContent { .. }), "{error}");
        assert_eq!(error.status.as_u16(), status);
    }
    stage.open_api.add_fault(once(Fault::ServerError(504)));
    let CallError::Api(error) = stage.call(query()).await.unwrap_err() else { panic!() };
    assert_eq!(error.status, StatusCode::GATEWAY_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_client_waits_as_long_as_the_answer_says() {
    let stage = Stage::new();
    let client = client(stage.open_api.clone(), &stage.clock).retry_policy(RetryPolicy::default()).build().unwrap();
    let retry_after = Some(Duration::from_secs(7));
    stage.open_api.add_fault(once(Fault::Throttled { retry_after }));
    let begun = Instant::now();
    client.call(&query()).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 7);
    stage.open_api.add_fault(once(Fault::Throttled { retry_after: None }));
    client.call(&query()).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(8));
    stage.open_api.add_fault(once(Fault::Slow(Duration::from_secs(3))));
    stage.open_api.add_fault(once(Fault::LostAnswer));
    let begun = Instant::now();
    client.call(&query()).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(3));
    let log = stage.open_api.log();
    assert_eq!(log[log.len() - 2].faults, ["lost answer", "slow by 3s"]);
}

#[tokio::test]
async fn the_seed_decides() {
    let run = async |seed| {
        let stage = Stage::with(|open_api| open_api.seed(seed));
        stage.open_api.add_fault(FaultRule::new(Fault::HtmlPage).with_percent(30));
        stage.open_api.add_fault(FaultRule::new(Fault::LostAnswer).with_percent(30));
        for _ in 0..20 {
            stage.open_api.place_order(OrderSpec::new(LineSpec::one_time("OFFI1")));
            let _ = stage.call(query()).await;
        }
        stage.open_api.clear_faults();
        let refused = stage.open_api.answer(http::Request::get("/nothing").body(Default::default()).unwrap());
        (format!("{:?}", stage.open_api.log()), stage.open_api.new_license().license, refused.into_body())
    };
    let (first, again, another) = (run(7).await, run(7).await, run(8).await);
    assert_eq!(first, again);
    assert!(first.0 != another.0 && first.1 != another.1 && first.2 != another.2);
    for fault in ["HTML page", "lost answer"] {
        let times = first.0.matches(fault).count();
        assert!((1..15).contains(&times), "{fault}: {times}");
    }
}

#[test]
fn what_is_not_switched_on_does_not_happen() {
    let open_api = OpenApiServer::builder().build();
    open_api.add_fault(FaultRule::new(Fault::LostAnswer).with_percent(0));
    open_api.add_fault(FaultRule::new(Fault::LostAnswer).with_times(0));
    open_api.add_fault(FaultRule::new(Fault::LostAnswer).with_operation(Operation::Upload));
    let request = || http::Request::get("/nothing").body(Default::default()).unwrap();
    assert_eq!(open_api.receive(request()).answer.unwrap().status(), 404);
    open_api.add_fault(FaultRule::new(Fault::HtmlPage));
    assert_eq!(open_api.receive(request()).answer.unwrap().status(), 502);
    assert_eq!(open_api.answer(request()).status(), 404, "faults are left aside");
}
