//! A department of an enterprise.

use serde::{Deserialize, Serialize};

use crate::wire::UnknownFields;

/// One department. A list of departments is flat; [`parent_code`](Department::parent_code) makes it a tree, in which
/// [`department_path`](super::department_path) finds the way up.
///
/// The serde form is for stores and keeps everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Department {
    /// Code, unique in the enterprise, which never changes.
    pub org_code: String,
    /// Name, unique on its level. `None` where it was not sent, or could not be read.
    pub org_name: Option<String>,
    /// Code of the department above; none on the top level.
    pub parent_code: Option<String>,
    /// Members that no table lists, and those that could not be read; kept as received.
    pub unknown: UnknownFields,
}

impl Department {
    /// Returns a department on the top level.
    pub fn new(org_code: impl Into<String>, org_name: impl Into<String>) -> Self {
        let (org_code, org_name) = (org_code.into(), Some(org_name.into()));
        Self { org_code, org_name, parent_code: None, unknown: UnknownFields::default() }
    }
}
