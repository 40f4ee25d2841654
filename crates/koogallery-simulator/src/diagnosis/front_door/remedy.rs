//! The lines of configuration that correct it, by program.

use crate::front_door::Program;

/// What a program in front can spoil.
#[derive(Clone, Copy, Debug)]
pub(in crate::diagnosis) enum Spoilt {
    LetterCase,
    Compression,
    BodyLimit,
    Slash,
    Path,
    Query,
    Rate,
    Password,
}

impl Spoilt {
    /// Returns what to write into the configuration of a program, where that is known.
    pub(super) fn remedy(self, program: Program) -> Option<&'static str> {
        use Program::{Apache, Caddy, Envoy, Go, Haproxy, Lighttpd, Nginx, Squid, Uvicorn, Varnish};
        Some(match (self, program) {
            (Self::LetterCase, Haproxy) => {
                "HAProxy: `h1-case-adjust body-sign Body-Sign` (global) and `option h1-case-adjust-bogus-client` (frontend)"
            }
            (Self::LetterCase, Nginx) => {
                "let the server write it as documented, or nginx: `proxy_hide_header Body-Sign;` and \
                 `add_header Body-Sign $upstream_http_body_sign always;`"
            }
            (Self::LetterCase, Apache) => {
                "let the server write it as documented; with mod_headers Apache can, see \"front doors\" in the handbook"
            }
            (Self::LetterCase, Envoy) => {
                "Envoy: `http_protocol_options: { header_key_format: { proper_case_words: {} } }` of the connection manager"
            }
            (Self::LetterCase, Uvicorn) => "uvicorn: `--http h11`, since httptools loses the letter case",
            (Self::Compression, Nginx) => {
                "nginx: `gzip off;` in this location, and no `brotli`; `no-transform` is ignored"
            }
            (Self::Compression, Apache) => {
                "Apache: `SetEnv no-gzip 1` and `SetEnv no-brotli 1`; `no-transform` is ignored"
            }
            (Self::Compression, Caddy | Go) => "Caddy: no `encode` for this address; `no-transform` is ignored by 2.6",
            (Self::Compression, Haproxy) => {
                "HAProxy: no `compression` here, or `Cache-Control: no-transform` in the answers"
            }
            (Self::Compression, Envoy) => {
                "Envoy: no filter `compressor`, or `Cache-Control: no-transform` in the answers"
            }
            (Self::BodyLimit, Nginx) => "nginx: `client_max_body_size 4m;` (1 MiB by default)",
            (Self::BodyLimit, Caddy | Go) => "Caddy: `request_body { max_size 4MiB }`, or none",
            (Self::BodyLimit, Envoy) => {
                "Envoy: `max_request_bytes: 4194304` of the filter `buffer`, or without that filter"
            }
            (Self::BodyLimit, Lighttpd) => "lighttpd: `server.max-request-size = 4096`",
            (Self::BodyLimit, Squid) => "Squid: `request_body_max_size 4 MB`",
            (Self::Slash, Nginx) => "nginx: `location /path` without a slash at its end, or register the path with it",
            (Self::Slash, Apache) => "Apache: `ProxyPass` for the path without a slash, or `DirectorySlash Off`",
            (Self::Path, Nginx) => {
                "nginx: a `location` of this path and of those below it, with `proxy_pass http://server;`, without a path \
                 behind the name, which would replace it"
            }
            (Self::Path, Apache) => {
                "Apache: `ProxyPass /path http://server/path nocanon`, with the same path on both sides"
            }
            (Self::Path, Caddy | Go) => "Caddy: `handle`, not `handle_path`, which cuts the path, and no `rewrite`",
            (Self::Path, Haproxy) => {
                "HAProxy: a `use_backend` for this path and those below it, and no `http-request set-path`"
            }
            (Self::Path, Envoy) => {
                "Envoy: a route of this path and those below it, and no `prefix_rewrite` or `regex_rewrite`"
            }
            (Self::Query, Nginx) => {
                "nginx: `proxy_pass http://server;`; with variables, `proxy_pass http://server$uri` drops the query, so add \
                 `$is_args$args`"
            }
            (Self::Query, Apache) => {
                "Apache: `ProxyPass ... nocanon`; a `RewriteRule` wants `[P,NE]`, and no `?` in its target"
            }
            (Self::Query, Caddy | Go) => "Caddy: no `rewrite` and no `uri` for this address, or with `?{query}`",
            (Self::Query, Haproxy) => {
                "HAProxy: no `http-request set-query`, `set-uri` or `normalize-uri` for this address"
            }
            (Self::Rate, Nginx) => {
                "nginx: no `limit_req` and no `limit_conn` for this address; its error log says whether they refuse"
            }
            (Self::Password, Nginx) => "nginx: `auth_basic off;` in the location of this address",
            (Self::Password, Apache) => {
                "Apache: `Require all granted` for this address, in place of `Require valid-user`"
            }
            (Self::Query, Varnish) => "Varnish: no `std.querysort` and no change of `req.url` in `vcl_recv`",
            _ => return None,
        })
    }
}
