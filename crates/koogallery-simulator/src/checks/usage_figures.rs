//! Checks of usage figures: what the seller answers to queries, against what he has pushed to the
//! [`OpenApiServer`](crate::OpenApiServer).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::open_api_server::{AcceptedUsage, OpenApiServer, UsageTotal};
use crate::session::{Checked, Session, Stop};
use koogallery::activity::Activity;
use koogallery::amount::Amount;
use koogallery::open_api::query_order::ChargingMode;
use koogallery::timestamp::Timestamp;

/// Instances and packages that are asked for.
const ASKED: usize = 20;

/// A `usageInfo`, read leniently: violations of its form are left to the rules for every answer.
struct Reported {
    related_instance_id: Option<String>,
    usage: Amount,
    as_of: Option<Timestamp>,
}

impl Reported {
    fn read(usage: &Value) -> Option<Self> {
        let text = |name: &str| usage[name].as_str().filter(|text| !text.is_empty());
        let value = text("usageValue").map_or_else(|| usage["usageValue"].to_string(), str::to_owned);
        let related_instance_id = text("relatedInstanceId").map(str::to_owned);
        Some(Self { related_instance_id, usage: value.parse().ok()?, as_of: text("statisticalTime")?.parse().ok() })
    }
}

/// Usage that was pushed, of a pay-per-use instance or a package.
struct Pushed {
    totals: Vec<UsageTotal>,
    is_package: bool,
    /// Begin of the latest period.
    latest: Timestamp,
}

fn open_api(session: &Session) -> Result<OpenApiServer, Stop> {
    session.author.open_api.clone().ok_or_else(|| Stop::not_run("no open-API server is set"))
}

/// Returns what was pushed, by instance or package.
fn pushed(open_api: &OpenApiServer) -> Result<BTreeMap<String, Pushed>, Stop> {
    let mut pushed = BTreeMap::new();
    for AcceptedUsage { instance_id, relate_pkg_instance, begin_time, .. } in open_api.usage() {
        for (owner, is_package) in [(Some(instance_id), false), (relate_pkg_instance, true)] {
            let Some(owner) = owner else { continue };
            let new = || Pushed { totals: open_api.usage_totals(&owner), is_package, latest: begin_time };
            let known = pushed.entry(owner.clone()).or_insert_with(new);
            known.latest = known.latest.max(begin_time);
        }
    }
    match pushed.is_empty() {
        true => Err(Stop::not_run("no usage was pushed")),
        false => Ok(pushed),
    }
}

/// Returns what the seller reports of an instance; `None` if he does not know it, or describes it elsewhere.
async fn reported(session: &mut Session, instance_id: &str) -> Result<Option<Vec<Reported>>, Stop> {
    let Some(query) = session.author.query(&[instance_id]) else { return Ok(None) };
    let reading = session.call(&query).await?;
    let infos = reading.json.as_ref().and_then(|json| json.get("info")).and_then(Value::as_array);
    let info = infos.into_iter().flatten().find(|info| info["instanceId"] == instance_id);
    let usages = |info: &Value| info["usageInfo"].as_array().map(Vec::as_slice).unwrap_or_default().to_vec();
    Ok(info.map(|info| usages(info).iter().filter_map(Reported::read).collect()))
}

/// Asks for everything that usage was pushed of, and judges what is reported.
async fn each(
    session: &mut Session,
    is_meant: impl Fn(&Pushed) -> bool,
    judge: impl Fn(&str, &Pushed, &[Reported]) -> Checked,
) -> Checked {
    session.wants_effects()?;
    let pushed = pushed(&open_api(session)?)?;
    session.needs(Activity::QueryInstance)?;
    let mut is_judged = false;
    for (id, pushed) in pushed.iter().filter(|(_, pushed)| is_meant(pushed)).take(ASKED) {
        if let Some(reported) = reported(session, id).await? {
            judge(id, pushed, &reported)?;
            is_judged = true;
        }
    }
    match is_judged {
        true => Ok(()),
        false => Err(Stop::not_run("nothing that usage was pushed of is described in answers to queries")),
    }
}

pub(super) async fn related(session: &mut Session) -> Checked {
    let open_api = open_api(session)?;
    let is_by_use = |id: &str| open_api.instance(id).is_none_or(|it| it.charging_mode == ChargingMode::OnDemand);
    each(
        session,
        |pushed| pushed.is_package,
        |package, _, reported| {
            let expected = "the id of a pay-per-use instance as relatedInstanceId in each usageInfo of a package";
            let mut seen = Vec::new();
            for Reported { related_instance_id, usage, .. } in reported {
                let cause = match related_instance_id.as_deref() {
                    // Of what nothing was used the instance may be unknown.
                    None if *usage == Amount::ZERO => continue,
                    None => "the usage of a package does not name the pay-per-use instance",
                    Some(id) if id == package || !is_by_use(id) => {
                        "relatedInstanceId of a package is the package, or another one, not the pay-per-use instance"
                    }
                    Some(id) if seen.contains(&id) => "a pay-per-use instance has two usageInfo in one package",
                    Some(id) => {
                        seen.push(id);
                        continue;
                    }
                };
                let got = related_instance_id.as_deref().unwrap_or("none");
                return Err(Stop::failed(expected, format!("{got} in package {package:?}"), cause));
            }
            Ok(())
        },
    )
    .await
}

pub(super) async fn agrees(session: &mut Session) -> Checked {
    each(
        session,
        |_| true,
        |id, pushed, reported| pushed.totals.iter().try_for_each(|total| agrees_with(id, pushed, total, reported)),
    )
    .await
}

/// Compares one total with what is reported. More may have been used than was pushed.
fn agrees_with(id: &str, pushed: &Pushed, total: &UsageTotal, reported: &[Reported]) -> Checked {
    let of = match &total.related_instance_id {
        Some(related) => format!("package {id:?} for {related:?}"),
        None => format!("instance {id:?}"),
    };
    let expected = || format!("usage of {of} from {} on", total.usage);
    let found = match reported {
        // Whether the right instance is named is left to another check.
        [only] => Some(only),
        several => several.iter().find(|it| it.related_instance_id == total.related_instance_id),
    };
    match found {
        None => Err(Stop::failed(expected(), "no usageInfo", "usage was pushed, and the answer to a query has none")),
        Some(found) if found.usage < total.usage => Err(Stop::failed(
            expected(),
            found.usage.to_string(),
            "the usage in answers to queries is less than what was pushed",
        )),
        Some(Reported { as_of: Some(as_of), .. }) if *as_of < pushed.latest => Err(Stop::failed(
            format!("statisticalTime of {of} from {} on", pushed.latest),
            as_of.to_string(),
            "statisticalTime is older than usage that was pushed",
        )),
        Some(_) => Ok(()),
    }
}

pub(super) async fn packages_last(session: &mut Session) -> Checked {
    let usage = open_api(session)?.usage();
    let mut of_packages = usage.iter().filter(|usage| usage.relate_pkg_instance.is_some()).peekable();
    if of_packages.peek().is_none() {
        return Err(Stop::not_run("no usage was deducted from a package"));
    }
    match of_packages.find_map(|usage| usage.package_problem.map(|problem| (usage, problem))) {
        None => Ok(()),
        Some((usage, problem)) => Err(Stop::failed(
            "usage of packages that are valid and have enough left",
            format!("record {:?} of instance {:?}: {problem}", usage.metering_sn, usage.instance_id),
            "usage is deducted from a package that cannot bear it",
        )),
    }
}
