//! Rows of tables as JSON Schemas.

use koogallery::wire::{FieldClass, FieldKind, FieldSpec, TimeForm};
use serde_json::{Map, Value, json};

use super::text::plain;

/// Whose value is described.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The marketplace sends it: everything that the library takes.
    Received,
    /// The same in a query, where everything is text.
    Parameter,
    /// The seller sends it: what the documents say, and nothing else.
    Sent,
}

/// Returns an object with these members. `fixed` are members that no table has.
pub fn object(fields: &[FieldSpec], side: Side, fixed: &[(&str, Value)]) -> Value {
    let rows = fields.iter().map(|field| (field.name.to_owned(), member(field, side)));
    let fixed_rows = fixed.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone()));
    let properties: Map<String, Value> = rows.chain(fixed_rows).collect();
    let needed = fields.iter().filter(|field| field.mandatory && is_decisive(field));
    let required: Vec<&str> = fixed.iter().map(|(name, _)| *name).chain(needed.map(|field| field.name)).collect();
    let mut schema = json!({"type": "object", "properties": properties, "required": required});
    match side {
        Side::Sent => schema["additionalProperties"] = false.into(),
        Side::Parameter => schema["additionalProperties"] = json!({"type": "string"}),
        Side::Received => {}
    }
    let unless_deleted = fields.iter().filter(|field| field.class == FieldClass::EffectUnlessDeleted);
    let unless_deleted: Vec<&str> = unless_deleted.map(|field| field.name).collect();
    if !unless_deleted.is_empty() {
        let there =
            unless_deleted.iter().map(|name| ((*name).to_owned(), json!({"type": "string", "pattern": NOT_BLANK})));
        let there: Map<String, Value> = there.collect();
        schema["anyOf"] = json!([
            {"properties": {"flag": {"enum": [0, "0", 3, "3"]}}, "required": ["flag"]},
            {"properties": there, "required": unless_deleted},
        ]);
    }
    schema
}

/// Returns the schema of one row.
pub fn member(field: &FieldSpec, side: Side) -> Value {
    let schema = match side {
        Side::Sent => sent(field),
        Side::Received | Side::Parameter => received(field, side),
    };
    let Value::Object(mut schema) = schema else { return schema };
    let doc = plain(field.doc);
    if !doc.is_empty() {
        schema.insert("description".to_owned(), doc.into());
    }
    if side != Side::Sent {
        let class = match field.class {
            FieldClass::Identity => "identity",
            FieldClass::Effect => "effect",
            FieldClass::EffectUnlessDeleted => "effect, unless something is deleted",
            _ => "information",
        };
        schema.insert("x-class".to_owned(), class.into());
        if field.mandatory && !is_decisive(field) {
            schema.insert("x-documented-mandatory".to_owned(), true.into());
        }
        if has_max(field) && field.class == FieldClass::Information {
            schema.insert("x-documented-max".to_owned(), field.max.into());
        }
    }
    Value::Object(schema)
}

/// Some stores hold no U+0000, and blanks name nothing.
const NOT_BLANK: &str = r"^[^\u0000]*[^\s\u0000][^\u0000]*$";

/// Whether a message without it is refused.
fn is_decisive(field: &FieldSpec) -> bool {
    matches!(field.class, FieldClass::Identity | FieldClass::Effect)
}

fn has_max(field: &FieldSpec) -> bool {
    (1..usize::MAX).contains(&field.max)
}

fn received(field: &FieldSpec, side: Side) -> Value {
    if field.class == FieldClass::Information {
        return information(field, side);
    }
    let needed = field.mandatory && is_decisive(field);
    let pattern = if needed { NOT_BLANK } else { r"^[^\u0000]*$" };
    let mut text = json!({"type": "string", "pattern": pattern});
    if has_max(field) {
        text["maxLength"] = field.max.into();
    }
    let or_null = |schema: Value| match (needed, side) {
        (true, _) | (_, Side::Parameter) => schema,
        _ => json!({"anyOf": [schema, {"type": "null"}]}),
    };
    match field.kind {
        FieldKind::Name => json!({"anyOf": [text, {"type": "integer", "minimum": 0}]}),
        FieldKind::TestFlag if side == Side::Parameter => json!({"enum": ["0", "1", "", "false", "true"]}),
        FieldKind::TestFlag => json!({"enum": [0, 1, "0", "1", "", null, false, true, "false", "true"]}),
        FieldKind::Time(form) => or_null(time(form, true)),
        FieldKind::Words(words) => or_null(json!({"anyOf": [{"enum": words}, text]})),
        FieldKind::Numbers(numbers) => {
            let texts: Vec<Value> = numbers.iter().map(|number| number.to_string().into()).collect();
            let numbers = numbers.iter().filter(|_| side == Side::Received).map(|number| json!(number));
            json!({"enum": numbers.chain(texts).collect::<Vec<_>>()})
        }
        FieldKind::InstanceIds => {
            let id = format!(r"[^,\s\u0000]{{1,{}}}", field.max);
            json!({"type": "string", "pattern": format!("^{id}(,{id}){{0,99}}$")})
        }
        FieldKind::ExtendParams => json!({
            "type": "string",
            "contentEncoding": "base64",
            "contentMediaType": "application/json",
            "contentSchema": {"type": "array", "items": {"type": "object"}},
        }),
        FieldKind::Object(fields) => {
            let object = object(fields, side, &[]);
            json!({"anyOf": [object, {"type": "array", "items": object, "minItems": 1}]})
        }
        FieldKind::List(fields) | FieldKind::ListText(fields) => list(fields, field.max, side),
        _ => or_null(text),
    }
}

/// A list, or its JSON text: the guides have the one and the other for the same message.
fn list(fields: &[FieldSpec], max: usize, side: Side) -> Value {
    let list = json!({"type": "array", "items": object(fields, side, &[]), "maxItems": max});
    let text = json!({
        "type": "string",
        "pattern": r"^\s*\[[^\u0000]*\]\s*$",
        "contentMediaType": "application/json",
        "contentSchema": list,
    });
    json!({"anyOf": [list, text]})
}

/// What decides nothing is described, and everything that is read is taken.
fn information(field: &FieldSpec, side: Side) -> Value {
    let mut types = if side == Side::Parameter { vec!["string"] } else { vec!["string", "number", "null"] };
    match field.kind {
        FieldKind::Truth if side == Side::Received => types.push("boolean"),
        FieldKind::Words(words) => {
            let taken = json!({"type": types});
            return json!({"anyOf": [{"enum": words}, taken]});
        }
        FieldKind::ExtendParams => {
            return json!({"type": types, "contentEncoding": "base64", "contentMediaType": "application/json"});
        }
        FieldKind::Object(fields) => {
            return json!({"anyOf": [object(fields, side, &[]), {"type": ["array", "string", "null"]}]});
        }
        FieldKind::ObjectText(fields) => {
            let object = object(fields, side, &[]);
            let text = json!({"type": "string", "contentMediaType": "application/json", "contentSchema": object});
            return json!({"anyOf": [text, object, {"type": "null"}]});
        }
        FieldKind::List(fields) => {
            let list = json!({"type": "array", "items": object(fields, side, &[])});
            return json!({"anyOf": [list, {"type": ["object", "string", "null"]}]});
        }
        FieldKind::Any => return json!({}),
        _ => {}
    }
    json!({"type": types})
}

fn sent(field: &FieldSpec) -> Value {
    let max = has_max(field).then_some(field.max);
    match field.kind {
        FieldKind::Whole => json!({"type": "integer", "minimum": 0, "maximum": whole_max(max)}),
        FieldKind::Decimal => json!({"type": "number"}),
        FieldKind::DecimalText => json!({"type": "string", "pattern": r"^[0-9]{1,8}(\.[0-9]{1,4})?$"}),
        FieldKind::Truth => json!({"type": "boolean"}),
        FieldKind::Time(form) => time(form, false),
        FieldKind::Choice(words) => json!({"enum": words}),
        FieldKind::Texts(length) => {
            let text = json!({"type": "string", "minLength": 1, "maxLength": length});
            json!({"type": "array", "items": text, "minItems": 1, "maxItems": field.max})
        }
        FieldKind::Object(fields) => object(fields, Side::Sent, &[]),
        FieldKind::List(fields) => items(object(fields, Side::Sent, &[]), field),
        FieldKind::ListOfEither(fields) => {
            let one = fields.iter().map(|field| {
                let members = json!({field.name: member(field, Side::Sent)});
                json!({
                    "type": "object",
                    "properties": members,
                    "required": [field.name],
                    "additionalProperties": false,
                })
            });
            items(json!({"oneOf": one.collect::<Vec<_>>()}), field)
        }
        _ => {
            let mut text = json!({"type": "string"});
            if field.mandatory {
                text["minLength"] = 1.into();
            }
            if let Some(max) = max {
                text["maxLength"] = max.into();
            }
            text
        }
    }
}

fn items(item: Value, field: &FieldSpec) -> Value {
    let mut list = json!({"type": "array", "items": item});
    if has_max(field) {
        list["minItems"] = 1.into();
        list["maxItems"] = field.max.into();
    }
    list
}

/// The greatest whole number of so many digits.
fn whole_max(digits: Option<usize>) -> u32 {
    let digits = digits.and_then(|digits| u32::try_from(digits).ok());
    digits.and_then(|digits| 10_u32.checked_pow(digits)).map_or(u32::MAX, |above| above - 1)
}

/// A time of this form; a received one may have milliseconds or not.
pub fn time(form: TimeForm, is_received: bool) -> Value {
    const DATE: &str = "([0-9]{4}((0[13578]|1[02])(0[1-9]|[12][0-9]|3[01])|(0[469]|11)(0[1-9]|[12][0-9]|30)|\
                        02(0[1-9]|1[0-9]|2[0-8]))|[0-9]{2}(0[48]|[2468][048]|[13579][26])0229)";
    const TIME: &str = "([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]";
    let (pattern, example) = match form {
        TimeForm::BasicIso => (format!("^{DATE}T{TIME}Z$"), "20250102T030405Z"),
        TimeForm::CompactSeconds => (format!("^{DATE}{TIME}$"), "20250102030405"),
        TimeForm::CompactMillis if !is_received => (format!("^{DATE}{TIME}[0-9]{{3}}$"), "20250102030405678"),
        TimeForm::Zoned => {
            let date = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])";
            let time = "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]";
            (format!("^({DATE}{TIME}([0-9]{{3}})?|{date} {time}( ?([zZ]|UTC|GMT))?)$"), "2025-01-02 03:04:05 z")
        }
        _ => (format!("^{DATE}{TIME}([0-9]{{3}})?$"), "20250102030405678"),
    };
    json!({"type": "string", "pattern": pattern, "examples": [example]})
}
