//! Deployed objects (`GET /api/mkp-openapi-public/v1/asset/deployed-object`), known from the public Terraform provider
//! only.

use serde_json::{Map, Value, json};

use super::exchange::{Answer, Received, single};
use super::operation::Operation;
use super::refusal::Refusal;

/// An object deployed for an asset. All members are texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deployment {
    /// The asset.
    pub asset_id: String,
    /// The kind of object.
    pub deployed_type: String,
    /// The version's name.
    pub version: String,
    /// The region.
    pub region: String,
    /// Members of a machine image (`image_deployed_object`).
    pub image: Vec<(String, String)>,
    /// Members of a software package (`software_pkg_deployed_object`).
    pub software_package: Vec<(String, String)>,
}

impl Deployment {
    /// Creates an object in a version and a region.
    pub fn new(
        asset_id: impl Into<String>,
        deployed_type: impl Into<String>,
        version: impl Into<String>,
        region: impl Into<String>,
    ) -> Self {
        let (asset_id, deployed_type) = (asset_id.into(), deployed_type.into());
        Self { asset_id, deployed_type, version: version.into(), region: region.into(), ..Self::default() }
    }

    fn to_json(&self) -> Value {
        let object = |members: &[(String, String)]| {
            let members = members.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
            let members: Map<_, _> = members.collect();
            if members.is_empty() { Value::Null } else { Value::Object(members) }
        };
        json!({
            "asset_id": self.asset_id,
            "deployed_type": self.deployed_type,
            "version": self.version,
            "version_id": self.version,
            "region": self.region,
            "image_deployed_object": object(&self.image),
            "software_pkg_deployed_object": object(&self.software_package),
        })
    }
}

#[derive(Default)]
pub(super) struct Deployments(Vec<Deployment>);

impl Deployments {
    pub(super) fn add(&mut self, deployment: Deployment) {
        self.0.push(deployment);
    }

    /// Without `query_all`, the latest version. (Neither its meaning nor the codes are documented.)
    pub(super) fn query(&self, request: &Received) -> Result<Answer, Refusal> {
        let query = request.query().ok_or_else(|| Refusal::new("MKT.0101", "the query is not text"))?;
        let mandatory =
            |name| single(&query, name).ok_or_else(|| Refusal::new("MKT.0101", format!("{name} is missing")));
        let (asset_id, deployed_type) = (mandatory("asset_id")?, mandatory("deployed_type")?);
        let (region, version) = (single(&query, "region"), single(&query, "asset_version"));
        let found = self.0.iter().filter(|object| {
            object.asset_id == asset_id
                && object.deployed_type == deployed_type
                && region.is_none_or(|region| object.region == region)
                && version.is_none_or(|version| object.version == version)
        });
        let found: Vec<_> = found.map(Deployment::to_json).collect();
        let all = single(&query, "query_all") == Some("true");
        let listed = if all { &found[..] } else { &found[found.len().saturating_sub(1)..] };
        Ok(Answer::success(Operation::QueryDeployedObjects, json!({"data": listed})).about(asset_id))
    }
}
