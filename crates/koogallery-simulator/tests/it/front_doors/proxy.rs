//! Real proxies with the configurations of `examples/behind_proxy`, each a process of its own.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use koogallery_simulator::HttpTarget;
use tempfile::TempDir;

use crate::checks::tls::{GOOD, Made, made};

/// The programs that may not be missing, with spaces between; or `all`.
const VARIABLE: &str = "KOOGALLERY_TEST_FRONT_DOORS";

/// A program, and how it is run from a folder.
pub struct Program {
    pub name: &'static str,
    executable: &'static str,
    /// The configuration that sellers copy.
    pub shipped: &'static str,
    /// The name of its file, by which Envoy knows the format.
    file: &'static str,
    /// What the configuration says, and what it has to say in a test: `PORT` and `FOLDER` are filled in.
    filled: &'static [(&'static str, &'static str)],
    /// What a distribution has around the configuration: `FOLDER` is filled in.
    frame: &'static str,
    /// For `FOLDER/frame`, without processes that would outlive the first.
    arguments: &'static [&'static str],
}

pub const NGINX: Program = Program {
    name: "nginx",
    executable: "nginx",
    shipped: include_str!("../../../../../examples/behind_proxy/nginx.conf"),
    file: "shipped",
    filled: &[("listen 443", "listen 127.0.0.1:PORT"), ("/etc/ssl/koogallery", "FOLDER")],
    frame: "daemon off; master_process off; pid FOLDER/pid; error_log stderr; events {} http {\
            client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi;\
            scgi_temp_path FOLDER/scgi; uwsgi_temp_path FOLDER/uwsgi; include FOLDER/shipped; }",
    arguments: &["-p", "FOLDER", "-e", "stderr", "-c", "FOLDER/frame"],
};

pub const HAPROXY: Program = Program {
    name: "HAProxy",
    executable: "haproxy",
    shipped: include_str!("../../../../../examples/behind_proxy/haproxy.cfg"),
    file: "shipped",
    filled: &[("bind :443", "bind 127.0.0.1:PORT"), ("/etc/ssl/koogallery", "FOLDER")],
    frame: "",
    arguments: &["-db", "-f", "FOLDER/shipped"],
};

pub const CADDY: Program = Program {
    name: "Caddy",
    executable: "caddy",
    shipped: include_str!("../../../../../examples/behind_proxy/Caddyfile"),
    file: "shipped",
    filled: &[
        ("\tservers {", "\tadmin off\n\tauto_https disable_redirects\n\tservers {"),
        ("https://isv.example.com {", "https://localhost:PORT {\n\tbind 127.0.0.1"),
        ("/etc/ssl/koogallery", "FOLDER"),
    ],
    frame: "",
    arguments: &["run", "--adapter", "caddyfile", "--config", "FOLDER/shipped"],
};

pub const APACHE: Program = Program {
    name: "Apache httpd",
    executable: "apache2",
    shipped: include_str!("../../../../../examples/behind_proxy/apache.conf"),
    file: "shipped",
    filled: &[
        ("Listen 443", "Listen 127.0.0.1:PORT"),
        ("*:443", "127.0.0.1:PORT"),
        ("/etc/ssl/koogallery", "FOLDER"),
        ("/var/log/apache2", "FOLDER"),
    ],
    // With mod_deflate, which Debian enables for other types than JSON.
    frame: "ServerRoot FOLDER\nDefaultRuntimeDir FOLDER\nPidFile FOLDER/pid\nErrorLog /dev/stderr\nServerName localhost\n\
            User www-data\nGroup www-data\n\
            LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so\n\
            LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so\n\
            LoadModule env_module /usr/lib/apache2/modules/mod_env.so\n\
            LoadModule filter_module /usr/lib/apache2/modules/mod_filter.so\n\
            LoadModule deflate_module /usr/lib/apache2/modules/mod_deflate.so\n\
            LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so\n\
            LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so\n\
            LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so\n\
            LoadModule reqtimeout_module /usr/lib/apache2/modules/mod_reqtimeout.so\n\
            LoadModule ssl_module /usr/lib/apache2/modules/mod_ssl.so\n\
            Include FOLDER/shipped\n",
    arguments: &["-X", "-f", "FOLDER/frame"],
};

pub const ENVOY: Program = Program {
    name: "Envoy",
    executable: "envoy",
    shipped: include_str!("../../../../../examples/behind_proxy/envoy.yaml"),
    file: "shipped.yaml",
    filled: &[
        ("address: 0.0.0.0, port_value: 443", "address: 127.0.0.1, port_value: PORT"),
        ("/etc/ssl/koogallery", "FOLDER"),
    ],
    frame: "",
    // Several run at once.
    arguments: &["-c", "FOLDER/shipped.yaml", "--use-dynamic-base-id", "--concurrency", "1", "-l", "error"],
};

/// A proxy that runs until it is dropped, also by a test that fails.
pub struct Proxy {
    process: Child,
    port: u16,
    authority: String,
    _folder: TempDir,
}

impl Proxy {
    /// Starts a program in front of a server; `None` if it is not installed here.
    pub fn start(program: &Program, server: SocketAddr, change: impl Fn(String) -> String) -> Option<Self> {
        /// Another program may take the port first.
        const TRIES: usize = 5;
        let mut failures = String::new();
        for _ in 0..TRIES {
            match Self::try_start(program, server, &change) {
                Ok(proxy) => return proxy,
                Err(failure) => failures.push_str(&failure),
            }
        }
        panic!("{} does not start: {failures}", program.name);
    }

    fn try_start(
        program: &Program,
        server: SocketAddr,
        change: impl Fn(String) -> String,
    ) -> Result<Option<Self>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let filled = |text: &str| text.replace("FOLDER", path).replace("PORT", &port.to_string());

        let mut shipped = change(program.shipped.to_owned());
        // First, since a port filled in may have these digits.
        let of_server = [("8080", &*server.port().to_string())];
        for (from, to) in of_server.into_iter().chain(program.filled.iter().copied()) {
            assert!(shipped.contains(from), "{}: no {from}", program.name);
            shipped = shipped.replace(from, &filled(to));
        }
        let shipped = shipped.replace("isv.example.com", "localhost");
        let authority = write_certificate(folder.path());
        fs::write(folder.path().join(program.file), shipped).unwrap();
        fs::write(folder.path().join("frame"), filled(program.frame)).unwrap();

        let log = folder.path().join("log");
        let mut command = Command::new(program.executable);
        command.args(program.arguments.iter().map(|argument| filled(argument)));
        command.env("XDG_DATA_HOME", path).env("XDG_CONFIG_HOME", path).stdin(Stdio::null()).stdout(Stdio::null());
        // Servers are not in the path of everybody.
        command.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()));
        let process = match command.stderr(fs::File::create(&log).unwrap()).spawn() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                warn_of_missing(program);
                return Ok(None);
            }
            process => process.unwrap(),
        };
        let mut proxy = Self { process, port, authority, _folder: folder };
        match proxy.is_ready() {
            true => Ok(Some(proxy)),
            false => Err(fs::read_to_string(&log).unwrap()),
        }
    }

    fn is_ready(&mut self) -> bool {
        const PATIENCE: Duration = Duration::from_secs(20);
        let began = Instant::now();
        while began.elapsed() < PATIENCE && self.process.try_wait().unwrap().is_none() {
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok() {
                return true;
            }
            sleep(Duration::from_millis(20));
        }
        false
    }

    /// The address behind which the server is.
    pub fn target(&self, path: &str) -> HttpTarget {
        target(self.port, path, &self.authority)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub fn target(port: u16, path: &str, authority: &str) -> HttpTarget {
    let target = HttpTarget::new(&format!("https://localhost:{port}{path}")).unwrap();
    target.with_root_certificates(authority.as_bytes()).unwrap()
}

/// Writes a certificate for `localhost` and its key, and returns its authority.
pub fn write_certificate(folder: &Path) -> String {
    let Made { certificate, key, authority } = made(GOOD);
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    for (name, text) in [
        ("certificate.pem", &certificate),
        ("key.pem", &key),
        ("certificate-and-key.pem", &format!("{certificate}{key}")),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
    authority
}

/// Past the harness, which hides what a passing test writes.
fn warn_of_missing(program: &Program) {
    let (name, executable) = (program.name, program.executable);
    let needed = std::env::var(VARIABLE).unwrap_or_default();
    assert!(
        needed.split_whitespace().all(|needed| needed != "all" && needed != executable),
        "{VARIABLE} is {needed}, and {executable} is not installed"
    );
    let warning = format!("\n*** NOT TESTED behind {name}, since {executable} is not installed\n");
    let _ = std::io::stderr().write_all(warning.as_bytes());
}
