//! `body`.

use clap::Args;
use koogallery::key::{AccessKeys, InterfaceType};
use koogallery::signature::body_sign;
use koogallery::signature::diagnosis::{self, Diagnosis, Mistake};

use super::{Age, Interface, Scheme, Source, VerifyError, required};
use crate::Failure;
use crate::support::environment;

/// V1.0 answers: the header `Body-Sign`. --request reads a captured answer.
#[derive(Args)]
pub struct Body {
    #[command(flatten)]
    source: Source,
    /// The interface type of the key: v1, or kit if the Kit has a key of its own.
    #[arg(long, value_enum, default_value = "v1")]
    interface: Interface,
}

/// Returns the header's name as written, its value, and the body.
struct Answer {
    name: String,
    value: Option<String>,
    body: Vec<u8>,
}

impl Body {
    fn answer(&self, signature: Option<&str>) -> Result<Answer, Failure> {
        let Some(capture) = self.source.capture()? else {
            let value = signature.map(str::to_owned);
            return Ok(Answer { name: body_sign::HEADER.to_owned(), value, body: self.source.body()? });
        };
        let found = capture.headers.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(body_sign::HEADER));
        let (name, value) = found.map_or((String::new(), None), |(name, value)| (name, Some(value)));
        Ok(Answer { name, value, body: capture.body })
    }
}

impl Scheme for Body {
    fn is_whole(&self) -> bool {
        self.source.request.is_some()
    }

    fn sign(&self) -> Result<String, Failure> {
        let ring = environment::ring(self.interface.into())?;
        Ok(body_sign::sign(ring.signing_key(), &self.answer(None)?.body))
    }

    fn verify(&self, signature: Option<&str>, _: &Age) -> Result<Result<(), VerifyError>, Failure> {
        let ring = environment::ring(self.interface.into())?;
        let Answer { name, value, body } = self.answer(signature)?;
        let Some(value) = value else { return Ok(Err(VerifyError::Unsigned(body_sign::HEADER))) };
        Ok(match body_sign::verify(&ring, &value, &body) {
            Ok(()) if name != body_sign::HEADER => Err(VerifyError::Malformed(body_sign::HEADER)),
            outcome => outcome,
        })
    }

    fn explain(&self, signature: Option<&str>, _: &Age) -> Result<Diagnosis, Failure> {
        let keys = environment::access_keys()?;
        let Answer { name, value, body } = self.answer(signature)?;
        let value = required(value, body_sign::HEADER)?;
        Ok(diagnosis_of(&keys, self.interface.into(), &name, &value, &body))
    }
}

/// Diagnoses a header `Body-Sign`, including the letter case of its name.
pub fn diagnosis_of(keys: &AccessKeys, interface: InterfaceType, name: &str, value: &str, body: &[u8]) -> Diagnosis {
    let diagnosis = diagnosis::body_sign(keys, interface, value, body);
    if name == body_sign::HEADER {
        return diagnosis;
    }
    let letter_case = Mistake::HeaderLetterCase(name.to_owned());
    match diagnosis {
        Diagnosis::Right => Diagnosis::Explained(vec![letter_case]),
        Diagnosis::Explained(mut mistakes) => {
            mistakes.insert(0, letter_case);
            Diagnosis::Explained(mistakes)
        }
        Diagnosis::Unexplained { mut certain, tried } => {
            certain.insert(0, letter_case);
            Diagnosis::Unexplained { certain, tried }
        }
        other => other,
    }
}
