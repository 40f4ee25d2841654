//! Query deployed objects: seller to marketplace, `GET /api/mkp-openapi-public/v1/asset/deployed-object` (without
//! `/global`), AK/SK. Known from the public Terraform provider only, which marks it internal; not needed by SaaS
//! products.

use bytes::Bytes;
use http::Method;
use serde::Deserialize;

use super::activate_license::optional_text;
use super::sealed::Sealed;
use super::{Api, ApiError, Authentication, envelope};
use crate::query::push_pair;
use crate::transport::BaseUrl;
use crate::wire::lenient::list;

const PATH: &str = "/api/mkp-openapi-public/v1/asset/deployed-object";

/// Asks for the objects that an asset deploys.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// The asset.
    pub asset_id: String,
    /// The kind of object.
    pub deployed_type: String,
    /// The region; all regions where absent.
    pub region: Option<String>,
    /// Of one version only.
    pub asset_version: Option<String>,
    /// Whether to list all versions.
    pub query_all: Option<bool>,
}

impl Request {
    /// The objects of an asset.
    pub fn new(asset_id: impl Into<String>, deployed_type: impl Into<String>) -> Self {
        let (asset_id, deployed_type) = (asset_id.into(), deployed_type.into());
        Self { asset_id, deployed_type, region: None, asset_version: None, query_all: None }
    }
}

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
        // The code of success is not documented; those of the other APIs are taken.
        let success = &["MKT.0000", "CBC.0000", "92020000"];
        envelope::read(Self::NAME, success, response).map(|answer: Answer| answer.data)
    }
}
