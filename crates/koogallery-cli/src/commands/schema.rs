//! `schema`: prints the marketplace's interfaces as OpenAPI.

mod address;
mod callbacks;
mod open_api;
mod shape;
mod text;

use std::fmt;
use std::str::FromStr;

use clap::Args;
use koogallery::protocol::Protocol;
use serde_json::{Map, Value, json};

use crate::{Answer, Failure, Output};
use address::Address;

/// Print the callbacks and the open APIs as OpenAPI 3.1, for sellers in any language.
///
/// The callbacks are the paths that your server offers, the open APIs those that it calls. What the marketplace sends is
/// described as leniently as this library reads it; what you send is described exactly.
#[derive(Args)]
#[command(after_help = "Examples:\n  koogallery schema --family saas-v2 > saas-v2.json\n  \
                        koogallery schema --address https://isv.example.com/saasproduce\n\n\
                        Families: saas-v2, saas-v1, license-online, license-code, license-v1, order-notify, kit-v1, \
                        kit-v2, open-api.")]
pub struct Schema {
    /// Only this family; may be given several times (default: all).
    #[arg(long, value_name = "FAMILY")]
    family: Vec<Family>,
    /// The production address of your server.
    #[arg(long, value_name = "URL", default_value = "https://isv.example.com/saasproduce")]
    address: Address,
}

/// What is described together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Callbacks(Protocol),
    OpenApi,
}

impl Family {
    fn all() -> Vec<Self> {
        Protocol::ALL.into_iter().map(Self::Callbacks).chain([Self::OpenApi]).collect()
    }
}

impl FromStr for Family {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::all().into_iter().find(|family| family.to_string() == name);
        let known = || Self::all().iter().map(Self::to_string).collect::<Vec<_>>().join(", ");
        found.ok_or_else(|| format!("there is no family {name:?}; there are {}", known()))
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Callbacks(protocol) => protocol.id(),
            Self::OpenApi => "open-api",
        })
    }
}

impl Schema {
    pub fn run(self, output: &Output) -> Result<Answer, Failure> {
        let families = if self.family.is_empty() { Family::all() } else { self.family };
        let document = document(&families, &self.address);
        let text = serde_json::to_string_pretty(&document).map_err(|error| Failure::of("the document", &error))?;
        output.result(&text)?;
        Ok(Answer::Yes)
    }
}

fn document(families: &[Family], address: &Address) -> Value {
    let protocols: Vec<Protocol> = families.iter().filter_map(Family::protocol).collect();
    let mut parts = Parts::default();
    callbacks::describe(&protocols, address, &mut parts);
    if families.contains(&Family::OpenApi) {
        open_api::describe(&mut parts);
    }
    let names = families.iter().map(Family::title).collect::<Vec<_>>().join(", ");
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": format!("Huawei Cloud marketplace (KooGallery): {names}"),
            "version": env!("CARGO_PKG_VERSION"),
            "description": text::ABOUT,
            "license": {"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"},
        },
        "paths": parts.paths,
        "components": {"schemas": parts.schemas, "securitySchemes": parts.security},
    });
    // Which order members keep depends on what else is compiled.
    document.sort_all_objects();
    document
}

impl Family {
    fn protocol(&self) -> Option<Protocol> {
        if let Self::Callbacks(protocol) = self { Some(*protocol) } else { None }
    }

    fn title(&self) -> String {
        match self {
            Self::Callbacks(protocol) => protocol.to_string(),
            Self::OpenApi => "open APIs".to_owned(),
        }
    }
}

/// The parts of a document.
#[derive(Default)]
struct Parts {
    paths: Map<String, Value>,
    schemas: Map<String, Value>,
    security: Map<String, Value>,
}

impl Parts {
    /// Adds a schema under a name, and returns a reference to it.
    fn schema(&mut self, name: &str, schema: Value) -> Value {
        self.schemas.insert(name.to_owned(), schema);
        json!({"$ref": format!("#/components/schemas/{name}")})
    }

    fn operation(&mut self, path: &str, method: &str, operation: Value) {
        let item = self.paths.entry(path.to_owned()).or_insert_with(|| json!({}));
        item[method.to_lowercase()] = operation;
    }
}

/// The one schema, or any of several.
fn any_of(mut schemas: Vec<Value>) -> Value {
    match (schemas.len(), schemas.pop()) {
        (1, Some(only)) => only,
        (_, last) => json!({"anyOf": schemas.into_iter().chain(last).collect::<Vec<_>>()}),
    }
}
