//! Every documented form of every field is sent at least once.

use serde_json::Value;

use super::documented::{self, Content, Form, FormValue, Occasion, Row, Standing};
use super::first_call::FirstCall;
use super::served::about;
use crate::call::Call;
use crate::charging::Charging;
use crate::message::Message;
use crate::reading::Reading;
use crate::session::{Checked, Session, Stop};
use crate::symptom::Symptom;
use koogallery::activity::Activity::{
    self, ChangeInstanceCheck, ExpireInstance, ExpireLicense, GetLicense, GetLicenseAsync, InstanceStatus, NewInstance,
    ReleaseInstance, ReleaseLicense, UpdateInstanceStatus, UpdateLicenseCodeStatus,
};

/// A form of a field of one message.
#[derive(Clone, Copy)]
struct Sample {
    activity: Activity,
    row: &'static Row,
    form: Form,
}

/// What a call is about.
#[derive(Clone)]
struct Subject {
    id: String,
    order: String,
}

/// A form that was not accepted.
struct Refusal {
    what: String,
    answer: String,
    symptom: Symptom,
}

/// Forms that a report names.
const NAMED: usize = 6;

pub(super) async fn documented(session: &mut Session) -> Checked {
    super::find_out(session).await?;
    let mut refusals = Vec::new();
    let mut unsent = None;
    for activity in served(session) {
        if let Err(Stop::NotRun(why)) = send_forms(session, activity, &mut refusals).await {
            unsent.get_or_insert(why);
        }
    }
    match (refusals.is_empty(), unsent) {
        (false, _) => Err(failure(&refusals)),
        (true, Some(why)) => Err(Stop::NotRun(why)),
        (true, None) => Ok(()),
    }
}

fn failure(refusals: &[Refusal]) -> Stop {
    let shown = &refusals[..refusals.len().min(NAMED)];
    let others = refusals.len() - shown.len();
    let others = if others > 0 { format!(" and {others} others") } else { String::new() };
    let joined =
        |text: fn(&Refusal) -> String, separator: &str| shown.iter().map(text).collect::<Vec<_>>().join(separator);
    let named = joined(|refusal| refusal.what.clone(), ", ") + &others;
    let got = match refusals {
        [only] => only.answer.clone(),
        _ => joined(|refusal| format!("{}: {}", refusal.what, refusal.answer), "; ") + &others,
    };
    let cause = match refusals.iter().any(|refusal| refusal.symptom == Symptom::Crash) {
        true => format!("the endpoint's code fails at documented values: {named}"),
        false => format!("documented values are refused: {named}"),
    };
    let symptom = refusals.first().map_or_else(Symptom::default, |refusal| refusal.symptom);
    Stop::failed(format!("{named} is accepted (000000)"), got, cause).with(symptom)
}

/// Values without a meaning, of which an endpoint cannot know what to do.
pub(super) async fn undocumented(session: &mut Session) -> Checked {
    let mut is_sent = false;
    for activity in served(session) {
        for sample in samples(session, activity).into_iter().filter(|sample| is(*sample, Standing::Undocumented)) {
            let Some(subject) = subjects(session, activity, 1).await?.pop() else { continue };
            let Some(plain) = about(session, activity, &subject.id) else { continue };
            let message = sample.applied(session, plain, &subject);
            session.refuse(&message, &["000002"], &sample.described()).await?;
            if !session.author.test_flag && session.profile.has_purchases() {
                session.expect_state(&subject.id, "active", &sample.described()).await?;
            }
            is_sent = true;
        }
    }
    match is_sent {
        true => Ok(()),
        false => Err(Stop::not_run("no message with a state is implemented, and none has to be")),
    }
}

fn served(session: &Session) -> Vec<Activity> {
    let all = session.profile.protocol().activities().iter().copied();
    all.filter(|activity| !session.author.not_served.contains(activity)).collect()
}

fn is(sample: Sample, standing: Standing) -> bool {
    sample.form.standing == standing
}

/// Returns the forms of a message that fit the product and the run.
fn samples(session: &Session, activity: Activity) -> Vec<Sample> {
    let forms = |row: &'static Row| match row.content {
        Content::Forms(forms) => forms.to_vec(),
        Content::Text(example) => [FormValue::Text(example), FormValue::Full].map(plain_form).to_vec(),
        Content::Id | Content::Time | Content::With(_) | Content::SentBy(_) => Vec::new(),
    };
    let rows = documented::rows(session.profile.protocol(), activity);
    let samples = rows.flat_map(|row| forms(row).into_iter().map(move |form| Sample { activity, row, form }));
    samples.filter(|sample| is_due(session, *sample)).collect()
}

fn plain_form(value: FormValue) -> Form {
    Form { value, standing: Standing::Documented, occasion: Occasion::Always }
}

fn is_due(session: &Session, sample: Sample) -> bool {
    // The first call has shown that the endpoint cannot do without the field.
    let is_wanted = |first: &FirstCall| first.wanted.iter().any(|field| field.name == sample.row.field);
    if matches!(sample.form.value, FormValue::Absent) && session.first_call.as_ref().is_some_and(is_wanted) {
        return false;
    }
    match sample.form.occasion {
        Occasion::Always => true,
        Occasion::Sold(ways) => ways.iter().any(|way| session.sells(*way)),
        Occasion::Served(activity) => !session.author.not_served.contains(&activity),
        Occasion::Test => is_test(session, sample.activity),
        Occasion::Real => !is_test(session, sample.activity),
    }
}

/// A real application makes the seller deliver a License to the real marketplace.
fn is_test(session: &Session, activity: Activity) -> bool {
    session.author.test_flag || activity == GetLicenseAsync
}

/// Sends the forms of one message, unless its plain form is refused: other checks report that.
async fn send_forms(session: &mut Session, activity: Activity, refusals: &mut Vec<Refusal>) -> Checked {
    let samples: Vec<_> =
        samples(session, activity).into_iter().filter(|it| !is(*it, Standing::Undocumented)).collect();
    if samples.is_empty() {
        return Ok(());
    }
    let mut subjects = subjects(session, activity, samples.len() + 1).await?.into_iter();
    let Some(first) = subjects.next() else { return Ok(()) };
    let Some(plain) = plain(session, activity, &first, None) else { return Ok(()) };
    if !is_taken(session, activity, &plain).await? {
        session.notes.push(format!("the plain form of {activity} is refused, so that its other forms were not sent"));
        return Ok(());
    }
    for sample in samples {
        let subject = subjects.next().unwrap_or_else(|| first.clone());
        send(session, sample, &subject, refusals).await?;
    }
    Ok(())
}

/// Returns whether the answer is one that the checks of the activity let pass.
async fn is_taken(session: &mut Session, activity: Activity, message: &Message) -> Result<bool, Stop> {
    match session.call(message).await {
        Ok(reading) => Ok(is_accepted(activity, &reading)),
        Err(Stop::Failed(_)) => Ok(false),
        Err(stop) => Err(stop),
    }
}

/// Whether an instance may change is a question, and no is an answer.
fn is_accepted(activity: Activity, reading: &Reading) -> bool {
    reading.is_accepted() || (activity == ChangeInstanceCheck && !reading.is_crash() && reading.code.is_some())
}

/// Sends one form.
async fn send(session: &mut Session, sample: Sample, subject: &Subject, refusals: &mut Vec<Refusal>) -> Checked {
    let activity = sample.activity;
    let Some(plain) = plain(session, activity, subject, sold(session, sample)) else { return Ok(()) };
    // What is thawed must be frozen; in a test nothing is either.
    if !session.author.test_flag && matches!(sample.form.value, FormValue::Text("UNFREEZE" | "NORMAL")) {
        is_taken(session, activity, &plain).await?;
    }
    let message = sample.applied(session, plain, subject);
    let call = session.sign(&message);
    let is_documented = sample.form.standing == Standing::Documented;
    let outcome = match is_documented {
        true => session.send(call).await,
        false => session.send(Call { is_judged: false, is_right: false, ..call }).await,
    };
    let (answer, symptom) = match outcome {
        Ok(reading) if is_accepted(activity, &reading) => return Ok(()),
        Ok(reading) => (reading.described(), if reading.is_crash() { Symptom::Crash } else { Symptom::Refused }),
        Err(Stop::Failed(failure)) => (failure.got, failure.symptom),
        Err(stop) => return Err(stop),
    };
    let what = sample.described();
    match is_documented {
        true => refusals.push(Refusal { what, answer, symptom }),
        false => session.notes.push(format!("{what} is refused ({answer}); whether it is sent is unverified")),
    }
    Ok(())
}

/// Returns the way of charging that a form belongs to.
fn sold(session: &Session, sample: Sample) -> Option<Charging> {
    let Occasion::Sold(ways) = sample.form.occasion else { return None };
    ways.iter().copied().find(|way| session.sells(*way))
}

/// Returns the message before a form is put in.
fn plain(session: &mut Session, activity: Activity, subject: &Subject, way: Option<Charging>) -> Option<Message> {
    let message = match (activity, way) {
        (NewInstance | GetLicense, Some(way)) => session.author.purchase_by(way),
        // A new instance is active.
        (UpdateInstanceStatus | UpdateLicenseCodeStatus, _) => session.author.freeze(&subject.id)?,
        (InstanceStatus, _) => about(session, activity, &subject.id)?.with("instanceStatus", "FREEZE"),
        _ => about(session, activity, &subject.id)?,
    };
    Some(if activity == GetLicenseAsync { message.with("testFlag", "1") } else { message })
}

/// Returns something for each call to be about: what a call changes, the next one must not find changed.
async fn subjects(session: &mut Session, activity: Activity, count: usize) -> Result<Vec<Subject>, Stop> {
    let invented = |session: &mut Session| Subject { id: session.author.ids.uuid(), order: session.author.ids.order() };
    let is_about_nothing = matches!(activity, NewInstance | GetLicense) || !session.profile.has_purchases();
    if session.author.test_flag || is_about_nothing {
        return Ok((0..count).map(|_| invented(session)).collect());
    }
    let is_changed = matches!(
        activity,
        UpdateInstanceStatus | InstanceStatus | ExpireInstance | ExpireLicense | ReleaseInstance | ReleaseLicense
    );
    // All are bought before the first is waited for.
    let mut bought = Vec::new();
    for _ in 0..if is_changed { count } else { 1 } {
        let order = session.author.ids.order();
        let purchase = session.author.purchase_of(&order, 1);
        bought.push((order, session.call(&purchase).await?, purchase));
    }
    let mut subjects = Vec::new();
    for (order, reading, purchase) in bought {
        subjects.push(Subject { id: session.settled(&purchase, reading).await?, order });
    }
    Ok(subjects)
}

impl Sample {
    /// Puts the form in.
    fn applied(self, session: &mut Session, plain: Message, subject: &Subject) -> Message {
        let (protocol, field) = (session.profile.protocol(), self.row.field);
        match self.form.value {
            FormValue::Absent => plain.without(field),
            FormValue::OwnOrder => plain.with(field, &*subject.order),
            FormValue::NewOrder => {
                let order = session.author.ids.order();
                // Its line comes with it.
                let mut rows = documented::rows(protocol, self.activity);
                let line = rows.find(|row| matches!(row.content, Content::With(with) if with == field));
                let message = plain.with(field, &*order);
                match line {
                    Some(line) => message.with(line.field, format!("{order}-000001")),
                    None => message,
                }
            }
            FormValue::Seconds | FormValue::Milliseconds => {
                let digits = plain.get(field).unwrap_or_default();
                let seconds = digits.get(..14).unwrap_or(digits).to_owned();
                let is_long = matches!(self.form.value, FormValue::Milliseconds);
                plain.with(field, if is_long { seconds + "000" } else { seconds })
            }
            FormValue::Entry(member, value) => {
                let value = constant(value, 0);
                with_list(plain, field, |entries| {
                    let Some(Value::Object(entry)) = entries.first_mut() else { return };
                    match value {
                        Some(value) => drop(entry.insert(member.to_owned(), value)),
                        None => drop(entry.remove(member)),
                    }
                })
            }
            FormValue::ListAsText => {
                let list = plain.fields.iter().find(|(name, _)| name == field).map(|(_, list)| list.to_string());
                plain.with(field, list.unwrap_or_default())
            }
            value => match constant(&value, documented::max(protocol, self.activity, field)) {
                Some(value) => plain.with(field, value),
                None => plain,
            },
        }
    }

    /// Names the form.
    fn described(self) -> String {
        let (activity, field) = (self.activity, self.row.field);
        match self.form.value {
            FormValue::Absent => format!("{activity} without {field}"),
            FormValue::Full => format!("{activity} with a {field} of full length"),
            FormValue::Characters(count) => format!("{activity} with a {field} of {count} characters"),
            FormValue::OwnOrder => format!("{activity} with the {field} of the purchase"),
            FormValue::NewOrder => format!("{activity} with a new {field}"),
            FormValue::Seconds => format!("{activity} with {field} in 14 digits"),
            FormValue::Milliseconds => format!("{activity} with {field} in 17 digits"),
            FormValue::ListAsText => format!("{activity} with {field} as text"),
            FormValue::Entry(member, FormValue::Absent) => format!("{activity} with an entry without {member}"),
            FormValue::Entry(member, value) => format!("{activity} with an entry whose {member} is {}", shown(value)),
            value => format!("{activity} with {field} {}", shown(&value)),
        }
    }
}

/// Returns the value of a form that does not depend on the message.
fn constant(value: &FormValue, max: usize) -> Option<Value> {
    match value {
        FormValue::Text(text) => Some(Value::from(*text)),
        FormValue::Number(number) => Some(Value::from(*number)),
        FormValue::Json(json) => serde_json::from_str(json).ok(),
        FormValue::Full => Some(Value::from("x".repeat(max))),
        FormValue::Characters(count) => Some(Value::from("x".repeat(*count))),
        _ => None,
    }
}

fn shown(value: &FormValue) -> String {
    match value {
        FormValue::Json(json) => (*json).to_owned(),
        other => constant(other, 0).map_or_else(String::new, |value| value.to_string()),
    }
}

/// Changes a list, which may be in the message as text.
fn with_list(message: Message, field: &str, change: impl FnOnce(&mut Vec<Value>)) -> Message {
    let Some(found) = message.fields.iter().find(|(name, _)| name == field).map(|(_, value)| value.clone()) else {
        return message;
    };
    let read = found.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let is_text = read.is_some();
    let Value::Array(mut entries) = read.unwrap_or(found) else { return message };
    change(&mut entries);
    let entries = Value::Array(entries);
    message.with(field, if is_text { Value::from(entries.to_string()) } else { entries })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Check;
    use koogallery::protocol::Protocol;

    fn has_undocumented(protocol: Protocol) -> bool {
        let rows = protocol.activities().iter().flat_map(|activity| documented::rows(protocol, *activity));
        let mut contents = rows.map(|row| row.content);
        contents.any(|content| match content {
            Content::Forms(forms) => forms.iter().any(|form| form.standing == Standing::Undocumented),
            _ => false,
        })
    }

    #[test]
    fn undocumented_values_are_sent_where_there_are_any() {
        for protocol in Protocol::ALL {
            let is_checked = Check::of(protocol.into()).iter().any(|check| check.id == "L18");
            assert_eq!(is_checked, has_undocumented(protocol), "{protocol}");
        }
    }
}
