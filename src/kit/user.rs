//! A user of the buyer's enterprise.

use super::Version;
use super::list::Entry;
use crate::redact::Sensitive;
use crate::wire::{
    FieldKind, FieldProblem, FieldSpec, Fields, Members, OutgoingFields, OutgoingValue, ParseError, Part, RawField,
    ReadField, Shaped, UnknownFields, Warnings, max_of, open_enum, part, prefix_paths,
};

open_enum! {
    /// Rights of a user in the application.
    pub enum Role {
        /// Uses it.
        User = "user",
        /// Administers it: the application has to grant its administrator's role.
        Admin = "admin",
    }
}

open_enum! {
    /// Kind of employment.
    pub enum EmployeeType {
        /// Formal employee.
        Formal = "1",
        /// Intern.
        Intern = "2",
        /// Dispatched labor.
        Dispatched = "3",
        /// Outsourced labor.
        Outsourced = "4",
    }
}

part! {
    /// One user. What is optional arrives only if the seller applied for it and the buyer agreed, and may be masked.
    ///
    /// Only [`user_name`](User::user_name) is always there: any other member that was not sent or could not be read is
    /// `None`, whatever the documents call mandatory, so that one odd member does not lock a whole enterprise out.
    ///
    /// Lengths are those of V2.0; V1.0 prints none. A longer text is kept whole.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct User {
        /// Account, unique in the tenant only; at most 64 characters.
        ///
        /// `userName`, mandatory.
        user_name: Sensitive = name "userName", 64;
        /// The person's name, at most 64 characters.
        ///
        /// `name`, mandatory by the documents.
        name: Sensitive = information "name", 64;
        /// Code of the department, at most 64 characters.
        ///
        /// `orgCode`, mandatory by the documents.
        org_code: String = information "orgCode", 64;
        /// Rights in the application; those of every user where it is absent.
        ///
        /// `role`, mandatory by the documents.
        role: Role = information "role", 32;
        /// Whether the account is in use; on the wire the text `true` or `false`. Without it the user must not be let in: see
        /// [`User::is_enabled`].
        ///
        /// `enable`, mandatory by the documents.
        enable: bool = information "enable", 8;
        /// Job title, at most 64 characters.
        ///
        /// `position`, optional.
        position: String = information "position", 64;
        /// Employee number, at most 64 characters.
        ///
        /// `employeeCode`, optional.
        employee_code: Sensitive = information "employeeCode", 64;
        /// Mobile number, at most 32 characters.
        ///
        /// `mobile`, optional.
        mobile: Sensitive = information "mobile", 32;
        /// E-mail address, at most 128 characters.
        ///
        /// `email`, optional.
        email: Sensitive = information "email", 128;
        /// Kind of employment; text in V1.0, a number in V2.0.
        ///
        /// `employeeType`, optional; in `extension` or beside it.
        employee_type: Option<EmployeeType> = late "employeeType", 11, as EmployeeType::KIND;
        /// Place of work, at most 256 characters.
        ///
        /// `workPlace`, optional; in `extension` or beside it.
        work_place: Option<String> = late "workPlace", 256, as FieldKind::Text;
        /// Date of entry, `yyyy-MM-dd` or with a day of one digit (`2022-11-9`).
        ///
        /// `entryDate`, optional; in `extension` or beside it.
        entry_date: Option<String> = late "entryDate", 20, as FieldKind::Text;
        /// Other members of `extension`: fields that the buyer defined, account sets of ERP applications.
        extension: UnknownFields = late "extension", 0, as FieldKind::Object(&[]);
        ..
        /// Members that no table lists, and those that could not be read; kept as received.
        unknown: UnknownFields;
    }
}

impl User {
    /// Returns an enabled user with nothing else set.
    pub fn new(
        user_name: impl Into<Sensitive>,
        name: impl Into<Sensitive>,
        org_code: impl Into<String>,
        role: Role,
    ) -> Self {
        Self {
            user_name: user_name.into(),
            name: Some(name.into()),
            org_code: Some(org_code.into()),
            role: Some(role),
            enable: Some(true),
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

    /// Returns whether the account is known to be in use.
    pub fn is_enabled(&self) -> bool {
        self.enable == Some(true)
    }
}

impl Entry for User {
    const FIELDS: &'static [FieldSpec] = Self::FIELDS;

    fn read(mut fields: Fields<'_>, warnings: &mut Warnings) -> Result<Self, ParseError> {
        let Extension { mut employment, rest: extension } =
            fields.information("extension", usize::MAX).unwrap_or_default();
        employment.complete(&mut fields);
        let Employment { employee_type, work_place, entry_date } = employment;
        let user = <Self as Part>::read(&mut fields)?;
        let user = Self { employee_type, work_place, entry_date, extension, ..user };
        let (unknown, noted) = fields.rest();
        warnings.extend(noted);
        Ok(Self { unknown, ..user })
    }

    fn write(&self, version: Version) -> OutgoingFields {
        let mut out = OutgoingFields::default();
        out.push("userName", &self.user_name);
        out.push_optional("name", self.name.as_ref());
        out.push_optional("orgCode", self.org_code.as_ref());
        out.push_optional("position", self.position.as_ref());
        out.push_optional("role", self.role.as_ref());
        out.push_optional("enable", self.enable.as_ref());
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
                if let Some(code) = &self.employee_type {
                    out.push_value("employeeType", number_or_text(code.as_str()));
                }
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

/// A number on the wire where it is one.
fn number_or_text(code: &str) -> OutgoingValue {
    match code.parse::<u32>() {
        Ok(number) if number.to_string() == code => OutgoingValue::Json(code.to_owned()),
        _ => OutgoingValue::Text(code.to_owned()),
    }
}

/// The members that the tables have beside `extension` and the samples in it.
#[derive(Default)]
struct Employment {
    employee_type: Option<EmployeeType>,
    work_place: Option<String>,
    entry_date: Option<String>,
}

impl Employment {
    /// Takes what is not known yet.
    fn complete(&mut self, fields: &mut Fields<'_>) {
        if self.employee_type.is_none() {
            self.employee_type = fields.information("employeeType", const { max_of(User::FIELDS, "employeeType") });
        }
        if self.work_place.is_none() {
            self.work_place = fields.information("workPlace", const { max_of(User::FIELDS, "workPlace") });
        }
        if self.entry_date.is_none() {
            self.entry_date = fields.information("entryDate", const { max_of(User::FIELDS, "entryDate") });
        }
    }
}

#[derive(Default)]
struct Extension {
    employment: Employment,
    rest: UnknownFields,
}

impl ReadField for Extension {
    fn read(raw: RawField<'_>, _: usize, warnings: &mut Warnings) -> Result<Self, FieldProblem> {
        const EXPECTED: FieldProblem = FieldProblem::NotA("an object");
        let object = raw.object().ok_or(EXPECTED)?;
        let members = Members::from_json(object.as_bytes()).map_err(|_| EXPECTED)?;
        let mut fields = Fields::new(&members);
        let mut employment = Employment::default();
        employment.complete(&mut fields);
        let (rest, noted) = fields.rest();
        let first = warnings.len();
        warnings.extend(noted);
        prefix_paths(warnings, first, ".");
        Ok(Self { employment, rest })
    }
}
