//! A department in the full list of an enterprise.

use serde::{Deserialize, Serialize};

use super::Version;
use super::list::Entry;
use crate::wire::{Fields, OutgoingFields, ParseError, UnknownFields};

/// One department. The list is flat; [`parent_code`](Department::parent_code) makes it a tree.
///
/// The serde form is for stores and keeps everything; it is not the wire's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Department {
    /// Code, unique in the enterprise, which never changes; at most 64 characters.
    ///
    /// `orgCode`, mandatory.
    pub org_code: String,
    /// Name, unique on its level; at most 128 characters.
    ///
    /// `name` (V1.0), `orgName` (V2.0) or `OrgName` (older copy of V2.0), mandatory.
    pub org_name: String,
    /// Code of the department above; none on the top level. At most 64 characters.
    ///
    /// `parentCode`, optional.
    pub parent_code: Option<String>,
    /// Members that no table lists; kept as received.
    pub unknown: UnknownFields,
}

impl Department {
    /// A department on the top level.
    pub fn new(org_code: impl Into<String>, org_name: impl Into<String>) -> Self {
        let (org_code, org_name) = (org_code.into(), org_name.into());
        Self { org_code, org_name, parent_code: None, unknown: UnknownFields::default() }
    }
}

impl Entry for Department {
    fn read(mut fields: Fields<'_>) -> Result<Self, ParseError> {
        let org_name = fields.first_of(&["orgName", "OrgName", "name"], 128)?;
        Ok(Self {
            org_code: fields.mandatory("orgCode", 64)?,
            org_name: org_name.map_or_else(|| fields.mandatory("orgName", 128), Ok)?,
            parent_code: fields.optional("parentCode", 64)?,
            unknown: fields.rest()?,
        })
    }

    fn write(&self, version: Version) -> OutgoingFields {
        let mut out = OutgoingFields::default();
        out.push("orgCode", &self.org_code);
        out.push(if version == Version::V1 { "name" } else { "orgName" }, &self.org_name);
        out.push_optional("parentCode", self.parent_code.as_ref());
        out.push_unknown(&self.unknown);
        out
    }
}
