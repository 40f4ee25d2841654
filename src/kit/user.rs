//! A user of the buyer's enterprise.

use serde::{Deserialize, Serialize};

use super::Version;
use super::list::Entry;
use crate::redact::Sensitive;
use crate::wire::lenient::Scalar;
use crate::wire::{
    FieldProblem, FieldValue, Fields, OutgoingFields, OutgoingValue, ParseError, RawField, UnknownFields, open_enum,
};

open_enum! {
    /// What a user may do in the application.
    pub enum Role {
        /// Uses it.
        User = "user",
        /// Administers it: the application has to grant its administrator's role.
        Admin = "admin",
    }
}

open_enum! {
    /// How somebody is employed.
    pub enum EmployeeType {
        /// Formal employee.
        Formal = "1",
        /// Intern.
        Intern = "2",
        /// Dispatched labour.
        Dispatched = "3",
        /// Outsourced labour.
        Outsourced = "4",
    }
}

/// One user. What is optional arrives only if the seller applied for it and the buyer agreed, and may be masked.
///
/// Lengths are those of V2.0; V1.0 prints none. The serde form is for stores and keeps everything; it is not the wire's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct User {
    /// Account, unique in the tenant only; at most 64 characters.
    ///
    /// `userName`, mandatory.
    pub user_name: Sensitive,
    /// The person's name, at most 64 characters.
    ///
    /// `name`, mandatory.
    pub name: Sensitive,
    /// Code of the department, at most 64 characters.
    ///
    /// `orgCode`, mandatory.
    pub org_code: String,
    /// What the user may do.
    ///
    /// `role`, mandatory.
    pub role: Role,
    /// Whether the account is in use; on the wire the text `true` or `false`.
    ///
    /// `enable`, mandatory.
    pub enable: bool,
    /// Job title, at most 64 characters.
    ///
    /// `position`, optional.
    pub position: Option<String>,
    /// Employee number, at most 64 characters.
    ///
    /// `employeeCode`, optional.
    pub employee_code: Option<Sensitive>,
    /// Mobile number, at most 32 characters.
    ///
    /// `mobile`, optional.
    pub mobile: Option<Sensitive>,
    /// E-mail address, at most 128 characters.
    ///
    /// `email`, optional.
    pub email: Option<Sensitive>,
    /// How the person is employed; text in V1.0, a number in V2.0.
    ///
    /// `employeeType`, optional; in `extension` or beside it.
    pub employee_type: Option<EmployeeType>,
    /// Place of work, at most 256 characters.
    ///
    /// `workPlace`, optional; in `extension` or beside it.
    pub work_place: Option<String>,
    /// Date of entry, `yyyy-MM-dd` or with a day of one digit (`2022-11-9`).
    ///
    /// `entryDate`, optional; in `extension` or beside it.
    pub entry_date: Option<String>,
    /// What else stands in `extension`: fields that the buyer defined, account sets of ERP applications.
    pub extension: UnknownFields,
    /// Members that no table lists; kept as received, and `extension` among them if it is no object.
    pub unknown: UnknownFields,
}

impl User {
    /// A user in use, of whom no more is told.
    pub fn new(
        user_name: impl Into<Sensitive>,
        name: impl Into<Sensitive>,
        org_code: impl Into<String>,
        role: Role,
    ) -> Self {
        Self {
            user_name: user_name.into(),
            name: name.into(),
            org_code: org_code.into(),
            role,
            enable: true,
            position: None,
            employee_code: None,
            mobile: None,
            email: None,
            employee_type: None,
            work_place: None,
            entry_date: None,
            extension: UnknownFields::default(),
            unknown: UnknownFields::default(),
        }
    }
}

impl Entry for User {
    fn read(mut fields: Fields<'_>) -> Result<Self, ParseError> {
        let Extension { mut employment, rest: extension } =
            fields.lenient("extension", Extension::read)?.unwrap_or_default();
        employment.complete(&mut fields)?;
        Ok(Self {
            user_name: fields.mandatory("userName", 64)?,
            name: fields.mandatory("name", 64)?,
            org_code: fields.mandatory("orgCode", 64)?,
            role: fields.mandatory("role", 32)?,
            enable: fields.mandatory("enable", 8)?,
            position: fields.optional("position", 64)?,
            employee_code: fields.optional("employeeCode", 64)?,
            mobile: fields.optional("mobile", 32)?,
            email: fields.optional("email", 128)?,
            employee_type: employment.employee_type.map(|code| EmployeeType::from(&*String::from(code))),
            work_place: employment.work_place,
            entry_date: employment.entry_date,
            extension,
            unknown: fields.rest()?,
        })
    }

    fn write(&self, version: Version) -> OutgoingFields {
        let mut out = OutgoingFields::default();
        out.push("userName", &self.user_name);
        out.push("name", &self.name);
        out.push("orgCode", &self.org_code);
        out.push_optional("position", self.position.as_ref());
        out.push("role", &self.role);
        out.push("enable", &self.enable);
        out.push_optional("employeeCode", self.employee_code.as_ref());
        out.push_optional("mobile", self.mobile.as_ref());
        out.push_optional("email", self.email.as_ref());
        let mut extension = OutgoingFields::default();
        let place = match version {
            Version::V1 => {
                extension.push_optional("employeeType", self.employee_type.as_ref());
                &mut extension
            }
            Version::V2 => {
                let code = self.employee_type.as_ref().map(|code| Scalar::from(code.as_str()));
                out.push_optional("employeeType", code.as_ref());
                &mut out
            }
        };
        place.push_optional("workPlace", self.work_place.as_ref());
        place.push_optional("entryDate", self.entry_date.as_ref());
        extension.push_unknown(&self.extension);
        if !extension.is_empty() {
            out.push_value("extension", OutgoingValue::Json(extension.into_object()));
        }
        out.push_unknown(&self.unknown);
        out
    }
}

/// The members that the tables have beside `extension` and the samples in it.
#[derive(Default)]
struct Employment {
    employee_type: Option<Scalar>,
    work_place: Option<String>,
    entry_date: Option<String>,
}

impl Employment {
    /// Takes what is not known yet. What cannot be read stays among the unknown members.
    fn complete(&mut self, fields: &mut Fields<'_>) -> Result<(), ParseError> {
        if self.employee_type.is_none() {
            self.employee_type = fields.lenient("employeeType", |raw| Scalar::read(raw, 11))?;
        }
        if self.work_place.is_none() {
            self.work_place = fields.lenient("workPlace", |raw| String::read(raw, 256))?;
        }
        if self.entry_date.is_none() {
            self.entry_date = fields.lenient("entryDate", |raw| String::read(raw, 20))?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Extension {
    employment: Employment,
    rest: UnknownFields,
}

impl Extension {
    fn read(raw: RawField<'_>) -> Result<Self, FieldProblem> {
        let read = match &raw {
            RawField::Json(object) => Self::from_json(object),
            RawField::Text(object) => Self::from_json(object),
        };
        read.map_err(|_| FieldProblem::NotA("an object"))
    }

    fn from_json(object: &str) -> Result<Self, ParseError> {
        let mut fields = Fields::from_json(object.as_bytes())?;
        let mut employment = Employment::default();
        employment.complete(&mut fields)?;
        Ok(Self { employment, rest: fields.rest()? })
    }
}
