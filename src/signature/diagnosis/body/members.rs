//! Changes to a body by a typed model: members that it does not know are gone, and those that it knows are all there.

mod numbers;

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::Mistake;
use super::super::search::Choice;
use crate::signature::auth_token_body;
use crate::text::json::canonical::push_quoted;
use crate::text::json::{Tokens, unquote};

/// Name and value text, in the order received, repeated ones included.
pub(super) type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Members of the documents, in their order, by the activity that a message names.
const DOCUMENTED: [(&str, &[&str]); 12] = [
    ("newInstance", &["activity", "orderId", "orderLineId", "businessId", "productId", "testFlag"]),
    (
        "refreshInstance",
        &["activity", "scene", "orderId", "orderLineId", "instanceId", "expireTime", "productId", "testFlag"],
    ),
    ("updateInstanceStatus", &["activity", "instanceId", "status", "testFlag"]),
    ("releaseInstance", &["activity", "instanceId", "orderId", "orderLineId", "testFlag"]),
    ("upgradeInstance", &["activity", "instanceId", "orderId", "orderLineId", "testFlag"]),
    ("changeInstanceCheck", &["activity", "instanceId", "productInfo", "testFlag"]),
    ("queryInstance", &["activity", "instanceId", "testFlag"]),
    (
        "getLicenseAsync",
        &["activity", "instanceId", "effectiveTime", "eventId", "expireTime", "deviceFingerprint", "testFlag"],
    ),
    (
        "refreshLicenseCode",
        &["activity", "scene", "orderId", "orderLineId", "license", "expireTime", "productId", "testFlag"],
    ),
    ("updateLicenseCodeStatus", &["activity", "license", "status", "testFlag"]),
    ("releaseLicenseCode", &["activity", "license", "orderId", "orderLineId", "testFlag"]),
    ("orderNotify", &["activity", "orderId", "orderLineId", "testFlag"]),
];

/// Other members of a model of all callbacks.
const OTHERS: [&str; 17] = [
    "activity",
    "orderId",
    "orderLineId",
    "businessId",
    "instanceId",
    "productId",
    "scene",
    "expireTime",
    "status",
    "license",
    "testFlag",
    "tenantCode",
    "orgInfoList",
    "userList",
    "resultMsg",
    "appInfo",
    "memo",
];

/// Of more members every place is no longer tried.
const FEW_PLACES: usize = 16;

/// Members that are left out or changed.
#[derive(Clone, Copy)]
pub(in super::super) enum Members {
    Given,
    /// All but the one at this place.
    Without(usize),
    Documented(&'static [&'static str]),
    /// Without those of empty text.
    Filled,
    /// Numbers as text.
    Quoted,
    /// Text that holds a number as a number.
    Unquoted,
    /// Numbers on every level, as this language writes them.
    Numbers(numbers::Language),
    /// Empty objects on every level as empty lists.
    EmptyLists,
    /// The first of each name, or the last; at the place of the first, or of the last.
    Merged {
        last_value: bool,
        last_place: bool,
    },
}

/// Members that are added.
#[derive(Clone)]
pub(in super::super) struct Added {
    names: Vec<&'static str>,
    value: &'static str,
    place: Place,
}

#[derive(Clone, Copy)]
enum Place {
    At(usize),
    /// Each before the first that the documents have behind it.
    AsDocumented(&'static [&'static str]),
    Sorted,
}

fn documented(pairs: &Pairs<'_>) -> Option<&'static [&'static str]> {
    let (_, activity) = pairs.iter().find(|(name, _)| name == "activity")?;
    let activity = unquote(activity)?;
    DOCUMENTED.iter().find(|(known, _)| *known == activity).map(|(_, names)| *names)
}

/// The first name that stands twice.
pub(super) fn repeated(pairs: &Pairs<'_>) -> Option<String> {
    let mut names: Vec<&str> = pairs.iter().map(|(name, _)| &**name).collect();
    names.sort_unstable();
    names.windows(2).find(|two| two[0] == two[1]).map(|two| two[0].to_owned())
}

pub(super) fn choice(pairs: &Pairs<'_>) -> Choice<Members> {
    let merged = repeated(pairs).into_iter().flat_map(|name| {
        let ways = [(true, false), (false, false), (true, true)];
        ways.map(|(last_value, last_place)| {
            (Mistake::RepeatedMember(name.clone()), Members::Merged { last_value, last_place })
        })
    });
    let without = pairs.iter().enumerate();
    let without = without.map(|(at, (name, _))| (Mistake::MemberDropped(name.to_string()), Members::Without(at)));
    let documented = documented(pairs).map(|names| (Mistake::UnknownMembersDropped, Members::Documented(names)));
    Choice::right(Members::Given).or_each(merged).or_each(without).or_each(documented).or_each([
        (Mistake::EmptyMembersDropped, Members::Filled),
        (Mistake::NumbersAsText, Members::Quoted),
        (Mistake::NumbersAsText, Members::Unquoted),
        (Mistake::NumbersRewritten("JavaScript"), Members::Numbers(numbers::Language::JavaScript)),
        (
            Mistake::NumbersRewritten("Java, which reads all of them as Double (Gson)"),
            Members::Numbers(numbers::Language::JavaDouble),
        ),
        (Mistake::NumbersRewritten("Python"), Members::Numbers(numbers::Language::Python)),
        (Mistake::EmptyObjectsAsLists, Members::EmptyLists),
    ])
}

/// Nothing, or some of the members that the documents have and the body has not.
pub(super) fn additions(pairs: &Pairs<'_>) -> Choice<Option<Added>> {
    let nothing = Choice::right(None);
    if pairs.is_empty() {
        return nothing;
    }
    let is_absent = |name: &&'static str| pairs.iter().all(|(present, _)| present != *name);
    let kit = auth_token_body::KNOWN.iter().filter(|name| !OTHERS.contains(name));
    let absent: Vec<_> = OTHERS.iter().chain(kit).copied().filter(is_absent).collect();
    let places: Vec<_> = match pairs.len() {
        count if count <= FEW_PLACES => (0..=count).rev().map(Place::At).collect(),
        count => vec![Place::At(count), Place::At(0), Place::Sorted],
    };
    let mut added = Vec::new();
    let mut add = |names: &[&'static str], place: Place| {
        for value in ["null", "\"\""] {
            let mistake = Mistake::MemberAdded(names.join(", "));
            added.push((mistake, Some(Added { names: names.to_vec(), value, place })));
        }
    };
    let documented = documented(pairs);
    // Several of a model's members at once.
    if let Some(documented) = documented {
        let absent: Vec<_> = documented.iter().copied().filter(is_absent).collect();
        for subset in 1..1_usize << absent.len() {
            let names = absent.iter().enumerate().filter(|(at, _)| subset >> at & 1 == 1).map(|(_, name)| *name);
            let names: Vec<_> = names.collect();
            for place in [Place::AsDocumented(documented), Place::At(pairs.len()), Place::Sorted] {
                add(&names, place);
            }
        }
    }
    for name in absent {
        places.iter().for_each(|place| add(&[name], *place));
    }
    nothing.or_each(added)
}

impl Members {
    pub(super) fn apply(self, pairs: &mut Pairs<'_>) {
        match self {
            Self::Given => {}
            Self::Without(left_out) => {
                if left_out < pairs.len() {
                    pairs.remove(left_out);
                }
            }
            Self::Documented(names) => pairs.retain(|(name, _)| names.contains(&&**name)),
            Self::Filled => pairs.retain(|(_, value)| value != "\"\""),
            Self::Quoted => pairs.iter_mut().filter(|(_, value)| is_number(value)).for_each(|(_, value)| {
                *value = Cow::Owned(["\"", value, "\""].concat());
            }),
            Self::Unquoted => pairs.iter_mut().for_each(|(_, value)| {
                let inner = unquote(value).filter(|inner| is_number(inner));
                if let Some(inner) = inner {
                    *value = Cow::Owned(inner.into_owned());
                }
            }),
            Self::Numbers(language) => each_value(pairs, |value| numbers::rewritten(value, language)),
            Self::EmptyLists => each_value(pairs, |value| {
                let tokens: Vec<&str> = Tokens(value).collect();
                let mut out = String::with_capacity(value.len());
                for (at, token) in tokens.iter().enumerate() {
                    out.push_str(
                        match (*token, at.checked_sub(1).and_then(|before| tokens.get(before)), tokens.get(at + 1)) {
                            ("{", _, Some(&"}")) => "[",
                            ("}", Some(&"{"), _) => "]",
                            (token, ..) => token,
                        },
                    );
                }
                out
            }),
            Self::Merged { last_value, last_place } => merge(pairs, last_value, last_place),
        }
    }
}

fn each_value(pairs: &mut Pairs<'_>, change: impl Fn(&str) -> String) {
    pairs.iter_mut().for_each(|(_, value)| *value = Cow::Owned(change(value)));
}

fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        && serde_json::from_str::<&RawValue>(text).is_ok()
}

fn merge(pairs: &mut Pairs<'_>, last_value: bool, last_place: bool) {
    let mut merged: Pairs<'_> = Vec::with_capacity(pairs.len());
    for (name, value) in pairs.drain(..) {
        match merged.iter().position(|(known, _)| *known == name) {
            None => merged.push((name, value)),
            Some(at) if last_place => {
                merged.remove(at);
                merged.push((name, value));
            }
            Some(at) => {
                if let Some(member) = merged.get_mut(at).filter(|_| last_value) {
                    member.1 = value;
                }
            }
        }
    }
    *pairs = merged;
}

impl Added {
    pub(super) fn apply(&self, pairs: &mut Pairs<'_>) {
        for (number, &name) in self.names.iter().enumerate() {
            let at = match self.place {
                Place::At(at) => at + number,
                Place::Sorted => pairs.iter().position(|(other, _)| **other > *name).unwrap_or(pairs.len()),
                Place::AsDocumented(order) => {
                    let of = |name: &str| order.iter().position(|known| *known == name);
                    let follows = |other: &str| of(other) > of(name);
                    pairs.iter().position(|(other, _)| follows(other)).unwrap_or(pairs.len())
                }
            };
            pairs.insert(at.min(pairs.len()), (Cow::Borrowed(name), Cow::Borrowed(self.value)));
        }
    }
}

/// The members of an object; `None` where the text is no object.
pub(super) fn read(text: &str) -> Option<Pairs<'_>> {
    struct AsTheyStand;
    impl<'de> Visitor<'de> for AsTheyStand {
        type Value = Pairs<'de>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
            let mut pairs = Vec::new();
            while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                pairs.push((Cow::Owned(name), Cow::Borrowed(value.get())));
            }
            Ok(pairs)
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let pairs = deserializer.deserialize_map(AsTheyStand);
    pairs.and_then(|pairs| deserializer.end().map(|()| pairs)).ok()
}

/// An object without white space between its members.
pub(super) fn write(pairs: &Pairs<'_>) -> String {
    let mut out = String::from("{");
    for (index, (name, value)) in pairs.iter().enumerate() {
        out.push_str(if index > 0 { "," } else { "" });
        push_quoted(&mut out, name);
        out.extend([":", value]);
    }
    out + "}"
}
