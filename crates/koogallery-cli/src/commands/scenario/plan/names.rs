//! Names of what earlier steps made, in braces.

use serde_json::Value;

/// Suffix of a name: the order, not the instance.
pub const ORDER: &str = ".order";

/// Returns the names in braces in a text.
pub fn placeholders(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => {
            let opened = text.split('{').skip(1);
            let name = opened.filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
            name.filter(|name| is_name(name)).map(str::to_owned).collect()
        }
        Value::Array(items) => items.iter().flat_map(placeholders).collect(),
        Value::Object(members) => members.values().flat_map(placeholders).collect(),
        _ => Vec::new(),
    }
}

/// JSON in strings has braces too.
fn is_name(text: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || "-_.".contains(character);
    !text.is_empty() && text.chars().all(is_part)
}
