//! Layers that spoil answers on their way out are found, and named in the log.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::middleware::map_response;
use axum::routing::get;
use http::{HeaderValue, Request, Response, StatusCode};
use koogallery::adapter::axum::route;
use koogallery::adapter::tower::AnswerCheck;
use tower::ServiceExt as _;

use crate::support::*;

type Change = fn(Response<Body>) -> Response<Body>;

const CHANGES: [(Change, &str); 6] = [
    (
        |mut answer| {
            answer.headers_mut().insert("content-encoding", HeaderValue::from_static("gzip"));
            answer
        },
        "it is compressed (content-encoding: gzip)",
    ),
    (
        |mut answer| {
            *answer.status_mut() = StatusCode::BAD_REQUEST;
            answer
        },
        "HTTP status 200 became 400",
    ),
    (
        |mut answer| {
            answer.headers_mut().remove("body-sign");
            answer
        },
        "Body-Sign was removed",
    ),
    (
        |mut answer| {
            answer.headers_mut().insert("body-sign", HeaderValue::from_static("other"));
            answer
        },
        "Body-Sign was changed",
    ),
    (|answer| answer.map(|_| Body::from("{\"code\":0}")), "its body was rewritten"),
    // Nothing that the layer adds to an answer survives this.
    (
        |answer| Response::builder().header("body-sign", &answer.headers()["body-sign"]).body(Body::empty()).unwrap(),
        "its body was rewritten",
    ),
];

async fn ask(router: Router, path: &str, query: &str) -> Response<Body> {
    let request = Request::get(format!("{path}?{query}")).body(Body::empty()).unwrap();
    router.oneshot(request).await.unwrap()
}

#[tokio::test]
async fn what_layers_change_is_named() {
    let stage = Stage::new();
    for (change, wanted) in CHANGES {
        let router = Router::new().route("/saasproduce", route(stage.service.clone()));
        let router = router.layer(map_response(move |answer| async move { change(answer) })).layer(AnswerCheck::new());
        // Refusals are answers too.
        for query in [stage.signed(&v1_purchase("CS1", "b")), "activity=newInstance".to_owned()] {
            let before = stage.log.lines().len();
            let answer = ask(router.clone(), "/saasproduce", &query).await;
            to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            let lines = stage.log.lines().split_off(before);
            let found: Vec<_> = lines.iter().filter(|line| line.starts_with("an answer was changed")).collect();
            assert_eq!(found.len(), 1, "{wanted}: {lines:?}");
            assert!(found[0].contains(wanted), "{wanted}: {}", found[0]);
        }
    }
}

#[tokio::test]
async fn what_is_left_alone_is_not_reported() {
    let stage = Stage::new();
    let router = Router::new().route("/saasproduce", route(stage.service.clone())).route("/other", get(async || "{}"));
    // Other headers, and the same bytes in pieces.
    let harmless = async |answer: Response<Body>| {
        let (mut parts, body) = answer.into_parts();
        parts.headers.insert("x-request-id", HeaderValue::from_static("1"));
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let pieces: Vec<_> = bytes.chunks(7).map(|piece| Ok::<_, std::io::Error>(bytes.slice_ref(piece))).collect();
        Response::from_parts(parts, Body::from_stream(futures_util::stream::iter(pieces)))
    };
    let router = router.layer(map_response(harmless)).layer(AnswerCheck::new());
    let answer = ask(router.clone(), "/saasproduce", &stage.signed(&v1_purchase("CS1", "b"))).await;
    let signature = answer.headers()["body-sign"].to_str().unwrap().to_owned();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    assert_eq!(Answer::parse(body, Some(signature)).code, "000000");
    to_bytes(ask(router.clone(), "/other", "").await.into_body(), usize::MAX).await.unwrap();
    // A caller that hangs up has changed nothing.
    drop(ask(router, "/saasproduce", "activity=newInstance").await);
    let lines = stage.log.lines();
    assert!(lines.iter().all(|line| !line.starts_with("an answer was changed")), "{lines:?}");
}

mod actix {
    use actix_web::dev::{Service as _, ServiceResponse};
    use actix_web::http::header::{CONTENT_ENCODING, HeaderValue};
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use actix_web::{App, web};
    use koogallery::adapter::actix::{AnswerCheck, routes};

    use crate::support::*;

    type Change = fn(ServiceResponse) -> ServiceResponse;

    const CHANGES: [(Change, Option<&str>); 4] = [
        (
            |mut answer| {
                answer.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                answer
            },
            Some("it is compressed (content-encoding: gzip)"),
        ),
        (
            |mut answer| {
                answer.headers_mut().remove("body-sign");
                answer
            },
            Some("Body-Sign was removed"),
        ),
        (|answer| answer.map_body(|_, _| "{}").map_into_boxed_body(), Some("its body was rewritten")),
        (|answer| answer, None),
    ];

    #[tokio::test]
    async fn what_middleware_changes_is_named() {
        let stage = Stage::new();
        for (change, wanted) in CHANGES {
            let app = App::new()
                .configure(routes("/saasproduce", stage.service.clone()))
                .route("/other", web::get().to(async || "{}"))
                .wrap_fn(move |request, inner| {
                    let answering = inner.call(request);
                    async move { Ok(change(answering.await?.map_into_boxed_body())) }
                })
                .wrap(AnswerCheck::new());
            let app = init_service(app).await;
            for uri in [format!("/saasproduce?{}", stage.signed(&v1_purchase("CS1", "b"))), "/other".to_owned()] {
                let before = stage.log.lines().len();
                let answer = call_service(&app, TestRequest::get().uri(&uri).to_request()).await;
                read_body(answer).await;
                let lines = stage.log.lines().split_off(before);
                let found = lines.iter().find(|line| line.starts_with("an answer was changed"));
                let wanted = wanted.filter(|_| uri != "/other");
                match (found, wanted) {
                    (Some(line), Some(wanted)) => assert!(line.contains(wanted), "{wanted}: {line}"),
                    (found, wanted) => assert_eq!(found.map(String::as_str), wanted),
                }
            }
        }
    }
}
