//! The upload, as its document describes it.

use http::Method;

use super::super::{Api as _, ApiSpec, RequestForm};
use super::{MAX_EVENT_ID, PATH, Request, SUCCESS};
use crate::wire::{FieldKind, FieldSpec};

pub(in crate::open_api) const SPEC: ApiSpec = ApiSpec {
    name: Request::NAME,
    doc: "Delivers the License of an application: a text, or a file.",
    method: Method::POST,
    path: PATH,
    authentication: Request::AUTHENTICATION,
    request: RequestForm::Upload {
        path: &[FieldSpec::written("event_id", true, MAX_EVENT_ID, FieldKind::Text, "The event of the application.")],
        part: "isvUpdateFileReq",
        text: TEXT,
        with_file: FILE,
        file: "file",
    },
    code: "error_code",
    message: "error_msg",
    success: SUCCESS,
    answer: &[],
};

/// Members of the part `isvUpdateFileReq` where a text is delivered.
pub(super) const TEXT: &[FieldSpec] = &[
    FieldSpec::written("type", true, 10, FieldKind::Choice(&["CHARACTERS"]), "A text is delivered."),
    FieldSpec::written("characters", true, 1024, FieldKind::Text, "The License."),
];

/// The same where a file is delivered, in a part of its own.
pub(super) const FILE: &[FieldSpec] = &[
    FieldSpec::written("type", true, 10, FieldKind::Choice(&["FILE"]), "A file is delivered."),
    FieldSpec::written("file_name", true, 1024, FieldKind::Text, "Its name."),
    FieldSpec::written("sha256", true, 64, FieldKind::Text, "Its SHA-256 in hexadecimal digits."),
];
