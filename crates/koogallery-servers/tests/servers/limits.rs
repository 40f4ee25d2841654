//! Bodies that are not wanted: refused by their head, and by what arrives.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::calls::head;
use crate::support::{Example, SERVERS, key};

/// The code of the answer, which comes although the rest of the body never does.
fn code((name, address): (&str, SocketAddr), bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(bytes).unwrap();
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => answer.extend_from_slice(&buffer[..length]),
            Err(error) => panic!("{name}: no answer: {error}, after {}", String::from_utf8_lossy(&answer)),
        }
        let text = String::from_utf8_lossy(&answer);
        if let Some((_, after)) = text.split_once(r#""resultCode":""#).filter(|(_, after)| after.len() >= 6) {
            return after[..6].to_owned();
        }
    }
    panic!("{name}: no code: {}", String::from_utf8_lossy(&answer));
}

#[test]
fn heads_are_checked_before_bodies_are_read() {
    for (name, _) in SERVERS {
        let example = Example::start(name, &[]);
        let address = (name, example.server.address);
        // Rocket waits for the first bytes of every body, tiny_http for all of a short one.
        let begun = "x".repeat(64);
        let unsigned = "POST /saasproduce?signature=0 HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n";
        let unsigned = format!("{unsigned}{begun}");
        assert_eq!(code(address, unsigned.as_bytes()), "000002", "{name}: without a proof");
        let long = head(&key(), "", 64 * 1024 + 1) + &begun;
        assert_eq!(code(address, long.as_bytes()), "000002", "{name}: by the length that it announces");
        let chunked = head(&key(), "", 0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
        let chunked = format!("{chunked}{:x}\r\n{}\r\n", 70_000, "x".repeat(70_000));
        assert_eq!(code(address, chunked.as_bytes()), "000002", "{name}: by what arrives");
    }
}
