//! A department in the full list of an enterprise.

use super::Version;
use super::list::Entry;
use crate::wire::{FieldSpec, Fields, OutgoingFields, ParseError, Part, UnknownFields, Warnings, part};

part! {
    /// One department. The list is flat; [`parent_code`](Department::parent_code) makes it a tree.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Department {
        /// Code, unique in the enterprise, which never changes; at most 64 characters.
        ///
        /// `orgCode`, mandatory.
        org_code: String = name "orgCode", 64;
        /// Name, unique on its level; documented with at most 128 characters. Absent where it was not sent, or could not be
        /// read.
        ///
        /// `name` (V1.0), `orgName` (V2.0) or `OrgName` (older copy of V2.0), mandatory by the documents.
        org_name: String = information "orgName" | "OrgName" | "name", 128;
        /// Code of the department above; none on the top level. At most 64 characters.
        ///
        /// `parentCode`, optional.
        parent_code: String = information "parentCode", 64;
        ..
        /// Members that no table lists, and those that could not be read; kept as received.
        unknown: UnknownFields;
    }
}

impl Department {
    /// A department on the top level.
    pub fn new(org_code: impl Into<String>, org_name: impl Into<String>) -> Self {
        let (org_code, org_name) = (org_code.into(), Some(org_name.into()));
        Self { org_code, org_name, parent_code: None, unknown: UnknownFields::default() }
    }
}

impl Entry for Department {
    const FIELDS: &'static [FieldSpec] = Self::FIELDS;

    fn read(mut fields: Fields<'_>, warnings: &mut Warnings) -> Result<Self, ParseError> {
        let department = <Self as Part>::read(&mut fields)?;
        let (unknown, noted) = fields.rest();
        warnings.extend(noted);
        Ok(Self { unknown, ..department })
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
