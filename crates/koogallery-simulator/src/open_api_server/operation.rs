//! The operations of the server, and their routes.

use http::Method;

use super::refusal::Refusal;
use koogallery::site::Site;

/// An open API, or a request to the authentication center.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// [`open_api::query_order`](koogallery::open_api::query_order).
    QueryOrder,
    /// [`open_api::push_usage`](koogallery::open_api::push_usage).
    PushUsage,
    /// [`open_api::push_usage_old`](koogallery::open_api::push_usage_old).
    PushUsageOld,
    /// [`open_api::activate_license`](koogallery::open_api::activate_license).
    ActivateLicense,
    /// [`open_api::activate_licenses`](koogallery::open_api::activate_licenses).
    ActivateLicenses,
    /// [`open_api::query_license`](koogallery::open_api::query_license).
    QueryLicense,
    /// [`open_api::report_software_usage`](koogallery::open_api::report_software_usage).
    ReportSoftwareUsage,
    /// [`open_api::upload`](koogallery::open_api::upload).
    Upload,
    /// [`open_api::query_deployed_objects`](koogallery::open_api::query_deployed_objects).
    QueryDeployedObjects,
    /// [`login::authorize`](koogallery::login::authorize), by the browser.
    Authorize,
    /// [`login::token`](koogallery::login::token).
    Token,
    /// [`login::user_info`](koogallery::login::user_info).
    UserInfo,
    /// [`login::logout`](koogallery::login::logout), by the browser.
    Logout,
    /// `login::cas::login_url`, by the browser.
    CasLogin,
    /// `login::cas::Validation`.
    ValidateTicket,
}

/// Names of the code and the text in the answers of an API.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Envelope {
    /// `resultCode` and `resultMsg`.
    Result,
    /// `error_code` and `error_msg`.
    Error,
}

const OPEN_API: &str = "/api/mkp-openapi-public/";

impl Operation {
    /// Returns a request's operation, and the event id of an upload.
    pub(super) fn route<'a>(method: &Method, path: &'a str) -> Result<(Self, &'a str), Refusal> {
        if let Some(event) = path.strip_prefix(OPEN_API).and_then(|path| path.strip_prefix("global/v1/market-event/"))
            && let Some(event) = event.strip_suffix("/file").filter(|event| !event.is_empty() && !event.contains('/'))
            && method == Method::POST
        {
            return Ok((Self::Upload, event));
        }
        let found = Self::ALL.into_iter().find(|operation| operation.method_and_path().1 == path);
        match found {
            Some(operation) if *method == operation.method_and_path().0 => Ok((operation, "")),
            Some(operation) if operation.is_of_licenses() => {
                Err(Refusal::new("95000002", format!("this API requires POST, not {method}")))
            }
            Some(operation) => {
                let takes = operation.method_and_path().0;
                Err(Refusal::new("APIGW.0101", format!("the method is {method}, but the path requires {takes}")))
            }
            None if path.len() > 1 && path.ends_with('/') => {
                Err(Refusal::new("APIGW.0101", "no API has this path; a trailing slash is signed, but not sent"))
            }
            None => Err(Refusal::new("APIGW.0101", "no API has this path")),
        }
    }

    /// All operations.
    pub const ALL: [Self; 15] = [
        Self::QueryOrder,
        Self::PushUsage,
        Self::PushUsageOld,
        Self::ActivateLicense,
        Self::ActivateLicenses,
        Self::QueryLicense,
        Self::ReportSoftwareUsage,
        Self::Upload,
        Self::QueryDeployedObjects,
        Self::Authorize,
        Self::Token,
        Self::UserInfo,
        Self::Logout,
        Self::CasLogin,
        Self::ValidateTicket,
    ];

    /// Returns its name in lower case, such as `push-usage`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueryOrder => "query-order",
            Self::PushUsage => "push-usage",
            Self::PushUsageOld => "push-usage-old",
            Self::ActivateLicense => "activate-license",
            Self::ActivateLicenses => "activate-licenses",
            Self::QueryLicense => "query-license",
            Self::ReportSoftwareUsage => "report-software-usage",
            Self::Upload => "upload",
            Self::QueryDeployedObjects => "query-deployed-objects",
            Self::Authorize => "authorize",
            Self::Token => "token",
            Self::UserInfo => "user-info",
            Self::Logout => "logout",
            Self::CasLogin => "cas-login",
            Self::ValidateTicket => "validate-ticket",
        }
    }

    fn method_and_path(self) -> (Method, &'static str) {
        match self {
            Self::QueryOrder => (Method::GET, "/api/mkp-openapi-public/global/v1/order/query"),
            Self::PushUsage => (Method::POST, "/api/mkp-openapi-public/global/v1/isv/usage-data"),
            Self::PushUsageOld => (Method::POST, "/rest/marketplace/v1/isv/usage-data"),
            Self::ActivateLicense => (Method::POST, "/api/mkp-openapi-public/global/v1/license/activate"),
            Self::ActivateLicenses => (Method::POST, "/api/mkp-openapi-public/global/v2/license/activate"),
            Self::QueryLicense => (Method::POST, "/api/mkp-openapi-public/global/v1/license/heartbeat"),
            Self::ReportSoftwareUsage => {
                (Method::POST, "/api/mkp-openapi-public/global/v2/license/software-usage-info")
            }
            Self::Upload => (Method::POST, "/api/mkp-openapi-public/global/v1/market-event/{event_id}/file"),
            Self::QueryDeployedObjects => (Method::GET, "/api/mkp-openapi-public/v1/asset/deployed-object"),
            Self::Authorize => (Method::GET, "/api/v1/oauth2/authorize"),
            Self::Token => (Method::POST, "/api/v1/oauth2/token"),
            Self::UserInfo => (Method::GET, "/api/v1/oauth2/userinfo"),
            Self::Logout => (Method::GET, "/api/v1/logout"),
            Self::CasLogin => (Method::GET, "/api/v1/cas/login"),
            Self::ValidateTicket => (Method::GET, "/api/v1/cas/p3/serviceValidate"),
        }
    }

    fn is_of_licenses(self) -> bool {
        matches!(self, Self::ActivateLicense | Self::ActivateLicenses | Self::QueryLicense | Self::ReportSoftwareUsage)
    }

    /// Returns whether it is a request to the authentication center, which has its own form of errors and no AK/SK.
    pub(super) fn is_of_login(self) -> bool {
        use Operation::{Authorize, CasLogin, Logout, Token, UserInfo, ValidateTicket};
        matches!(self, Authorize | Token | UserInfo | Logout | CasLogin | ValidateTicket)
    }

    /// Europe documents only the order query, the international site the usage pushes as well.
    pub(super) fn is_offered_by(self, site: Site) -> bool {
        match site {
            Site::China => true,
            Site::International => matches!(self, Self::QueryOrder | Self::PushUsage | Self::PushUsageOld),
            // Europe, and unknown sites.
            _ => self == Self::QueryOrder,
        }
    }

    pub(super) fn envelope(self) -> Envelope {
        if self == Self::QueryOrder { Envelope::Result } else { Envelope::Error }
    }

    /// Returns the code for success.
    pub(super) fn success(self) -> &'static str {
        match self {
            Self::Upload => "CBC.0000",
            _ if self.is_of_licenses() => "92020000",
            _ => "MKT.0000",
        }
    }
}
