//! `FIELD=VALUE`.

/// Parses the name and the value of a field.
pub fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("not of the form FIELD=VALUE")?;
    if name.is_empty() { Err("the field has no name".to_owned()) } else { Ok((name.to_owned(), value.to_owned())) }
}
