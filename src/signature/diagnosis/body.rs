//! Changes to a JSON body by models, parsers, serializers, editors and character sets.

mod edge;
mod escapes;
mod members;
mod order;

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::Mistake;
use super::search::{Budget, Choice};
use crate::signature::mismatch;
use crate::text::json::{self, Tokens};
use edge::{Edge, MARK};
use escapes::Escapes;
use members::{Added, Members};
use order::{Order, reordered};

/// Of how many choices a body is made.
pub(super) const CHOICES: usize = 6;

/// The choices that make the signed body out of the given one.
pub(super) struct Bodies<'a> {
    given: &'a [u8],
    /// The object in it. What stands around that is no part of it, and comes off where it is read.
    text: Option<&'a str>,
    /// Its members, without white space in their values.
    pairs: members::Pairs<'a>,
    /// These with the values of the canonical form, once they were needed; `None` if it has none.
    canonical: OnceCell<Option<members::Pairs<'a>>>,
    edge: Choice<Edge>,
    spacing: Choice<Spacing>,
    escapes: Choice<Escapes>,
    order: Choice<Order>,
    members: Choice<Members>,
    added: Choice<Option<Added>>,
    /// Bodies in which nothing or one thing is wrong, needed again together with what is wrong elsewhere.
    made: RefCell<Made>,
    /// Number of bytes that may still be kept there.
    room: Cell<usize>,
    budget: Budget,
}

/// By the indices of the choices.
type Made = HashMap<[usize; CHOICES], Option<Rc<[u8]>>>;

/// Number of bytes of all bodies that are kept.
const MAX_KEPT: usize = 64 << 20;

/// To write a body costs as much as to hash so many of its length.
const WRITING: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Spacing {
    Given,
    None,
    /// `, ` and `: `.
    Spaced,
    /// So many spaces for each level.
    Indented(usize),
    /// A tab for each level.
    Tabbed,
}

impl<'a> Bodies<'a> {
    pub(super) fn new(given: &'a [u8]) -> Self {
        let spacing = Choice::right(Spacing::Given).or_each([
            (Mistake::BodyCompacted, Spacing::None),
            (Mistake::BodySpaced, Spacing::Spaced),
            (Mistake::BodyIndented, Spacing::Indented(2)),
            (Mistake::BodyIndented, Spacing::Indented(4)),
            (Mistake::BodyIndented, Spacing::Tabbed),
        ]);
        let text = str::from_utf8(given).ok().map(|text| text.strip_prefix(MARK).unwrap_or(text).trim());
        let pairs = text.and_then(members::read);
        let text = text.filter(|_| pairs.is_some());
        let mut pairs = pairs.unwrap_or_default();
        // A program that reads an object writes it without white space.
        for (_, value) in &mut pairs {
            *value = Cow::Owned(rewritten(value, Spacing::None, None).unwrap_or_default());
        }
        Self {
            given,
            text,
            edge: edge::choice(given),
            spacing,
            escapes: escapes::choice(),
            order: order::choice(),
            members: members::choice(&pairs),
            added: members::additions(&pairs),
            pairs,
            canonical: OnceCell::new(),
            made: RefCell::default(),
            room: Cell::new(MAX_KEPT),
            budget: Budget::new(),
        }
    }

    /// For a scheme in which the canonical form counts first, and the body as given is as good.
    pub(super) fn canonical_first(given: &'a [u8]) -> Self {
        Self { order: order::canonical_first(), ..Self::new(given) }
    }

    /// Returns the mistakes to try; [`Bodies::get_to_hash`] takes an index of each.
    pub(super) fn mistakes(&self) -> [&[Mistake]; CHOICES] {
        [
            self.edge.mistakes(),
            self.spacing.mistakes(),
            self.escapes.mistakes(),
            self.order.mistakes(),
            self.members.mistakes(),
            self.added.mistakes(),
        ]
    }

    /// Returns the budget of a search with these bodies.
    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Returns the body of these choices for an attempt that hashes it; `None` where it is no JSON to be written in such a
    /// way, or the attempt costs too much.
    pub(super) fn get_to_hash(&self, picked: &[usize]) -> Option<Rc<[u8]>> {
        self.budget.spend(self.given.len())?;
        self.get(picked)
    }

    /// Returns the mistakes that hold whatever was signed.
    pub(super) fn certain(&self) -> Vec<Mistake> {
        let compressed = mismatch::coding_of(self.given).map(Mistake::BodyCompressed);
        compressed.into_iter().chain(members::repeated(&self.pairs).map(Mistake::RepeatedMember)).collect()
    }

    fn get(&self, picked: &[usize]) -> Option<Rc<[u8]>> {
        let picked: [usize; CHOICES] = picked.try_into().ok()?;
        if let Some(made) = self.made.borrow().get(&picked) {
            return made.clone();
        }
        self.budget.spend(WRITING * self.given.len())?;
        let made = self.make(picked);
        let length = made.as_ref().map_or(0, |made| made.len());
        if picked.iter().filter(|index| **index > 0).count() <= 1
            && let Some(room) = self.room.get().checked_sub(length)
        {
            self.room.set(room);
            self.made.borrow_mut().insert(picked, made.clone());
        }
        made
    }

    fn make(&self, [edge, spacing, escapes, order, members, added]: [usize; CHOICES]) -> Option<Rc<[u8]>> {
        if edge > 0 {
            let body = self.get(&[0, spacing, escapes, order, members, added])?;
            return self.edge[edge].change(&body).map(Into::into);
        }
        let (spacing, escapes, order) = (self.spacing[spacing], self.escapes[escapes], self.order[order]);
        let (members, added) = (self.members[members], &self.added[added]);
        let is_remade = !matches!(members, Members::Given) || added.is_some();
        let is_compact = is_remade || order != Order::Given;
        if (spacing, escapes) == (Spacing::Given, None) && !is_compact {
            return Some(self.given.into());
        }
        let mut text = Cow::Borrowed(self.text?);
        if is_compact {
            let is_canonical = order == Order::Canonical;
            let mut pairs = if is_canonical { self.canonical()?.clone() } else { self.pairs.clone() };
            members.apply(&mut pairs);
            added.iter().for_each(|added| added.apply(&mut pairs));
            if is_canonical {
                order::make_canonical(&mut pairs)?;
            }
            text = Cow::Owned(members::write(&pairs));
        }
        if !matches!(order, Order::Given | Order::Canonical) {
            text = Cow::Owned(reordered(&text, order)?);
        }
        if !is_compact || !matches!((spacing, escapes), (Spacing::Given | Spacing::None, None)) {
            text = Cow::Owned(rewritten(&text, spacing, escapes)?);
        }
        Some(text.as_bytes().into())
    }

    fn canonical(&self) -> Option<&members::Pairs<'a>> {
        let canonical = |value: &Cow<'_, str>| {
            let mut out = String::with_capacity(value.len());
            json::canonical::push_canonical(&mut out, value).map(|()| Cow::Owned(out))
        };
        let pairs = || self.pairs.iter().map(|(name, value)| Some((name.clone(), canonical(value)?))).collect();
        self.canonical.get_or_init(pairs).as_ref()
    }
}

/// Valid JSON with other white space and other escapes.
fn rewritten(text: &str, spacing: Spacing, escapes: Escapes) -> Option<String> {
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut opened = false;
    for token in Tokens(text) {
        let opens = matches!(token, "{" | "[");
        let closes = matches!(token, "}" | "]");
        if closes {
            depth = depth.saturating_sub(1);
        }
        // An empty object or array stays on its line.
        if (opened && !closes) || (closes && !opened) {
            break_line(&mut out, spacing, depth);
        }
        match (token, escapes) {
            (string, Some(style)) if string.starts_with('"') => escapes::push_string(&mut out, string, style)?,
            (other, _) => out.push_str(other),
        }
        match (token, spacing) {
            (",", Spacing::Indented(_) | Spacing::Tabbed) => break_line(&mut out, spacing, depth),
            (":", Spacing::Indented(_) | Spacing::Tabbed) | ("," | ":", Spacing::Spaced) => out.push(' '),
            _ => {}
        }
        if opens {
            depth += 1;
        }
        opened = opens;
    }
    Some(out)
}

fn break_line(out: &mut String, spacing: Spacing, depth: usize) {
    let (indent, width) = match spacing {
        Spacing::Indented(width) => (' ', width),
        Spacing::Tabbed => ('\t', 1),
        _ => return,
    };
    out.push('\n');
    out.extend(std::iter::repeat_n(indent, width * depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = r#"{"b":{"y":[{"d":1,"c":2},[]],"x":{}},"a":"欢/<\u0041>","n":null}"#;

    fn written(order: Order) -> String {
        let ordered = if order == Order::Given { GIVEN.to_owned() } else { reordered(GIVEN, order).unwrap() };
        rewritten(&ordered, Spacing::Given, None).unwrap()
    }

    #[test]
    fn orders() {
        let compact = written;
        let canonical = Bodies::canonical_first(GIVEN.as_bytes()).get(&[0; CHOICES]).unwrap();
        assert_eq!(str::from_utf8(&canonical), Ok(r#"{"a":"欢/<A>","b":{"y":[{"d":1,"c":2},[]],"x":{}}}"#));
        assert_eq!(
            compact(Order::SortedWithNulls),
            r#"{"a":"欢/<\u0041>","b":{"y":[{"d":1,"c":2},[]],"x":{}},"n":null}"#
        );
        assert_eq!(compact(Order::WithoutNulls), r#"{"b":{"y":[{"d":1,"c":2},[]],"x":{}},"a":"欢/<\u0041>"}"#);
        assert_eq!(compact(Order::Descending), r#"{"n":null,"b":{"y":[{"d":1,"c":2},[]],"x":{}},"a":"欢/<\u0041>"}"#);
        assert_eq!(compact(Order::Deep), r#"{"a":"欢/<\u0041>","b":{"x":{},"y":[{"c":2,"d":1},[]]},"n":null}"#);
        assert_eq!(reordered("{}", Order::Deep).unwrap(), "{}");
    }

    #[test]
    fn spacing() {
        assert_eq!(
            rewritten(r#"{"a":[1,{"b":-2.5e1}],"c":{}}"#, Spacing::Spaced, None).unwrap(),
            r#"{"a": [1, {"b": -2.5e1}], "c": {}}"#
        );
        assert_eq!(
            rewritten(r#"{"a":[1,{"b":true}],"c":{}}"#, Spacing::Indented(2), None).unwrap(),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": true\n    }\n  ],\n  \"c\": {}\n}"
        );
        assert_eq!(rewritten("{\n \"a\" : 1 }", Spacing::None, None).unwrap(), "{\"a\":1}");
    }
}
