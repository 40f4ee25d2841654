//! Reading an answer whose list of refused records has no documented name and place: the code under every name, the
//! list wherever it stands. What cannot be read stays visible as such, because records are only settled on evidence.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{PARTIAL, RecordCode, RejectedRecord};
use crate::text::json::{self, Member};

/// Greatest depth at which a list may stand, texts that hold JSON included. Below that an answer counts as unclear.
const MAX_DEPTH: usize = 32;
/// The documented length of a description.
const MAX_DESCRIPTION: usize = 255;

/// Names in their plain form: no underscores, lower case.
const LIST: &str = "abnormalusagedata";
const CODES: [&str; 2] = ["errorcode", "resultcode"];
const OTHER_CODES: [&str; 4] = ["code", "errcode", "retcode", "returncode"];
const DESCRIPTIONS: [&str; 8] =
    ["errormsg", "errormessage", "resultmsg", "message", "msg", "description", "errordesc", "desc"];

/// An element of a list; `None` where it cannot be read.
pub(super) type Element = Option<RejectedRecord>;

/// The members of an answer that is a JSON object.
pub(in crate::open_api) struct Answer<'a>(Vec<Member<'a>>);

impl<'a> Answer<'a> {
    pub(in crate::open_api) fn read(body: &'a [u8]) -> Option<Self> {
        let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
        json::members(body).ok().map(Self)
    }

    /// The code of the whole answer, if all members that tell it agree.
    pub(in crate::open_api) fn code(&self) -> Option<String> {
        let codes = |names: &[&str]| {
            let mut codes = named_codes(&self.0, names).map(|value| Shape::of(value).code());
            let first = codes.next()?;
            Some(first.filter(|first| codes.all(|code| code.as_ref() == Some(first))))
        };
        codes(&CODES).or_else(|| codes(&OTHER_CODES)).flatten()
    }

    /// Returns the elements of `abnormal_usage_data`, at any depth; `None` where nothing has the name.
    fn abnormal(&self) -> Option<Vec<Element>> {
        let mut found = Found::default();
        found.search_members(&self.0, MAX_DEPTH);
        found.is_there.then_some(found.elements)
    }

    /// The refused records of an answer that says that there are some.
    pub(super) fn refused(&self) -> Vec<Element> {
        self.abnormal().or_else(|| self.first_list()).unwrap_or_default()
    }

    /// The refused records of an answer that says success, if it lists some all the same. Under another name it is such
    /// a list only if a documented code stands in it.
    pub(in crate::open_api) fn refused_in_success(&self) -> Option<Vec<Element>> {
        let is_of_refusals = |list: &Vec<Element>| list.iter().flatten().any(|record| record.code.is_documented());
        let list = match self.abnormal() {
            Some(list) => Some(list).filter(|list| !list.is_empty()),
            None => self.first_list().filter(is_of_refusals),
        };
        list.or_else(|| self.says_partial().then(Vec::new))
    }

    /// Returns whether any code of the answer, or of an object in it, is that of refused records, whatever the others
    /// say.
    fn says_partial(&self) -> bool {
        let names = [&CODES[..], &OTHER_CODES].concat();
        let says_it = |members: &[Member<'_>]| {
            named_codes(members, &names).any(|value| Shape::of(value).code().as_deref() == Some(PARTIAL))
        };
        let inner = self.0.iter().map(|(_, value)| Shape::of(value).opened());
        says_it(&self.0) || inner.into_iter().any(|shape| shape.members().is_some_and(says_it))
    }

    /// The first list of objects at the top level, or else a level deeper, whatever its name; or else an object that
    /// names a record and its code.
    fn first_list(&self) -> Option<Vec<Element>> {
        let shapes: Vec<_> = self.0.iter().map(|(_, value)| Shape::of(value).opened()).collect();
        let inner = shapes.iter().filter_map(Shape::members).flatten().map(|(_, value)| Shape::of(value).opened());
        let lists =
            shapes.iter().find_map(Shape::objects).or_else(|| inner.into_iter().find_map(|shape| shape.objects()));
        lists.or_else(|| {
            let elements = shapes.iter().filter_map(Shape::members).filter_map(|members| element(members));
            let mut named = elements.filter(|record| record.metering_sn.is_some() || record.instance_id.is_some());
            named.next().map(|record| vec![Some(record)])
        })
    }
}

/// Values found under the name of the list.
#[derive(Default)]
struct Found {
    is_there: bool,
    elements: Vec<Element>,
}

impl Found {
    fn search_members(&mut self, members: &[Member<'_>], depth: usize) {
        for (name, value) in members {
            if plain(name) == LIST { self.take(value, depth) } else { self.search(value, depth) }
        }
    }

    fn search(&mut self, raw: &str, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return self.take_unreadable() };
        match Shape::of(raw) {
            Shape::Object(members) => self.search_members(&members, depth),
            Shape::List(items) => items.iter().for_each(|item| self.search(item, depth)),
            Shape::Text(text) if text.trim_start().starts_with(['{', '[', '"']) => self.search(&text, depth),
            // A repeated member, or a text that was cut off.
            Shape::Broken if plain(raw).contains(LIST) => self.take_unreadable(),
            _ => {}
        }
    }

    /// Takes what stands under the name.
    fn take(&mut self, raw: &str, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return self.take_unreadable() };
        self.is_there = true;
        match Shape::of(raw) {
            Shape::Null => {}
            Shape::List(items) => self.elements.extend(items.iter().map(|item| read_element(item))),
            Shape::Text(text) if text.trim().is_empty() => {}
            Shape::Text(text) if text.trim_start().starts_with(['{', '[', '"']) => self.take(&text, depth),
            Shape::Object(members) if members.is_empty() => {}
            // The object around the list may have the list's name.
            Shape::Object(members) if members.iter().any(|(name, _)| plain(name) == LIST) => {
                self.search_members(&members, depth);
            }
            Shape::Object(members) => self.elements.push(element(&members)),
            _ => self.take_unreadable(),
        }
    }

    fn take_unreadable(&mut self) {
        self.is_there = true;
        self.elements.push(None);
    }
}

fn read_element(raw: &str) -> Element {
    element(Shape::of(raw).opened().members()?)
}

/// A record with its code. Codes that contradict each other, and an identification that is there and cannot be read,
/// make it unreadable.
fn element(members: &[Member<'_>]) -> Element {
    let names = [&CODES[..], &OTHER_CODES].concat();
    let codes = named_codes(members, &names).map(|value| RecordCode::read(&Shape::of(value).code()?));
    let codes = codes.collect::<Option<Vec<_>>>()?;
    let code = codes.first().filter(|first| codes.iter().all(|code| code == *first))?.clone();
    let text = |name: &str| -> Option<Option<String>> {
        let values = named(members, &[name]).into_iter().map(|value| Shape::of(value).scalar());
        let values = values.collect::<Option<Vec<_>>>()?;
        let first = values.first().filter(|first| values.iter().all(|value| value == *first));
        (values.is_empty() || first.is_some()).then(|| first.cloned())
    };
    let description = named(members, &DESCRIPTIONS).into_iter().find_map(|value| Shape::of(value).scalar());
    Some(RejectedRecord {
        code,
        metering_sn: text("meteringsn")?,
        instance_id: text("instanceid")?,
        description: description.map(|text| text.chars().take(MAX_DESCRIPTION).collect()),
    })
}

/// The values of members under these names that are not null.
fn named<'m>(members: &'m [Member<'_>], names: &[&str]) -> Vec<&'m str> {
    let named = members.iter().filter(|(name, _)| names.contains(&plain(name).as_str()));
    named.map(|(_, value)| value.as_ref()).filter(|value| *value != "null").collect()
}

/// The same, without blank texts.
fn named_codes<'m>(members: &'m [Member<'_>], names: &[&str]) -> impl Iterator<Item = &'m str> {
    named(members, names).into_iter().filter(|value| !value.trim_matches('"').trim().is_empty())
}

/// A name without its underscores and letter case.
fn plain(name: &str) -> String {
    name.chars().filter(|character| !matches!(character, '_' | '-' | ' ')).collect::<String>().to_ascii_lowercase()
}

/// A JSON value, a level deep.
enum Shape<'a> {
    Null,
    Text(String),
    Number(&'a str),
    List(Vec<Cow<'a, str>>),
    Object(Vec<Member<'a>>),
    /// Neither: a truth value, no JSON, a member that stands twice.
    Broken,
}

impl<'a> Shape<'a> {
    fn of(raw: &'a str) -> Self {
        let raw = raw.trim();
        let read = match raw.bytes().next() {
            Some(b'{') => json::members(raw.as_bytes()).ok().map(Self::Object),
            Some(b'[') => {
                let items = serde_json::from_str::<Vec<&RawValue>>(raw).ok();
                items.map(|items| Self::List(items.into_iter().map(|item| Cow::Borrowed(item.get())).collect()))
            }
            Some(b'"') => serde_json::from_str(raw).ok().map(Self::Text),
            Some(b'-' | b'0'..=b'9') => serde_json::from_str::<serde_json::Number>(raw).ok().map(|_| Self::Number(raw)),
            Some(b'n') if raw == "null" => Some(Self::Null),
            _ => None,
        };
        read.unwrap_or(Self::Broken)
    }

    /// Returns the content of a text, if that is an object or a list.
    fn opened(self) -> Shape<'a> {
        let Self::Text(text) = self else { return self };
        let owned = |(name, value): Member<'_>| (name.into_owned().into(), value.into_owned().into());
        match Shape::of(&text) {
            Shape::Object(members) => Shape::Object(members.into_iter().map(owned).collect()),
            Shape::List(items) => Shape::List(items.into_iter().map(|item| item.into_owned().into()).collect()),
            _ => Shape::Text(text),
        }
    }

    fn members(&self) -> Option<&[Member<'a>]> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// The elements of a list, if one of them is an object.
    fn objects(&self) -> Option<Vec<Element>> {
        let Self::List(items) = self else { return None };
        let has_object = items.iter().any(|item| Shape::of(item).opened().members().is_some());
        has_object.then(|| items.iter().map(|item| read_element(item)).collect())
    }

    fn scalar(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.trim().to_owned()),
            Self::Number(number) => Some((*number).to_owned()),
            _ => None,
        }
    }

    /// A code: blanks left out, in capitals, and whole numbers in their shortest form.
    fn code(&self) -> Option<String> {
        let text: String = self.scalar()?.split_whitespace().collect();
        let is_number = matches!(self, Self::Number(_)) || text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.'));
        match text.parse::<f64>() {
            Ok(number) if is_number && number.fract() == 0.0 && (0.0..1e15).contains(&number) => {
                Some(format!("{number:.0}"))
            }
            _ => Some(text.to_ascii_uppercase()).filter(|text| !text.is_empty()),
        }
    }
}
