//! Which path does what.

use std::time::Duration;

use futures_util::StreamExt as _;
use http::request::Parts;
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::control::Control;
use super::events::{self, Place, Source};
use super::filter::Filter;
use super::form::Form;
use super::lang::Lang;
use super::reply::{NotDone, Outcome, Reader, Refused};
use super::tenants::{self, Wanted};
use super::{checking, compose, detail, fault, page, scripting, view};
use crate::commands::scenario::plan::FormStep;

/// How long a browser waits for a change.
const PATIENCE: Duration = Duration::from_secs(2);

impl Control {
    pub async fn steer(&self, path: &str, head: &Parts, body: &[u8], reader: Reader) -> Result<Outcome, Refused> {
        let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
        match head.method {
            Method::GET => self.get(&parts, head, reader.lang),
            Method::POST => self.post(&parts, body, reader).await,
            _ => Err(not_allowed()),
        }
    }

    fn get(&self, parts: &[&str], head: &Parts, lang: Lang) -> Result<Outcome, Refused> {
        let open_api = &self.open_api;
        let query = head.uri.query();
        Ok(match parts {
            [] => Outcome::Page(page::home(self, lang, &Filter::read(query))),
            ["subscriptions"] => Outcome::Json(view::subscriptions(self.marketplace.as_ref())),
            ["instances"] => Outcome::Json(view::instances(open_api)),
            ["tenants"] => Outcome::Json(tenants::list(open_api)),
            ["faults"] => Outcome::Json(view::faults(open_api, self.marketplace.as_ref())),
            ["log"] => Outcome::Json(view::log(self.marketplace.as_ref(), open_api)),
            ["calls", number] => {
                let call = self.marketplace.as_ref().zip(numbered(number)).and_then(|(it, number)| it.logged(number));
                let call = call.ok_or_else(|| gone(number))?;
                Outcome::Detail(detail::Kind::Call, detail::call(self, &call))
            }
            ["requests", number] => {
                let call = numbered(number).and_then(|number| open_api.logged(number));
                Outcome::Detail(detail::Kind::Request, detail::request(&call.ok_or_else(|| gone(number))?))
            }
            ["checks"] => {
                let shown = self.checks.all().iter().map(checking::shown).collect();
                Outcome::Both(shown, page::checks(self, lang))
            }
            ["checks", number] => {
                let job = self.check(number)?;
                Outcome::Both(checking::shown(&job), page::check(lang, &job, query))
            }
            ["checks", number, file] => self.report(number, file, lang)?,
            ["state"] => self.export(),
            ["scenarios"] => {
                let shown = self.scenarios.all().iter().map(scripting::shown).collect();
                let text = if query == Some("recorded") { self.recorder.scenario() } else { String::new() };
                Outcome::Both(shown, page::scenarios(self, lang, &text, None))
            }
            ["scenarios", "recorded.toml"] => self.recorded(),
            ["scenarios", number] => {
                let job = self.scenario(number)?;
                Outcome::Both(scripting::shown(&job), page::scenario(lang, &job))
            }
            ["compose"] => Outcome::Page(compose::page(self, lang, query)?),
            ["events"] => {
                let id = head.headers.get("last-event-id").and_then(|id| id.to_str().ok());
                let place = Place::read(query, id).not_after(self.place());
                let (open_api, marketplace) = (open_api.clone(), self.marketplace.clone());
                let source = Source { open_api, marketplace, changes: self.changes.clone() };
                Outcome::Events(events::follow(source, place, Filter::read(query), lang).boxed())
            }
            ["console.js"] => Outcome::Asset("text/javascript; charset=utf-8", include_str!("console.js")),
            ["console.css"] => Outcome::Asset("text/css; charset=utf-8", include_str!("console.css")),
            ["icon.svg"] => Outcome::Asset("image/svg+xml", include_str!("icon.svg")),
            ["orders" | "clock" | "usage"]
            | ["subscriptions", _, _]
            | ["tenants", _, "login" | "unbind" | "users"]
            | ["faults", "clear" | "callbacks"]
            | ["calls"]
            | ["calls", _, "repeat"] => return Err(not_allowed()),
            _ => return Err(nothing(parts)),
        })
    }

    async fn post(&self, parts: &[&str], body: &[u8], reader: Reader) -> Result<Outcome, Refused> {
        let open_api = &self.open_api;
        Ok(match parts {
            ["orders"] => Outcome::Done(self.sell(body)?),
            ["subscriptions", instance_id, what] => {
                let (instance_id, what, body) = (decoded(instance_id), (*what).to_owned(), body.to_vec());
                let control = self.clone();
                done(reader, async move { control.change(&instance_id, &what, &body).await }).await?
            }
            ["instances"] => Outcome::Done(self.open(body)?),
            ["checks"] => self.begin_check(body)?,
            ["state"] => self.import(body)?,
            ["scenarios"] => self.begin_scenario(body)?,
            ["scenarios", "validate"] => self.validate_scenario(body, reader.lang)?,
            ["scenarios", "file"] => self.scenario_file(body)?,
            ["clock"] => Outcome::Done(self.move_clock(body)?),
            ["calls"] => self.send(body).await?,
            ["calls", number, "repeat"] => {
                Form::parse(body, &[])?;
                self.send_again(numbered(number).ok_or_else(|| gone(number))?).await?
            }
            ["tenants"] => {
                let form = Form::parse(body, &tenants::FIELDS)?;
                let wanted = Wanted::read(&form, &self.kits, &self.address, self.marketplace.is_some())?;
                let noted = self.recorder.filled_in(FormStep::Bind, &form);
                let control = self.clone();
                let work = async move {
                    let Self { tenants, open_api, marketplace, recorder, .. } = &control;
                    let bound = tenants.bind(open_api, marketplace.as_ref(), wanted).await;
                    Ok(bound.inspect_err(|error| recorder.failed(noted, error))?)
                };
                done(reader, work).await?
            }
            ["tenants", tenant_id, "users"] => {
                let form = Form::parse(body, &["users"])?;
                let users = form.get("users").ok_or_else(|| "users is missing".to_owned())?.to_owned();
                let (control, tenant_id) = (self.clone(), decoded(tenant_id));
                let is_bound = self.tenants.is_bound(&tenant_id);
                let form = form.with("tenant", &tenant_id);
                let noted = is_bound.then(|| self.recorder.filled_in(FormStep::AddUsers, &form)).flatten();
                let work = async move {
                    let added = control.tenants.add_users(&control, &tenant_id, &users).await;
                    if let Err(NotDone::Seller(error)) = &added {
                        control.recorder.failed(noted, error);
                    }
                    let added = added?;
                    added.ok_or_else(|| unknown(format!("no tenant {tenant_id:?} is bound")))
                };
                done(reader, work).await?
            }
            ["tenants", tenant_id, "unbind"] => {
                let form = Form::parse(body, &[])?;
                let (control, tenant_id) = (self.clone(), decoded(tenant_id));
                let is_bound = self.tenants.is_bound(&tenant_id);
                let form = form.with("tenant", &tenant_id);
                let noted = is_bound.then(|| self.recorder.filled_in(FormStep::Unbind, &form)).flatten();
                let work = async move {
                    let Self { tenants, open_api, marketplace, recorder, .. } = &control;
                    let unbound = tenants.unbind(open_api, marketplace.as_ref(), &tenant_id).await;
                    let unbound = unbound.inspect_err(|error| recorder.failed(noted, error))?;
                    unbound.ok_or_else(|| unknown(format!("no tenant {tenant_id:?} is bound")))
                };
                done(reader, work).await?
            }
            ["tenants", tenant_id, "login"] => self.log_in(&decoded(tenant_id), body)?,
            ["faults"] => {
                let form = Form::parse(body, &fault::FIELDS)?;
                let rule = fault::rule(&form)?;
                let shown = json!({"fault": rule.to_string()});
                open_api.add_fault(rule);
                self.recorder.filled_in(FormStep::Fault, &form);
                Outcome::Done(shown)
            }
            ["faults", "callbacks"] => {
                let form = Form::parse(body, &fault::CALLBACK_FIELDS)?;
                let rule = fault::callback_rule(&form)?;
                let shown = json!({"fault": rule.to_string()});
                self.marketplace()?.add_fault(rule);
                self.recorder.filled_in(FormStep::CallbackFault, &form);
                Outcome::Done(shown)
            }
            ["usage"] => self.push_usage(body).await?,
            ["faults", "clear"] => {
                let form = Form::parse(body, &[])?;
                self.clear_faults();
                self.recorder.filled_in(FormStep::ClearFaults, &form.with("all", "all"));
                Outcome::Done(json!({}))
            }
            []
            | ["subscriptions" | "log" | "compose" | "events" | "console.js" | "console.css" | "icon.svg"]
            | ["calls" | "requests" | "checks" | "scenarios", _]
            | ["checks", _, _] => return Err(not_allowed()),
            _ => return Err(nothing(parts)),
        })
    }
}

/// The result for a script; a browser gets what there is after a little while.
async fn done(
    reader: Reader,
    work: impl Future<Output = Result<Value, Refused>> + Send + 'static,
) -> Result<Outcome, Refused> {
    Ok(Outcome::Done(if reader.is_browser { begun(work).await? } else { work.await? }))
}

/// Waits a little: a call that is refused is tried again for hours, and the page shows how it goes on.
async fn begun(work: impl Future<Output = Result<Value, Refused>> + Send + 'static) -> Result<Value, Refused> {
    match timeout(PATIENCE, tokio::spawn(work)).await {
        Ok(Ok(done)) => done,
        Ok(Err(error)) => Err(Refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
        Err(_) => Ok(json!({"isDone": false})),
    }
}

/// Numbers of the logs begin with 1.
fn numbered(number: &str) -> Option<u64> {
    number.parse().ok().filter(|number| *number > 0)
}

fn gone(number: &str) -> Refused {
    unknown(format!("the log has no {number}: it holds the latest 10,000"))
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

fn not_allowed() -> Refused {
    Refused(StatusCode::METHOD_NOT_ALLOWED, "method not allowed".to_owned())
}

fn nothing(parts: &[&str]) -> Refused {
    unknown(format!("there is no /_marketplace/{}", parts.join("/")))
}

pub fn unknown(why: String) -> Refused {
    Refused(StatusCode::NOT_FOUND, why)
}
