//! The open APIs, as their documents describe them.

use http::Method;

use super::{
    Authentication, activate_license, activate_licenses, push_usage, push_usage_old, query_deployed_objects,
    query_license, query_order, report_software_usage, upload,
};
use crate::wire::FieldSpec;

/// An open API, as its document describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiSpec {
    /// Its name in errors and logs.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Its method.
    pub method: Method,
    /// Its path; names in braces are parameters.
    pub path: &'static str,
    /// Authentication of its requests.
    pub authentication: Authentication,
    /// What a request holds.
    pub request: RequestForm,
    /// Name of the code in an answer.
    pub code: &'static str,
    /// Name of the text beside it.
    pub message: &'static str,
    /// Codes of a success.
    pub success: &'static [&'static str],
    /// What a success holds beside code and text.
    pub answer: &'static [FieldSpec],
}

impl ApiSpec {
    /// Every API.
    pub const ALL: [Self; 9] = [
        query_order::SPEC,
        push_usage::SPEC,
        push_usage_old::SPEC,
        activate_license::SPEC,
        activate_licenses::SPEC,
        query_license::SPEC,
        report_software_usage::SPEC,
        upload::SPEC,
        query_deployed_objects::SPEC,
    ];
}

/// What a request of an open API holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a description must not leave a form out")]
pub enum RequestForm {
    /// Parameters of the query.
    Query(&'static [FieldSpec]),
    /// Members of a JSON body.
    Json(&'static [FieldSpec]),
    /// Parts of a multipart body: one of JSON, and a file.
    Upload {
        /// Parameters of the path.
        path: &'static [FieldSpec],
        /// Name of the part of JSON.
        part: &'static str,
        /// Its members where a text is delivered.
        text: &'static [FieldSpec],
        /// Its members where a file is delivered.
        with_file: &'static [FieldSpec],
        /// Name of the file's part.
        file: &'static str,
    },
}
