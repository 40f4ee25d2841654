//! Many rows in one parameter of a statement, so that one prepared statement, in one round trip, is for any number of them.
//!
//! They are JSON, and all texts in hexadecimal: MariaDB 10.6.7 does not undo JSON's escapes, and ids are bytes.

use mysql_async::Value;

/// A column of rows: its name and type.
#[derive(Clone, Copy)]
pub(crate) enum Column {
    /// Bytes or a text that identifies something, or is as short.
    Id(&'static str),
    Text(&'static str),
    Bytes(&'static str),
    Int(&'static str),
}

/// What a LONGTEXT holds is empty where a statement needs a temporary table: its length in bytes, as utf8mb4, is no number of 32
/// bits. Seen in MariaDB 10.6 and 10.11, and MySQL 8.0.
const LONG: &str = "MEDIUMTEXT CHARACTER SET ascii";

/// Returns a table for a statement: the rows in its parameter `?1`, each with its `place` among them, from 0.
pub(crate) fn table(columns: &[Column]) -> String {
    let (mut read, mut cells) = (vec!["place - 1 AS place".to_owned()], vec!["place FOR ORDINALITY".to_owned()]);
    for (index, column) in columns.iter().enumerate() {
        let (name, value, cell) = match column {
            Column::Id(name) => (name, format!("UNHEX({name})"), "VARCHAR(1024) CHARACTER SET ascii"),
            Column::Text(name) => (name, format!("CONVERT(UNHEX({name}) USING utf8mb4)"), LONG),
            Column::Bytes(name) => (name, format!("UNHEX({name})"), LONG),
            Column::Int(name) => (name, (*name).to_owned(), "BIGINT"),
        };
        read.push(format!("{value} AS {name}"));
        cells.push(format!("{name} {cell} PATH '$[{index}]'"));
    }
    format!("(SELECT {} FROM JSON_TABLE(?1, '$[*]' COLUMNS ({})) AS cells)", read.join(", "), cells.join(", "))
}

/// Returns rows as a parameter.
pub(crate) fn parameter<'a>(rows: impl IntoIterator<Item = &'a Vec<Value>>) -> Value {
    let rows: Vec<String> = rows.into_iter().map(|row| list(row.iter().map(cell))).collect();
    Value::from(list(rows.into_iter()))
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => format!("\"{}\"", const_hex::encode(bytes)),
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        // Of other types there are no columns.
        _ => "null".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::values;

    #[test]
    fn rows_are_one_parameter() {
        let rows = [values!["a\"", -1, None::<i64>].to_vec(), values![&[0_u8, 255][..], u64::MAX, ""].to_vec()];
        let expected = "[[\"6122\",-1,null],[\"00ff\",18446744073709551615,\"\"]]";
        assert_eq!(parameter(&rows), Value::from(expected));
        assert_eq!(parameter(&[]), Value::from("[]"));
    }

    #[test]
    fn a_table_reads_them_by_their_types() {
        let table = table(&[Column::Id("id"), Column::Int("at")]);
        let expected = "(SELECT place - 1 AS place, UNHEX(id) AS id, at AS at FROM JSON_TABLE(?1, '$[*]' COLUMNS \
                        (place FOR ORDINALITY, id VARCHAR(1024) CHARACTER SET ascii PATH '$[0]', at BIGINT PATH '$[1]')) AS cells)";
        assert_eq!(table, expected);
    }
}
