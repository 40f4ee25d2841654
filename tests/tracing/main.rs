//! What `tracing` records. A binary of its own, because a subscriber changes what other threads find enabled.

mod callback;
mod open_api;

use std::fmt::{Debug, Write as _};

use tracing::field::{Field, Visit};

/// Appends fields to a line.
struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}
