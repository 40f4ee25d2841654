//! The marketplace's intake of usage.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use http::{Request, Response};
use koogallery::amount::Amount;
use koogallery::signature::usage_push;
use koogallery::transport::{Transport, TransportError};
use serde_json::{Value, json};

use crate::support::key;

/// What happens to one push.
pub enum Fate {
    /// It never arrives.
    Lost,
    /// It arrives, and its answer does not.
    AnswerLost,
    /// It is answered with this and not looked at.
    Answered(u16, Value),
    /// These instances' records are refused with this code; the answer names what the list says.
    Refuses { instance_id: &'static str, code: &'static str, names: &'static [&'static str] },
    /// A record of this instance makes the whole push invalid.
    Spoiled(&'static str),
}

/// The marketplace's intake of usage: checks the signature, and keeps the first record of each number and period.
#[derive(Clone, Default)]
pub struct Intake {
    pub taken: Arc<Mutex<HashMap<String, Value>>>,
    pub fates: Arc<Mutex<VecDeque<Fate>>>,
    pub pushes: Arc<Mutex<Vec<Vec<Value>>>>,
}

impl Transport for Intake {
    fn send(&self, request: Request<Bytes>) -> BoxFuture<'_, Result<Response<Bytes>, TransportError>> {
        ready(self.receive(&request)).boxed()
    }
}

impl Intake {
    pub fn fate(&self, fate: Fate) {
        self.fates.lock().unwrap().push_back(fate);
    }

    pub fn receive(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let header = |name: &str| request.headers()[name].to_str().unwrap();
        let signed = usage_push::sign(&key(), header("ts"), header("nonce"), request.body());
        assert_eq!(signed, header("signature"));
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let records = body["usage_records"].as_array().unwrap().clone();
        self.pushes.lock().unwrap().push(records.clone());

        let ok = json!({"error_code": "MKT.0000", "error_msg": "Success"});
        let reply = |status: u16, body: &Value| {
            Ok(Response::builder().status(status).body(Bytes::from(body.to_string())).unwrap())
        };
        let of = |record: &Value, instance_id: &str| record["instance_id"] == instance_id;
        let fate = self.fates.lock().unwrap().pop_front();
        match fate {
            Some(Fate::Lost) => Err(TransportError::Timeout),
            Some(Fate::Answered(status, body)) => reply(status, &body),
            Some(Fate::AnswerLost) => {
                self.take(&records);
                Err(TransportError::Broken("reset".into()))
            }
            Some(Fate::Spoiled(instance_id)) if records.iter().any(|record| of(record, instance_id)) => {
                if records.len() > 1 {
                    self.fates.lock().unwrap().push_front(Fate::Spoiled(instance_id));
                }
                reply(400, &json!({"error_code": "MKT.0101", "error_msg": "Invalid parameter"}))
            }
            Some(Fate::Spoiled(instance_id)) => {
                self.take(&records);
                self.fates.lock().unwrap().push_front(Fate::Spoiled(instance_id));
                reply(200, &ok)
            }
            Some(Fate::Refuses { instance_id, code, names }) => {
                let (refused, fine): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| of(record, instance_id));
                self.take(&fine);
                if refused.is_empty() {
                    self.fates.lock().unwrap().push_front(Fate::Refuses { instance_id, code, names });
                    return reply(200, &ok);
                }
                if !names.contains(&"metering_sn") && refused.len() + fine.len() > 1 {
                    self.fates.lock().unwrap().push_front(Fate::Refuses { instance_id, code, names });
                }
                let list = refused.iter().map(|record| {
                    let mut entry = json!({"error_code": code, "error_msg": "refused"});
                    for name in names {
                        entry[*name] = record[*name].clone();
                    }
                    entry
                });
                reply(200, &json!({"error_code": "94060999", "error_msg": "Failed", "data": list.collect::<Vec<_>>()}))
            }
            None => {
                let repeated = self.take(&records);
                match repeated.is_empty() {
                    true => reply(200, &ok),
                    false => reply(200, &json!({"error_code": "94060999", "error_msg": "Failed", "data": repeated})),
                }
            }
        }
    }

    /// Keeps what is new and says what is not, as the documents do: 005 for a number, 010 for a period.
    fn take(&self, records: &[Value]) -> Vec<Value> {
        let mut taken = self.taken.lock().unwrap();
        let mut repeated = Vec::new();
        for record in records {
            let sn = record["metering_sn"].as_str().unwrap().to_owned();
            let same_period = |other: &Value| {
                ["instance_id", "begin_time", "end_time"].iter().all(|name| other[*name] == record[*name])
            };
            let code = match taken.get(&sn) {
                Some(before) => {
                    assert_eq!(before, record, "a number stands for one record");
                    "005"
                }
                None if taken.values().any(same_period) => panic!("{record} under another number"),
                None => {
                    taken.insert(sn, record.clone());
                    continue;
                }
            };
            repeated.push(json!({"error_code": code, "metering_sn": record["metering_sn"]}));
        }
        repeated
    }

    pub fn total(&self) -> Amount {
        let taken = self.taken.lock().unwrap();
        let amounts = taken.values().map(|record| record["usage_value"].as_str().unwrap().parse::<Amount>().unwrap());
        sum(amounts)
    }

    pub fn records(&self) -> Vec<Value> {
        let mut records: Vec<_> = self.taken.lock().unwrap().values().cloned().collect();
        records.sort_by_key(|record| (record["instance_id"].to_string(), record["begin_time"].to_string()));
        records
    }
}

pub fn sum(amounts: impl Iterator<Item = Amount>) -> Amount {
    Amount::from_ten_thousandths(amounts.map(|amount| amount.ten_thousandths().unwrap() as i64).sum())
}
