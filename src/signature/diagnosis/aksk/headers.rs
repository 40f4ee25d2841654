//! Mistakes in signing the headers.

use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;

use super::super::Mistake;
use super::super::search::Choice;
use crate::site::Site;

/// A line each. `listed` are the names as the request lists them.
pub(super) fn blocks(right: &[&str], parts: &Parts, listed: &str) -> Choice<Vec<String>> {
    let right: Vec<String> = right.iter().map(|&line| line.to_owned()).collect();
    let with = |name: &str, value: &str| -> Vec<String> {
        let is_it = |line: &str| line.split_once(':').is_some_and(|(found, _)| found == name);
        let line = |line: &String| if is_it(line) { format!("{name}:{value}") } else { line.clone() };
        right.iter().map(line).collect()
    };
    let value = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let hosts = hosts(value(HOST), parts).map(|host| (Mistake::OtherHost(host.clone()), with("host", &host)));
    let hosts: Vec<_> = hosts.collect();
    let types = content_types(value(CONTENT_TYPE).trim());
    let types: Vec<_> =
        types.map(|other| (Mistake::ContentTypeParameters, with(CONTENT_TYPE.as_str(), &other))).collect();
    let names = right.iter().filter_map(|line| line.split_once(':'));
    let untrimmed = names.flat_map(|(name, trimmed)| {
        let blank = [format!("{trimmed} "), format!(" {trimmed}"), format!(" {trimmed} ")];
        let sent = parts.headers.get(name).and_then(|value| str::from_utf8(value.as_bytes()).ok());
        blank.into_iter().chain(sent.map(str::to_owned)).map(|value| (name.to_owned(), value))
    });
    let untrimmed: Vec<_> =
        untrimmed.map(|(name, value)| (Mistake::HeaderNotTrimmed(name.clone()), with(&name, &value))).collect();
    let without = (0..right.len()).map(|index| {
        let mut lines = right.clone();
        let line = lines.remove(index);
        (Mistake::LeftOut(format!("the header {}", line.split(':').next().unwrap_or_default())), lines)
    });
    let without: Vec<_> = without.collect();
    let each = |change: &dyn Fn(&str) -> String| right.iter().map(|line| change(line)).collect::<Vec<_>>();
    let spaced = each(&|line| line.replacen(':', ": ", 1));
    let cased =
        [each(&title_cased), right.iter().zip(listed.split(';')).map(|(line, name)| named(line, name)).collect()];
    Choice::right(right.clone())
        .or_each(hosts)
        .or_each(types)
        .or_each(without)
        .or_each(cased.map(|lines| (Mistake::HeaderNameCase, lines)))
        .or(Mistake::SpaceAfterColon, spaced)
        .or_each(untrimmed)
}

/// The names, joined.
pub(super) fn names(right: &str, listed: &str) -> Choice<String> {
    Choice::right(right.to_owned())
        .or(Mistake::HeaderNameCase, title_cased(right))
        .or(Mistake::HeaderNameCase, listed.to_owned())
}

fn hosts(sent: &str, parts: &Parts) -> impl Iterator<Item = String> {
    let name = sent.rsplit_once(':').map_or(sent, |(name, _)| name);
    let other = [name.to_owned(), format!("{name}:443"), format!("{name}:80"), format!("{name}:8080")];
    let addressed = parts.uri.authority().map(|authority| authority.as_str().to_owned());
    let marketplace = Site::ALL.into_iter().flat_map(|site| [Some(site.host()), site.fallback_host()]).flatten();
    let known = marketplace.chain(["localhost", "127.0.0.1"]).map(str::to_owned);
    other.into_iter().chain(addressed).chain(known)
}

/// The media type without its parameters, and with the character set in every spelling.
fn content_types(sent: &str) -> impl Iterator<Item = String> {
    let bare = sent.split(';').next().unwrap_or_default().trim().to_owned();
    let parameters = ["", "; charset=utf-8", ";charset=utf-8", "; charset=UTF-8", ";charset=UTF-8", ";charset=utf8"];
    parameters.into_iter().map(move |parameter| [&bare, parameter].concat())
}

/// The line under another spelling of its name.
fn named(line: &str, name: &str) -> String {
    line.split_once(':').map_or_else(|| line.to_owned(), |(_, value)| format!("{name}:{value}"))
}

/// `x-sdk-date` becomes `X-Sdk-Date`, in a header's line and in a list of names.
fn title_cased(line: &str) -> String {
    let (names, value) = line.split_at(line.find(':').unwrap_or(line.len()));
    let mut at_begin = true;
    let letter = |letter: char| {
        let cased = if at_begin { letter.to_ascii_uppercase() } else { letter };
        at_begin = matches!(letter, '-' | ';');
        cased
    };
    names.chars().map(letter).chain(value.chars()).collect()
}
