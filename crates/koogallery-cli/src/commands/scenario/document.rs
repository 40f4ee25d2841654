//! A TOML file, read table by table, with the position of each error.

use std::fmt;
use std::ops::Range;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Position in the file, in bytes.
pub type Place = Range<usize>;

/// An error and its position.
#[derive(Debug)]
pub struct Problem {
    place: Place,
    what: String,
}

impl Problem {
    pub fn at(place: Place, what: impl Into<String>) -> Self {
        Self { place, what: what.into() }
    }

    /// Returns line and column, both counted from 1; columns in characters.
    pub fn located(&self, text: &str) -> Located<'_> {
        let before = text.get(..self.place.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Located { line, column, what: &self.what }
    }
}

pub struct Located<'a> {
    pub line: usize,
    pub column: usize,
    what: &'a str,
}

impl fmt::Display for Located<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.what)
    }
}

/// A value and its position.
#[derive(Clone, Debug)]
pub struct Found<T> {
    pub value: T,
    pub place: Place,
}

impl<T> Found<T> {
    /// Parses the value further; an error has this position.
    pub fn and<U>(&self, read: impl FnOnce(&T) -> Result<U, String>) -> Result<U, Problem> {
        read(&self.value).map_err(|what| Problem::at(self.place.clone(), what))
    }
}

/// A table whose keys are consumed one by one; keys that remain are unknown.
pub struct Table<'t> {
    place: Place,
    entries: Vec<(Found<String>, &'t Spanned<DeValue<'t>>)>,
}

pub fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, Problem> {
    DeTable::parse(text)
        .map_err(|error| Problem::at(error.span().unwrap_or(text.len()..text.len()), error.message().trim()))
}

impl<'t> Table<'t> {
    pub fn new(table: &'t DeTable<'t>, place: Place) -> Self {
        let entries = table.iter().map(|(key, value)| {
            let found = Found { value: key.get_ref().to_string(), place: key.span() };
            (found, value)
        });
        Self { place, entries: entries.collect() }
    }

    /// Returns the position of the table.
    pub fn place(&self) -> Place {
        self.place.clone()
    }

    fn take(&mut self, name: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        let at = self.entries.iter().position(|(key, _)| key.value == name)?;
        Some(self.entries.swap_remove(at).1)
    }

    fn taken<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&'t DeValue<'t>) -> Option<T>,
    ) -> Result<Option<Found<T>>, Problem> {
        let Some(spanned) = self.take(name) else { return Ok(None) };
        let value = read(spanned.get_ref());
        let found = value.map(|value| Found { value, place: spanned.span() });
        match found {
            Some(found) => Ok(Some(found)),
            None => Err(Problem::at(spanned.span(), format!("{name} is not {expected}"))),
        }
    }

    pub fn text(&mut self, name: &str) -> Result<Option<Found<String>>, Problem> {
        self.taken(name, "a string in quotes", |value| value.as_str().map(str::to_owned))
    }

    pub fn number(&mut self, name: &str) -> Result<Option<Found<u32>>, Problem> {
        self.taken(name, "a whole number from 0 to 4294967295", whole)
    }

    /// Reads a value as a form has it: a string, a whole number, or true or false.
    pub fn form_value(&mut self, name: &str) -> Result<Option<Found<String>>, Problem> {
        self.taken(name, "a string, a whole number, true or false", |value| match value {
            DeValue::Integer(_) => whole(value).map(|number| number.to_string()),
            DeValue::Boolean(flag) => Some(flag.to_string()),
            text => text.as_str().map(str::to_owned),
        })
    }

    pub fn flag(&mut self, name: &str) -> Result<bool, Problem> {
        Ok(self.taken(name, "true or false", DeValue::as_bool)?.is_some_and(|found| found.value))
    }

    /// Reads a string, or a list of strings.
    pub fn texts(&mut self, name: &str) -> Result<Option<Found<Vec<String>>>, Problem> {
        self.taken(name, "a string, or a list of strings", |value| match value {
            DeValue::Array(items) => items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect(),
            one => Some(vec![one.as_str()?.to_owned()]),
        })
    }

    /// Reads a table of any values.
    pub fn fields(&mut self, name: &str) -> Result<Vec<(String, Found<Value>)>, Problem> {
        let Some(spanned) = self.take(name) else { return Ok(Vec::new()) };
        let Some(table) = spanned.get_ref().as_table() else {
            return Err(Problem::at(spanned.span(), format!("{name} is not a table such as {{ orderId = \"CS1\" }}")));
        };
        let field = |(key, value): (&Spanned<_>, &'t Spanned<DeValue<'t>>)| {
            let key: &toml::de::DeString<'_> = key.get_ref();
            let json = json(value.get_ref()).map_err(|what| Problem::at(value.span(), what))?;
            Ok((key.to_string(), Found { value: json, place: value.span() }))
        };
        table.iter().map(field).collect()
    }

    /// Reads a list of tables.
    pub fn tables(&mut self, name: &str) -> Result<Vec<Table<'t>>, Problem> {
        let Some(spanned) = self.take(name) else { return Ok(Vec::new()) };
        let no_list =
            || Problem::at(spanned.span(), format!("{name} is not a list of tables: begin each with [[{name}]]"));
        let items = spanned.get_ref().as_array().ok_or_else(no_list)?;
        let table = |item: &'t Spanned<DeValue<'t>>| {
            let table = item.get_ref().as_table().ok_or_else(no_list)?;
            Ok(Table::new(table, item.span()))
        };
        items.iter().map(table).collect()
    }

    /// Fails if keys remain.
    pub fn finish(self, known: &str) -> Result<(), Problem> {
        match self.entries.into_iter().min_by_key(|(key, _)| key.place.start) {
            None => Ok(()),
            Some((key, _)) => Err(Problem::at(key.place, format!("unknown key {}; known are {known}", key.value))),
        }
    }
}

fn whole(value: &DeValue<'_>) -> Option<u32> {
    let integer = value.as_integer()?;
    u32::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn json(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Boolean(flag) => Value::from(*flag),
        DeValue::Integer(integer) => {
            let number = i64::from_str_radix(integer.as_str(), integer.radix());
            Value::from(number.map_err(|_| "the number has more than 64 bits".to_owned())?)
        }
        DeValue::Float(float) => {
            let number = float.as_str().parse::<f64>().ok().and_then(serde_json::Number::from_f64);
            Value::from(number.ok_or("not a JSON number")?)
        }
        DeValue::Datetime(_) => return Err("the marketplace writes times as strings: put it in quotes".to_owned()),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect::<Result<Vec<_>, _>>()?.into(),
        DeValue::Table(table) => {
            let members = table.iter().map(|(key, value)| Ok((key.get_ref().to_string(), json(value.get_ref())?)));
            Value::Object(members.collect::<Result<Map<_, _>, String>>()?)
        }
    })
}
