//! Sellers' servers: the examples as processes, and others that do what no server should.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Server, example};

/// The keys of all interfaces.
pub const KEYS: [(&str, &str); 5] = [
    ("KOOGALLERY_BASIC_KEY", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"),
    ("KOOGALLERY_V1_KEY", "1b2c3d4e-5f60-7182-93a4-b5c6d7e8f90a"),
    ("KOOGALLERY_KIT_KEY", "2c3d4e5f-6071-8293-a4b5-c6d7e8f90a1b"),
    ("KOOGALLERY_LICENSE_KEY", "3d4e5f60-7182-93a4-b5c6-d7e8f90a1b2c"),
    ("KOOGALLERY_GENERAL_KEY", "4e5f6071-8293-a4b5-c6d7-e8f90a1b2c3d"),
];

/// A server with a database of its own.
pub struct Example {
    pub server: Server,
    _folder: TempDir,
}

impl Example {
    pub fn start(name: &str, settings: &[(&str, &str)]) -> Self {
        Self::with(name, &[], settings)
    }

    /// With further arguments.
    pub fn with(name: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = format!("sqlite://{}", folder.path().join("seller.db").display());
        let private_key = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/keys/test_rsa_3072.pem");
        let mut command = Command::new(example(name));
        command.args(["--listen", "127.0.0.1:0", "--database", &database]).args(arguments);
        command.envs(KEYS).env("KOOGALLERY_RSA_PRIVATE_KEY_FILE", private_key).envs(settings.iter().copied());
        Self { server: Server::start(&mut command), _folder: folder }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address)
    }
}

/// Treats every connection in this way, on a thread of its own.
pub fn raw_server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Reads one request to its end.
pub fn read_request(stream: &mut TcpStream) -> Vec<u8> {
    let mut request = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let length = stream.read(&mut buffer).unwrap_or_default();
        request.extend_from_slice(&buffer[..length]);
        let head = request.windows(4).position(|window| window == b"\r\n\r\n");
        let is_whole = head.is_some_and(|end| {
            let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
            let body = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            request.len() >= end + 4 + body.map_or(0, |length| length.trim().parse().unwrap())
        });
        if length == 0 || is_whole {
            return request;
        }
    }
}

/// Answers every request with the same bytes.
pub fn answering(answer: &'static str) -> SocketAddr {
    raw_server(move |mut stream| {
        read_request(&mut stream);
        let _ = stream.write_all(answer.as_bytes());
    })
}

/// All bytes of the answer to a request.
pub fn sent(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // Who refuses a request may not read it to its end.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// A marketplace on any free port, with these further arguments.
pub fn marketplace(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_koogallery"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
    command
}
