//! Callbacks and a constant answer on each server. What an example has for callbacks is taken from it.

use std::convert::Infallible;
use std::net::TcpListener;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use koogallery::CallbackService;
use koogallery::adapter::serve::Server;
use koogallery::adapter::tower::Endpoint;
use koogallery_servers::BoxError;
use tower::ServiceExt as _;

use super::{ANSWER, CALLBACKS, CONSTANT};

#[allow(dead_code, reason = "its application is not run")]
#[path = "../../crates/koogallery-servers/examples/ntex.rs"]
mod of_ntex;
#[allow(dead_code, reason = "its application is not run")]
#[path = "../../crates/koogallery-servers/examples/rocket.rs"]
mod of_rocket;
#[allow(dead_code, reason = "its application is not run")]
#[path = "../../crates/koogallery-servers/examples/synchronous.rs"]
mod of_synchronous;
#[allow(dead_code, reason = "its application is not run")]
#[path = "../../crates/koogallery-servers/examples/warp.rs"]
mod of_warp;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Answers a request of hyper.
async fn answer(
    endpoint: Endpoint,
    request: http::Request<Incoming>,
) -> Result<http::Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == CALLBACKS {
        return endpoint.oneshot(request).await;
    }
    // A body that is not read closes the connection.
    let _ = request.into_body().collect().await;
    Ok(http::Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes()))))
}

/// Serves a tower `Service` of hyper's requests by `adapter::serve`.
macro_rules! serve_it {
    ($listener:expr, $service:expr) => {
        runtime().block_on(async {
            let listener = tokio::net::TcpListener::from_std($listener)?;
            Server::new().serve(listener, $service, std::future::pending()).await;
            Ok(())
        })
    };
}

pub fn serve(listener: TcpListener, service: CallbackService) -> Result<(), BoxError> {
    let endpoint = Endpoint::new(service);
    serve_it!(listener, tower::service_fn(move |request| answer(endpoint.clone(), request)))
}

pub fn axum(listener: TcpListener, service: CallbackService) -> Result<(), BoxError> {
    let constant = axum::routing::post(async |_: Bytes| ANSWER);
    let router =
        axum::Router::new().merge(koogallery::adapter::axum::routes(CALLBACKS, service)).route(CONSTANT, constant);
    serve_it!(listener, router)
}

pub fn actix(listener: TcpListener, service: CallbackService) -> Result<(), BoxError> {
    use actix_web::{App, HttpServer, web};

    let app = move || {
        App::new()
            .configure(koogallery::adapter::actix::routes(CALLBACKS, service.clone()))
            .route(CONSTANT, web::post().to(async |_: Bytes| ANSWER))
    };
    let server = HttpServer::new(app).workers(2).disable_signals().listen(listener)?.run();
    Ok(actix_web::rt::System::new().block_on(server)?)
}

pub fn hyper(listener: TcpListener, service: CallbackService) -> Result<(), BoxError> {
    let endpoint = Endpoint::new(service);
    let service = tower::service_fn(move |request| answer(endpoint.clone(), request));
    runtime().block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            let service = TowerToHyperService::new(service.clone());
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .title_case_headers(true)
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    })
}

pub fn poem(listener: TcpListener, service: CallbackService) -> Result<(), BoxError> {
    use poem::endpoint::TowerCompatExt as _;
    use poem::web::{LocalAddr, RemoteAddr};
    use poem::{Addr, Endpoint as _, IntoEndpoint as _, Route, handler, post};

    #[handler]
    fn constant(_body: Vec<u8>) -> &'static str {
        ANSWER
    }

    let local = Addr::SocketAddr(listener.local_addr()?);
    let application =
        Route::new().nest_no_strip(CALLBACKS, Endpoint::new(service).compat()).at(CONSTANT, post(constant));
    let application = Arc::new(application.into_endpoint());
    let service = tower::service_fn(move |request: http::Request<Incoming>| {
        let (local, remote) = (LocalAddr(local.clone()), RemoteAddr(local.clone()));
        let request = poem::Request::from((request, local, remote, http::uri::Scheme::HTTP));
        let application = Arc::clone(&application);
        async move { Ok::<http::Response<_>, Infallible>(application.get_response(request).await.into()) }
    });
    serve_it!(listener, service)
}

pub fn salvo(listener: TcpListener, service: CallbackService) -> Result<(), BoxError> {
    use salvo::conn::tcp::TcpAcceptor;
    use salvo::http::ReqBody;
    use salvo::prelude::{Request, Router, Server, TowerServiceCompat, handler};

    #[handler]
    async fn constant(request: &mut Request) -> &'static str {
        let _ = request.payload().await;
        ANSWER
    }

    let callbacks = TowerServiceCompat::<ReqBody, _, _, _>::compat(Endpoint::new(service));
    let router = Router::new()
        .push(Router::with_path("saasproduce").goal(callbacks))
        .push(Router::with_path("constant").post(constant));
    runtime().block_on(async {
        let mut server = Server::new(TcpAcceptor::try_from(tokio::net::TcpListener::from_std(listener)?)?);
        server.http1_mut().title_case_headers(true);
        server.serve(router).await;
        Ok(())
    })
}

pub fn warp(listener: TcpListener, service: CallbackService) -> Result<(), BoxError> {
    use warp::Filter as _;

    let constant = warp::path("constant").and(warp::body::bytes()).map(|_: Bytes| ANSWER);
    let callbacks = of_warp::callbacks("saasproduce", Endpoint::new(service));
    serve_it!(listener, warp::service(callbacks.or(constant).boxed()))
}

pub fn rocket(listener: TcpListener, service: CallbackService) -> Result<(), BoxError> {
    use rocket::{Config, post, routes};

    #[post("/constant", data = "<_body>")]
    fn constant(_body: Vec<u8>) -> &'static str {
        ANSWER
    }

    // It binds its address itself.
    let address = listener.local_addr()?;
    drop(listener);
    let config = Config {
        address: address.ip(),
        port: address.port(),
        log_level: rocket::config::LogLevel::Off,
        workers: 2,
        ..Config::release_default()
    };
    let callbacks = of_rocket::Callbacks(Endpoint::new(service)).routes();
    runtime().block_on(rocket::custom(config).mount("/", routes![constant]).mount(CALLBACKS, callbacks).launch())?;
    Ok(())
}

pub fn ntex(listener: TcpListener, service: CallbackService) -> Result<(), BoxError> {
    use ntex::web::{App, post, server};

    let endpoint = Endpoint::new(service);
    let app = async move || {
        let app = App::new().state(endpoint.clone()).route(CALLBACKS, post().to(of_ntex::answer));
        app.route(CONSTANT, post().to(async |_: ntex::util::Bytes| ANSWER))
    };
    let system = ntex::rt::System::new("servers", ntex::rt::DefaultRuntime);
    system.block_on(async move { server(app).workers(2).disable_signals().listen(listener)?.run().await })?;
    Ok(())
}

pub fn tiny_http(listener: TcpListener, service: CallbackService) -> Result<(), BoxError> {
    listener.set_nonblocking(false)?;
    let (server, runtime) = (tiny_http::Server::from_listener(listener, None)?, runtime());
    let answer = |mut request: tiny_http::Request| {
        if request.url().starts_with(CALLBACKS) {
            return of_synchronous::serve(&service, runtime.handle(), request);
        }
        let _ = std::io::copy(request.as_reader(), &mut std::io::sink());
        let _ = request.respond(tiny_http::Response::from_string(ANSWER));
    };
    std::thread::scope(|scope| {
        (0..of_synchronous::THREADS).for_each(|_| {
            scope.spawn(|| server.incoming_requests().for_each(answer));
        })
    });
    Ok(())
}
