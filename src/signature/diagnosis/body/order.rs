//! In which order a program writes the members of an object, and whether it writes nulls.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::super::Mistake;
use super::super::java::{Table, hash_order};
use super::super::search::Choice;
use crate::text::json::canonical::push_quoted;
use crate::text::json::{Member, members};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Order {
    Given,
    /// Sorted on the top level, nulls dropped: the canonical form.
    Canonical,
    SortedWithNulls,
    WithoutNulls,
    Descending,
    Deep,
    /// That of a Java `HashMap`.
    Hash {
        table: Table,
        deep: bool,
        nulls: bool,
    },
}

/// Every way in which a `HashMap` comes into being and is written.
fn hashes() -> impl Iterator<Item = (Mistake, Order)> {
    const WRITTEN: [(bool, bool); 4] = [(false, true), (false, false), (true, true), (true, false)];
    let written = |table| WRITTEN.map(|(deep, nulls)| (Mistake::JavaHashOrder, Order::Hash { table, deep, nulls }));
    Table::ALL.into_iter().flat_map(written)
}

pub(super) fn choice() -> Choice<Order> {
    Choice::right(Order::Given)
        .or_each([
            (Mistake::Nulls, Order::WithoutNulls),
            (Mistake::BodySorted, Order::SortedWithNulls),
            (Mistake::BodySorted, Order::Canonical),
            (Mistake::SortedDescending, Order::Descending),
            (Mistake::BodySortedDeep, Order::Deep),
        ])
        .or_each(hashes())
}

/// For a scheme in which the canonical form counts first, and the body as given is as good.
pub(super) fn canonical_first() -> Choice<Order> {
    Choice::right(Order::Canonical)
        .or_each([
            (Mistake::Unsorted, Order::Given),
            (Mistake::Unsorted, Order::WithoutNulls),
            (Mistake::Nulls, Order::SortedWithNulls),
            (Mistake::SortedDescending, Order::Descending),
            (Mistake::BodySortedDeep, Order::Deep),
        ])
        .or_each(hashes())
}

/// Brings members with the values of the canonical form into its order; `None` where one stands twice.
pub(super) fn make_canonical(members: &mut Vec<Member<'_>>) -> Option<()> {
    members.retain(|(_, value)| value != "null");
    sort(members);
    members.windows(2).all(|two| two[0].0 != two[1].0).then_some(())
}

/// The members in another order, without white space between them.
pub(super) fn reordered(object: &str, order: Order) -> Option<String> {
    let mut found = members(object.as_bytes()).ok()?;
    let mut is_deep = order == Order::Deep;
    match order {
        Order::Given | Order::Canonical => {}
        Order::WithoutNulls => found.retain(|(_, value)| value != "null"),
        Order::SortedWithNulls | Order::Deep => sort(&mut found),
        Order::Descending => {
            sort(&mut found);
            found.reverse();
        }
        Order::Hash { table, deep, nulls } => {
            let places = hash_order(found.iter().map(|(name, _)| &**name), table);
            found = places.into_iter().filter_map(|at| found.get(at).cloned()).collect();
            found.retain(|(_, value)| nulls || value != "null");
            is_deep = deep;
        }
    }
    let mut out = String::with_capacity(object.len());
    for (name, value) in found {
        out.push(if out.is_empty() { '{' } else { ',' });
        push_quoted(&mut out, &name);
        out.push(':');
        out.push_str(&if is_deep { deeply(&value, order)? } else { value });
    }
    Some(if out.is_empty() { "{}".to_owned() } else { out + "}" })
}

fn sort(members: &mut [Member<'_>]) {
    members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
}

/// A value with its members in that order on every level; no deeper than `members` allows.
fn deeply(value: &str, order: Order) -> Option<Cow<'_, str>> {
    if value.starts_with('{') {
        return reordered(value, order).map(Cow::Owned);
    }
    if !value.starts_with('[') {
        return Some(Cow::Borrowed(value));
    }
    let elements: Vec<&RawValue> = serde_json::from_str(value).ok()?;
    let elements = elements.into_iter().map(|element| deeply(element.get(), order)).collect::<Option<Vec<_>>>()?;
    Some(Cow::Owned(["[", &elements.join(","), "]"].concat()))
}
