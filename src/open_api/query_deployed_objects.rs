//! Query deployed objects: seller to marketplace, `GET /api/mkp-openapi-public/v1/asset/deployed-object` (without
//! `/global`), AK/SK. Known from the public Terraform provider only, which marks it internal; not needed by SaaS
//! products.

use bytes::Bytes;
use http::Method;
use serde::Deserialize;

use super::activate_license::optional_text;
use super::sealed::Sealed;
use super::{Api, ApiError, ApiSpec, Authentication, RequestForm, envelope};
use crate::query::push_pair;
use crate::transport::BaseUrl;
use crate::wire::lenient::list;
use crate::wire::{FieldKind, FieldSpec, table};

const PATH: &str = "/api/mkp-openapi-public/v1/asset/deployed-object";

pub(super) const SPEC: ApiSpec = ApiSpec {
    name: Request::NAME,
    doc: "Lists the objects that an asset deploys. Known from the public Terraform provider only.",
    method: Method::GET,
    path: PATH,
    authentication: Request::AUTHENTICATION,
    request: RequestForm::Query(Request::FIELDS),
    code: "error_code",
    message: "error_msg",
    success: SUCCESS,
    answer: &[FieldSpec::written("data", false, 0, FieldKind::List(DeployedObject::FIELDS), "The objects.")],
};

table! {
    plain
    /// Asks for the objects that an asset deploys.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Request {
        /// The asset.
        pub asset_id: String = mandatory "asset_id", 0;
        /// The kind of object.
        pub deployed_type: String = mandatory "deployed_type", 0;
        /// The region; all regions where absent.
        pub region: Option<String> = optional "region", 0;
        /// Of one version only.
        pub asset_version: Option<String> = optional "asset_version", 0;
        /// Whether to list all versions.
        pub query_all: Option<bool> = optional "query_all", 0;
    }
}

impl Request {
    /// The objects of an asset.
    pub fn new(asset_id: impl Into<String>, deployed_type: impl Into<String>) -> Self {
        let (asset_id, deployed_type) = (asset_id.into(), deployed_type.into());
        Self { asset_id, deployed_type, region: None, asset_version: None, query_all: None }
    }
}

/// The code of success is not documented; those of the other APIs are taken.
const SUCCESS: &[&str] = &["MKT.0000", "CBC.0000", "92020000"];

macro_rules! object {
    ($(#[$meta:meta])* pub struct $name:ident { $($field:ident,)* } $($nested:ident: $nested_type:ty,)*) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[non_exhaustive]
        pub struct $name {
            $(
                #[doc = concat!("`", stringify!($field), "`.")]
                #[serde(default, deserialize_with = "optional_text")]
                pub $field: Option<String>,
            )*
            $(
                #[doc = concat!("`", stringify!($nested), "`.")]
                #[serde(default)]
                pub $nested: Option<$nested_type>,
            )*
        }

        impl $name {
            /// The object's table.
            pub const FIELDS: &'static [FieldSpec] = &[
                $(FieldSpec::written(stringify!($field), false, 0, FieldKind::Text, ""),)*
                $(FieldSpec::written(stringify!($nested), false, 0, FieldKind::Object(<$nested_type>::FIELDS), ""),)*
            ];
        }
    };
}

object! {
    /// An object that an asset deploys.
    pub struct DeployedObject { asset_id, deployed_type, version, version_id, region, }
    image_deployed_object: Image,
    software_pkg_deployed_object: SoftwarePackage,
}

object! {
    /// A machine image.
    pub struct Image { image_id, image_name, os_type, create_time, architecture, }
}

object! {
    /// A software package.
    pub struct SoftwarePackage { package_name, internal_path, checksum, }
}

impl Sealed for Request {}

impl Api for Request {
    type Response = Vec<DeployedObject>;

    const NAME: &'static str = "query deployed objects";
    const AUTHENTICATION: Authentication = Authentication::AkSk;

    fn to_http(&self, base: &BaseUrl) -> http::Request<Bytes> {
        let mut query = String::new();
        push_pair(&mut query, "asset_id", &self.asset_id);
        push_pair(&mut query, "deployed_type", &self.deployed_type);
        let all = self.query_all.map(|all| all.to_string());
        for (name, value) in [("region", &self.region), ("asset_version", &self.asset_version), ("query_all", &all)] {
            if let Some(value) = value {
                push_pair(&mut query, name, value);
            }
        }
        base.request(Method::GET, &format!("{PATH}?{query}"), Bytes::new())
    }

    fn from_http(response: &http::Response<Bytes>) -> Result<Vec<DeployedObject>, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default, deserialize_with = "list")]
            data: Vec<DeployedObject>,
        }
        envelope::read(Self::NAME, SUCCESS, response).map(|answer: Answer| answer.data)
    }
}
