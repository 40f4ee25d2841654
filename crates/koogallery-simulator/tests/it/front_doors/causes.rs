//! Real proxies in wrong configurations: the report names the program and the line that corrects it.

use axum::Router;
use koogallery::adapter::tower::Endpoint;
use koogallery::protocol::Protocol::{self, KitV2, SaasV1, SaasV2};
use koogallery_simulator::Report;
use tokio::net::TcpListener;

use super::proxy::{APACHE, CADDY, ENVOY, HAPROXY, NGINX, Program, Proxy};
use super::{PATH, check, serve};
use crate::good::Good;

/// A change of a shipped configuration, and what has to come of it.
struct Wrong {
    program: &'static Program,
    protocol: Protocol,
    /// Texts of the configuration, and those in their place.
    changes: &'static [(&'static str, &'static str)],
    fails: &'static [&'static str],
    /// Parts of the first cause.
    headline: &'static [&'static str],
    advice: &'static str,
}

const WRONG: &[Wrong] = &[
    Wrong {
        program: &HAPROXY,
        protocol: SaasV1,
        changes: &[("option h1-case-adjust-bogus-client", "")],
        fails: &["F4"],
        headline: &["Body-Sign arrives as body-sign, like every header name", "HAProxy (its error page)"],
        advice: "`h1-case-adjust body-sign Body-Sign` (global) and `option h1-case-adjust-bogus-client` (frontend)",
    },
    Wrong {
        program: &ENVOY,
        protocol: SaasV1,
        changes: &[
            ("http_protocol_options: { header_key_format: { proper_case_words: {} } }", ""),
            ("server_header_transformation: PASS_THROUGH", ""),
        ],
        fails: &["F4"],
        headline: &["Body-Sign arrives as body-sign, like every header name: so writes Envoy (Server: envoy)"],
        advice: "`http_protocol_options: { header_key_format: { proper_case_words: {} } }`",
    },
    Wrong {
        program: &NGINX,
        protocol: SaasV2,
        changes: &[("gzip off;", "gzip on; gzip_types application/json; gzip_proxied any; gzip_min_length 1;")],
        fails: &["R8"],
        headline: &["answers are compressed, probably by nginx (Server: nginx): content-encoding: gzip"],
        advice: "`gzip off;`",
    },
    Wrong {
        program: &APACHE,
        protocol: SaasV2,
        changes: &[("SetEnv no-gzip 1", "AddOutputFilterByType DEFLATE application/json")],
        fails: &["R8"],
        headline: &["answers are compressed, probably by Apache httpd (Server: Apache)"],
        advice: "`SetEnv no-gzip 1`",
    },
    Wrong {
        program: &CADDY,
        protocol: SaasV2,
        changes: &[("header -Server", "encode {\n\t\tgzip\n\t\tminimum_length 1\n\t}")],
        fails: &["R8"],
        headline: &["answers are compressed, probably by Caddy (Server: Caddy)"],
        advice: "no `encode`",
    },
    Wrong {
        program: &NGINX,
        protocol: KitV2,
        changes: &[("client_max_body_size 4m;", "client_max_body_size 64k;")],
        fails: &["A12"],
        headline: &[
            "a large call is refused by a limit on bodies (HTTP status 413), probably of nginx (Server: nginx)",
        ],
        advice: "`client_max_body_size 4m;`",
    },
    Wrong {
        program: &CADDY,
        protocol: KitV2,
        changes: &[("header -Server", "request_body {\n\t\tmax_size 64KiB\n\t}")],
        fails: &["A12"],
        headline: &["a limit on bodies (HTTP status 502), probably of Caddy (Server: Caddy)"],
        advice: "`request_body { max_size 4MiB }`",
    },
    Wrong {
        program: &ENVOY,
        protocol: KitV2,
        changes: &[
            ("server_header_transformation: PASS_THROUGH", ""),
            (
                "http_filters:",
                r#"http_filters:
          - name: envoy.filters.http.buffer
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer
              max_request_bytes: 65536"#,
            ),
        ],
        fails: &["A12"],
        headline: &["a limit on bodies (HTTP status 413), probably of Envoy (Server: envoy)"],
        advice: "`max_request_bytes: 4194304` of the filter `buffer`",
    },
    Wrong {
        program: &NGINX,
        protocol: SaasV2,
        changes: &[("location / {", "location /isv/produce/ {")],
        fails: &["A1", "R5"],
        headline: &[
            "the address redirects (HTTP status 301) for a slash at the end of the path",
            "nginx (Server: nginx)",
        ],
        advice: "without a slash at its end",
    },
    Wrong {
        program: &NGINX,
        protocol: SaasV2,
        changes: &[("location / {", "location /saasproduce {")],
        fails: &["A1"],
        headline: &["nothing at this path takes such calls (HTTP status 404); in front is nginx (Server: nginx)"],
        advice: "`location` of this path",
    },
    Wrong {
        program: &NGINX,
        protocol: SaasV1,
        changes: &[("proxy_pass http://koogallery;", "proxy_pass http://koogallery$uri;")],
        fails: &["A1"],
        headline: &["right signatures are refused like missing ones"],
        advice: "see that the query arrives at all: nginx: `proxy_pass http://server;`",
    },
    Wrong {
        program: &HAPROXY,
        protocol: SaasV1,
        changes: &[("default_backend", "http-request set-query %[query,url_dec]\n    default_backend")],
        fails: &["A2", "A3", "X14"],
        headline: &["as soon as their query has something to decode", "perhaps by HAProxy (its error page)"],
        advice: "`http-request set-query`",
    },
];

fn assert_named(wrong: &Wrong, report: &Report) {
    let (name, text) = (wrong.program.name, report.to_text(false));
    let failed = report.failed_ids();
    assert!(wrong.fails.iter().all(|id| failed.contains(id)), "{name} {:?}: {text}", wrong.fails);
    let cause = report.causes.iter().find(|cause| cause.checks.contains(&wrong.fails[0])).unwrap();
    assert!(wrong.fails.iter().all(|id| cause.checks.contains(id)), "{name}: {cause:?}\n{text}");
    assert!(wrong.headline.iter().all(|part| cause.headline.contains(part)), "{name}: {cause:?}\n{text}");
    assert!(cause.advice.contains(wrong.advice), "{name}: {cause:?}\n{text}");
}

#[tokio::test]
async fn wrong_configurations_are_named_with_the_line_that_corrects_them() {
    for wrong in WRONG {
        let good = Good::of(wrong.protocol.into());
        let server = serve(good.service.clone()).await;
        let change = |text: String| {
            wrong.changes.iter().fold(text, |text, (from, to)| {
                assert!(text.contains(from), "{from}");
                text.replace(from, to)
            })
        };
        let Some(proxy) = Proxy::start(wrong.program, server, change) else { continue };
        assert_named(wrong, &check(proxy.target(PATH), good, wrong.protocol).await);
    }
}

/// On a server that writes names in lower case.
async fn on_a_server_without_capitals(program: &Program, change: impl Fn(String) -> String) -> Option<Report> {
    let good = Good::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let router = Router::new().fallback_service(Endpoint::new(good.service.clone()));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let proxy = Proxy::start(program, server, change)?;
    Some(check(proxy.target(PATH), good, SaasV1).await)
}

#[tokio::test]
async fn a_server_that_loses_the_case_is_named_behind_a_proxy_that_keeps_it() {
    let Some(report) = on_a_server_without_capitals(&NGINX, |text| text).await else { return };
    let expected = Wrong {
        program: &NGINX,
        protocol: SaasV1,
        changes: &[],
        fails: &["F4"],
        headline: &["Body-Sign arrives as body-sign: the server writes it so, and it is kept by nginx (Server: nginx)"],
        advice: "`proxy_hide_header Body-Sign;`",
    };
    assert_named(&expected, &report);
}

/// The handbook has them.
#[tokio::test]
async fn proxies_correct_the_case_that_a_server_loses() {
    let nginx = "proxy_hide_header Body-Sign; add_header Body-Sign $upstream_http_body_sign always; proxy_pass";
    let apache = r#"Header set X-Kept "expr=%{resp:Body-Sign}" "expr=-n resp('Body-Sign')"
    Header unset Body-Sign
    Header set Body-Sign "expr=%{resp:X-Kept}" "expr=-n resp('X-Kept')"
    Header unset X-Kept
    ProxyPass /"#;
    let changes = [
        (&NGINX, "proxy_pass", nginx),
        (&APACHE, "ProxyPass /", apache),
        (&HAPROXY, "", ""),
        (&CADDY, "", ""),
        (&ENVOY, "", ""),
    ];
    for (program, from, to) in changes {
        let change = |text: String| if from.is_empty() { text } else { text.replace(from, to) };
        let Some(report) = on_a_server_without_capitals(program, change).await else { continue };
        assert_eq!(report.failed_ids(), [""; 0], "{}: {}", program.name, report.to_text(false));
    }
}
