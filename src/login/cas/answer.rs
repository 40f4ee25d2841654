//! Answers of `serviceValidate`, in XML and in JSON.

use bytes::Bytes;
use http::Response;
use roxmltree::{Document, Node, ParsingOptions};
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::Validation;
use crate::login::exchange::{body, failed};
use crate::login::user_info::UserInfo;
use crate::login::{Cause, CenterError};
use crate::redact::Sensitive;
use crate::wire::RawField;
use crate::wire::lenient::optional;

/// Real answers have about 20 nodes.
const MAX_NODES: u32 = 2000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    service_response: ServiceResponse,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceResponse {
    authentication_failure: Option<Failure>,
    authentication_success: Option<Success>,
}

#[derive(Deserialize)]
struct Success {
    #[serde(default)]
    user: Value,
    attributes: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default, deserialize_with = "optional")]
    code: Option<String>,
    #[serde(default, deserialize_with = "optional")]
    description: Option<Sensitive>,
}

pub(super) fn read(response: &Response<Bytes>) -> Result<UserInfo, CenterError> {
    let status = response.status();
    let text = std::str::from_utf8(body::<Validation>(response)?).unwrap_or_default();
    let answer = from_xml(text).or_else(|| Some(serde_json::from_str::<Answer>(text).ok()?.service_response));
    let answer = answer.unwrap_or_default();
    if let Some(failure) = answer.authentication_failure {
        let code = failure.code.unwrap_or_default();
        return Err(
            CenterError::new::<Validation>(status, cause_of(code.trim())).reported(code.trim(), failure.description)
        );
    }
    let user = answer.authentication_success.filter(|_| status.is_success()).and_then(|success| {
        // PHP writes a list where there is none; the user is named beside them.
        let members = success.attributes.and_then(|attributes| RawField::json(attributes.get()).object());
        UserInfo::read(members.as_deref().unwrap_or("{}"), &success.user.to_string())
    });
    user.ok_or_else(|| failed::<Validation>(response, &Cause::TicketRefused))
}

/// The codes of the CAS protocol.
fn cause_of(code: &str) -> Cause {
    match code {
        "INVALID_TICKET" | "INVALID_TICKET_SPEC" | "INVALID_SERVICE" => Cause::TicketRefused,
        "INTERNAL_ERROR" => Cause::Unavailable,
        _ => Cause::RequestRefused,
    }
}

/// Prefixes of names are passed over. A document type is refused, so there are no entities to expand.
fn from_xml(text: &str) -> Option<ServiceResponse> {
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text.trim_start(), options).ok()?;
    let root = document.root_element();
    if root.tag_name().name() != "serviceResponse" {
        return None;
    }
    let authentication_failure = child(root, "authenticationFailure").map(|node| Failure {
        code: node.attribute("code").map(str::to_owned),
        description: Some(text_of(node).into()),
    });
    let authentication_success = child(root, "authenticationSuccess").map(|node| Success {
        user: child(node, "user").map_or(Value::Null, |user| text_of(user).into()),
        attributes: child(node, "attributes").and_then(|node| to_raw_value(&members(node)).ok()),
    });
    Some(ServiceResponse { authentication_failure, authentication_success })
}

/// The elements by name, each a list, since a name may be there twice.
fn members(node: Node<'_, '_>) -> Map<String, Value> {
    let mut members = Map::new();
    for element in node.children().filter(Node::is_element) {
        let values = members.entry(element.tag_name().name()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(values) = values {
            values.push(text_of(element).into());
        }
    }
    members
}

fn child<'a>(node: Node<'a, 'a>, name: &str) -> Option<Node<'a, 'a>> {
    node.children().find(|child| child.is_element() && child.tag_name().name() == name)
}

/// The whole text, so that a comment in the middle cuts nothing off.
fn text_of(node: Node<'_, '_>) -> String {
    let texts = node.children().filter(Node::is_text).filter_map(|child| child.text());
    texts.collect::<String>().trim().to_owned()
}
