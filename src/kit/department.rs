//! A department in the full list of an enterprise.

use super::Version;
use super::list::Entry;
use crate::wire::{Fields, Name, OutgoingFields, ParseError, UnknownFields, Warnings};

/// One department. The list is flat; [`parent_code`](Department::parent_code) makes it a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Department {
    /// Code, unique in the enterprise, which never changes; at most 64 characters.
    ///
    /// `orgCode`, mandatory.
    pub org_code: String,
    /// Name, unique on its level; documented with at most 128 characters. `None` where it was not sent, or could not be
    /// read.
    ///
    /// `name` (V1.0), `orgName` (V2.0) or `OrgName` (older copy of V2.0), mandatory by the documents.
    pub org_name: Option<String>,
    /// Code of the department above; none on the top level. At most 64 characters.
    ///
    /// `parentCode`, optional.
    pub parent_code: Option<String>,
    /// Members that no table lists, and those that could not be read; kept as received.
    pub unknown: UnknownFields,
}

impl Department {
    /// A department on the top level.
    pub fn new(org_code: impl Into<String>, org_name: impl Into<String>) -> Self {
        let (org_code, org_name) = (org_code.into(), Some(org_name.into()));
        Self { org_code, org_name, parent_code: None, unknown: UnknownFields::default() }
    }
}

impl Entry for Department {
    fn read(mut fields: Fields<'_>, warnings: &mut Warnings) -> Result<Self, ParseError> {
        let Name(org_code) = fields.mandatory("orgCode", 64)?;
        let org_name = fields.information_of(&["orgName", "OrgName", "name"], 128);
        let parent_code = fields.information("parentCode", 64);
        let (unknown, noted) = fields.rest();
        warnings.extend(noted);
        Ok(Self { org_code, org_name, parent_code, unknown })
    }

    fn write(&self, version: Version) -> OutgoingFields {
        let mut out = OutgoingFields::default();
        out.push("orgCode", &self.org_code);
        out.push_optional(if version == Version::V1 { "name" } else { "orgName" }, self.org_name.as_ref());
        out.push_optional("parentCode", self.parent_code.as_ref());
        out.push_unknown(&self.unknown);
        out
    }
}
