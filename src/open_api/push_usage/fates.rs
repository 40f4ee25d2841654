//! Fate of each record of a push, by its list of refused records.

use std::collections::HashMap;

use super::answer::Element;
use super::{RecordFate, RejectedRecord, UsageRecord};

/// Reads a list. Records that it does not name were taken only if every element of it names exactly one record.
pub(super) fn of<'r>(records: &[UsageRecord], elements: &'r [Element]) -> Vec<RecordFate<'r>> {
    if let Some(refused) = refused_alike(records, elements) {
        return vec![RecordFate::Refused(refused); records.len()];
    }
    let named = Named::all(records);
    let mut fates = vec![None; records.len()];
    let mut is_read_in_full = !elements.is_empty();
    for element in elements {
        let found = element.as_ref().and_then(|refused| Some((refused, fates.get_mut(named.find(refused)?)?)));
        match found {
            Some((refused, fate @ None)) => *fate = Some(RecordFate::Refused(refused)),
            Some((refused, Some(RecordFate::Refused(before)))) if before.code == refused.code => {}
            // Two codes for one record say nothing about it.
            Some((_, fate)) => {
                *fate = Some(RecordFate::Unclear);
                is_read_in_full = false;
            }
            None => is_read_in_full = false,
        }
    }
    let unnamed = if is_read_in_full { RecordFate::Taken } else { RecordFate::Unclear };
    fates.into_iter().map(|fate| fate.unwrap_or(unnamed)).collect()
}

/// As many elements as records, all with one code and none with a name, are about all of them; most often that is the
/// answer to a single record.
fn refused_alike<'r>(records: &[UsageRecord], elements: &'r [Element]) -> Option<&'r RejectedRecord> {
    let first = elements.first()?.as_ref()?;
    let is_alike = |element: &Element| {
        let is_none = |name: &Option<String>| name.as_deref().is_none_or(str::is_empty);
        let same = |refused: &RejectedRecord| {
            is_none(&refused.metering_sn) && is_none(&refused.instance_id) && refused.code == first.code
        };
        element.as_ref().is_some_and(same)
    };
    (elements.len() == records.len() && elements.iter().all(is_alike)).then_some(first)
}

/// The records by what names them; `None` where several have the name.
struct Named<'a> {
    records: &'a [UsageRecord],
    numbers: HashMap<&'a str, Option<usize>>,
    instances: HashMap<&'a str, Option<usize>>,
}

impl<'a> Named<'a> {
    fn all(records: &'a [UsageRecord]) -> Self {
        let by = |name: fn(&UsageRecord) -> &str| {
            let mut named = HashMap::with_capacity(records.len());
            for (index, record) in records.iter().enumerate() {
                named.entry(name(record)).and_modify(|several| *several = None).or_insert(Some(index));
            }
            named
        };
        Self { records, numbers: by(|record| &record.metering_sn), instances: by(|record| &record.instance_id) }
    }

    fn find<'r>(&self, refused: &'r RejectedRecord) -> Option<usize> {
        // An empty text stands for no name, except of a record that has none.
        let name = |name: &'r Option<String>, names: &HashMap<&str, Option<usize>>| {
            name.as_deref().filter(|name| !name.is_empty() || names.contains_key(name))
        };
        let number = name(&refused.metering_sn, &self.numbers);
        match (number, name(&refused.instance_id, &self.instances)) {
            (Some(number), instance_id) => {
                let index = self.numbers.get(number).copied().flatten()?;
                let is_its = |id: &str| self.records.get(index).is_some_and(|record| record.instance_id == id);
                instance_id.is_none_or(is_its).then_some(index)
            }
            (None, Some(instance_id)) => self.instances.get(instance_id).copied().flatten(),
            (None, None) => None,
        }
    }
}
