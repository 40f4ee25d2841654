//! What a call says it is about, for the log.

use std::borrow::Cow;
use std::fmt;

use super::{FieldSource, FieldWarnings};
use crate::wire::{FieldWarning, Fields};

/// The ids that a verified call names, also where the rest of it could not be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Subject<'a> {
    pub(super) order_id: Option<Cow<'a, str>>,
    pub(super) order_line_id: Option<Cow<'a, str>>,
    pub(super) instance_id: Option<Cow<'a, str>>,
    pub(super) tenant_id: Option<Cow<'a, str>>,
}

impl<'a> Subject<'a> {
    pub(super) fn of(fields: &Fields<'a>) -> Self {
        Self {
            order_id: fields.peek("orderId"),
            order_line_id: fields.peek("orderLineId"),
            instance_id: fields.peek("instanceId"),
            tenant_id: fields.peek("tenantId"),
        }
    }

    pub(super) fn warnings<'s>(&'s self, source: FieldSource, fields: &'s [FieldWarning]) -> FieldWarnings<'s> {
        FieldWarnings {
            source,
            order_id: self.order_id.as_deref(),
            instance_id: self.instance_id.as_deref(),
            tenant_id: self.tenant_id.as_deref(),
            fields,
        }
    }
}

/// Ids in a log, in brackets; nothing where there are none. Their senders are verified, their lengths may be anything.
pub(super) struct ShownIds<'a>(pub(super) [(&'static str, Option<&'a str>); 4]);

/// Characters of an id that are shown; no documented one is longer.
const SHOWN: usize = 64;

impl fmt::Display for ShownIds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = " (";
        for (name, id) in self.0 {
            let Some(id) = id else { continue };
            let end = id.char_indices().nth(SHOWN).map_or(id.len(), |(end, _)| end);
            write!(f, "{separator}{name} {:?}", &id[..end])?;
            separator = ", ";
        }
        if separator == ", " { f.write_str(")") } else { Ok(()) }
    }
}
