//! A small marketplace: signs calls, sends them over the socket, checks the answers and prints a transcript.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use koogallery::cipher::field::{EncryptType, FieldCipher};
use koogallery::clock::{Clock as _, SystemClock};
use koogallery::key::{AccessKey, KeyRing};
use koogallery::signature::{auth_token, body_sign, callback_v2, kit_v2};
use koogallery::timestamp::Timestamp;
use serde_json::Value;
use tokio::net::TcpStream;

use super::Outcome;

pub struct Marketplace {
    server: SocketAddr,
    key: AccessKey,
    calls: u32,
    wrong: u32,
}

pub fn now() -> Timestamp {
    SystemClock.now()
}

impl Marketplace {
    pub fn new(server: SocketAddr, key: AccessKey) -> Self {
        Self { server, key, calls: 0, wrong: 0 }
    }

    /// A V2.0 call.
    pub async fn post(&mut self, what: &str, body: &str, expected: &str) -> Outcome<Value> {
        let query = self.v2_query(&self.key, body);
        self.call(what, "POST", &query, body, expected).await
    }

    /// A call of a family that is signed as V2.0, with the key of its own interface.
    pub async fn post_as(&mut self, key: &AccessKey, what: &str, body: &str, expected: &str) -> Outcome<Value> {
        let query = self.v2_query(key, body);
        self.call(what, "POST", &query, body, expected).await
    }

    /// A Kit call, signed in its headers.
    pub async fn kit(&mut self, key: &AccessKey, message: &str, body: &str, expected: &str) -> Outcome {
        let nonce = format!("quickstart{:022}", self.calls);
        let headers = kit_v2::signed_headers(key, &nonce, now(), body.as_bytes());
        let answer = self.send("POST", &format!("/saasproduce/produceAPI/v2/{message}"), &headers, body).await?;
        self.judge(message, &answer.body, expected, true)?;
        Ok(())
    }

    /// What a browser gets: status, the address it is sent to, and the page.
    pub async fn browse(&self, target: &str) -> Outcome<(u16, String, String)> {
        let answer = self.send("GET", target, &[], "").await?;
        let page = String::from_utf8_lossy(&answer.body).into_owned();
        Ok((answer.status, answer.location.unwrap_or_default(), page))
    }

    /// A V2.0 call signed with a key that the seller does not have.
    pub async fn post_forged(&mut self, what: &str, body: &str, expected: &str) -> Outcome<Value> {
        let query = self.v2_query(&AccessKey::new("a-stranger's-key")?, body);
        self.call(what, "POST", &query, body, expected).await
    }

    /// A V2.0 call, and the very same once more.
    pub async fn post_replayed(&mut self, what: &str, body: &str, expected: &str) -> Outcome {
        let query = self.v2_query(&self.key, body);
        self.call("a query", "POST", &query, body, "000000").await?;
        self.call(what, "POST", &query, body, expected).await?;
        Ok(())
    }

    /// A V1.0 call.
    pub async fn get(&mut self, what: &str, parameters: &str, expected: &str) -> Outcome<Value> {
        let query = auth_token::signed_query(&self.key, parameters)?;
        self.call(what, "GET", &query, "", expected).await
    }

    /// A V1.0 call signed with a key that the seller does not have.
    pub async fn get_forged(&mut self, what: &str, parameters: &str, expected: &str) -> Outcome<Value> {
        let query = auth_token::signed_query(&AccessKey::new("a-stranger's-key")?, parameters)?;
        self.call(what, "GET", &query, "", expected).await
    }

    /// A V1.0 call, and the very same once more, which gets the very same answer.
    pub async fn get_replayed(&mut self, what: &str, parameters: &str) -> Outcome {
        let query = auth_token::signed_query(&self.key, parameters)?;
        let first = self.call("the purchase once more", "GET", &query, "", "000000").await?;
        let second = self.call(what, "GET", &query, "", "000000").await?;
        self.check("the first answer again", first == second);
        Ok(())
    }

    pub fn decrypts(&self, field: &Value) -> bool {
        let cipher = FieldCipher::new(&self.key, EncryptType::Aes256);
        field.as_str().is_some_and(|text| cipher.decrypt(&text.into()).is_ok())
    }

    pub fn check(&mut self, what: &str, right: bool) {
        self.wrong += u32::from(!right);
        println!("      {} {what}", if right { "ok   " } else { "WRONG" });
    }

    /// Looks at the server's own list of instances.
    pub async fn expect_instance(&mut self, instance_id: &str, order_id: &str, state: &str, runs: u32) -> Outcome {
        let answer = self.send("GET", "/admin/instances", &[], "").await?;
        let instances: Vec<Value> = serde_json::from_slice(&answer.body)?;
        let of_order: Vec<_> = instances.iter().filter(|instance| instance["orderId"] == order_id).collect();
        let right = of_order.len() == 1
            && of_order[0]["instanceId"] == instance_id
            && of_order[0]["state"] == state
            && of_order[0]["handlerRuns"] == runs;
        self.check(&format!("order {order_id}: one instance, {instance_id}, {state}, handler ran {runs} times"), right);
        Ok(())
    }

    pub fn verdict(self) -> Outcome {
        println!("\n{} calls, {} wrong", self.calls, self.wrong);
        if self.wrong == 0 { Ok(()) } else { Err("an answer was wrong".into()) }
    }

    fn v2_query(&self, key: &AccessKey, body: &str) -> String {
        let nonce = format!("quickstart{:022}", self.calls);
        callback_v2::signed_query(key, &nonce, now(), body.as_bytes())
    }

    async fn call(&mut self, what: &str, method: &str, query: &str, body: &str, expected: &str) -> Outcome<Value> {
        let answer = self.send(method, &format!("/saasproduce?{query}"), &[], body).await?;
        let ring = KeyRing::new(self.key.clone());
        let is_signed = method == "POST"
            || answer.body_sign.is_some_and(|signature| body_sign::verify(&ring, &signature, &answer.body).is_ok());
        self.judge(what, &answer.body, expected, is_signed)
    }

    fn judge(&mut self, what: &str, answer: &[u8], expected: &str, is_signed: bool) -> Outcome<Value> {
        self.calls += 1;
        let json: Value = serde_json::from_slice(answer)?;
        let right = json["resultCode"] == expected && is_signed;
        self.wrong += u32::from(!right);
        let mark = if right { "ok   " } else { "WRONG" };
        println!("{:4}  {mark} {what:30} {}", self.calls, shortened(answer));
        Ok(json)
    }

    async fn send(&self, method: &str, target: &str, headers: &[(&str, String)], body: &str) -> Outcome<Answer> {
        let stream = TcpStream::connect(self.server).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let mut request = http::Request::builder()
            .method(method)
            .uri(target)
            .header("host", self.server.to_string())
            .header("content-type", "application/json;charset=utf8");
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let response = sender.send_request(request.body(Full::new(Bytes::from(body.to_owned())))?).await?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Answer {
            status: response.status().as_u16(),
            body_sign: header("body-sign"),
            location: header("location"),
            body: response.into_body().collect().await?.to_bytes(),
        })
    }
}

struct Answer {
    status: u16,
    body_sign: Option<String>,
    location: Option<String>,
    body: Bytes,
}

fn shortened(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{} ...", &text[..end]),
        None => text.into_owned(),
    }
}
