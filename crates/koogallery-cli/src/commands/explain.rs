//! `explain`: explains why a signature does not match.

use clap::Args;
use koogallery::signature::diagnosis::{Diagnosis, Mistake};

use crate::support::environment;
use crate::support::output::Color;
use crate::support::scheme::{GatewayAnswer, ReceivedSchemes};
use crate::{Answer, Failure, Output};

/// Find out why a signature does not match, by trying known mistakes until one produces exactly that signature.
#[derive(Args)]
#[command(after_help = "\
Exit code 0 if it is explained, 1 if no known mistake produces it, or it was masked or cut off. A captured call is old, so its age counts
only with --at. Set the keys of all interface types, so that a mix-up is found.

Examples:
  koogallery explain callback-v2 --request captured.txt
  koogallery explain callback-v2 --nonce N --timestamp MS --body body.json --signature S
  koogallery explain auth-token --query 'activity=newInstance&...&authToken=...'
  koogallery explain aksk --request captured.txt --gateway-answer answer.json")]
pub struct Explain {
    #[command(subcommand)]
    scheme: ReceivedSchemes<GatewayAnswer>,
}

impl Explain {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let (diagnosis, difference) = self.scheme.explain()?;
        if let Some(difference) = &difference {
            output.result(&format!("- {difference}"))?;
        }
        match diagnosis {
            Diagnosis::Right => output.status(Color::Green, "right", ": the signature is valid")?,
            Diagnosis::Explained(mistakes) => {
                output.status(Color::Yellow, "found", ": this produces exactly the signature")?;
                mistakes.iter().try_for_each(|mistake| output.result(&format!("- {mistake}")))?;
            }
            Diagnosis::NoKey(interface) => return Err(environment::missing(interface)),
            Diagnosis::Unexplained { certain, tried } => {
                certain.iter().try_for_each(|mistake| output.result(&format!("- {mistake}")))?;
                output.status(
                    Color::Red,
                    "not found",
                    ": no known mistake produces this signature; is it the right key?",
                )?;
                if tried.is_empty() {
                    return Ok(Answer::No);
                }
                output.note("Tried, alone and in pairs:")?;
                let (zones, others): (Vec<_>, Vec<_>) =
                    tried.into_iter().partition(|mistake| matches!(mistake, Mistake::TimeZone(_)));
                others.iter().try_for_each(|mistake| output.note(&format!("- {mistake}")))?;
                if !zones.is_empty() {
                    output.note("- the time in another time zone")?;
                }
                return Ok(if difference.is_some() { Answer::Yes } else { Answer::No });
            }
            Diagnosis::Masked | Diagnosis::Unreadable => {
                output.status(Color::Red, "not found", &format!(": {diagnosis}"))?;
                return Ok(Answer::No);
            }
            other => output.result(&format!("- {other}"))?,
        }
        Ok(Answer::Yes)
    }
}
