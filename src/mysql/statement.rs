//! Statements and their values.
//!
//! Statements have parameters `?1`, `?2` and so on, as those that are shared with other engines. Each of a list of rows
//! has its own.

use mysql_async::Value;

use super::DatabaseError;

/// The greatest length of what identifies something, so that four of them fit into a key.
const ID_BYTES: usize = 512;

/// The numbers of rows in one statement. A few, since the server prepares a statement for each number; and powers of two, so
/// that any number of rows takes few statements.
const ROWS: [usize; 9] = [256, 128, 64, 32, 16, 8, 4, 2, 1];

/// Makes an array of values of whatever can be one.
macro_rules! values {
    ($($value:expr),* $(,)?) => { [$(mysql_async::Value::from($value)),*] };
}

pub(crate) use values;

/// Returns a text that identifies something as a value.
pub(crate) fn id(column: &'static str, text: &str) -> Result<Value, DatabaseError> {
    if text.len() > ID_BYTES {
        return Err(DatabaseError::TooLong { column, length: text.len(), limit: ID_BYTES });
    }
    Ok(Value::from(text))
}

/// Returns a statement with parameters by their order, as the server takes them, and the values in that order.
pub(super) fn by_order(statement: &str, values: &[Value]) -> (String, Vec<Value>) {
    let mut parts = statement.split('?');
    let mut ordered = parts.next().unwrap_or_default().to_owned();
    let mut used = vec![];
    for part in parts {
        let rest = part.trim_start_matches(|sign: char| sign.is_ascii_digit());
        let number = part[..part.len() - rest.len()].parse::<usize>().unwrap_or_default();
        used.push(number.checked_sub(1).and_then(|index| values.get(index)).cloned().unwrap_or(Value::NULL));
        ordered.push('?');
        ordered.push_str(rest);
    }
    (ordered, used)
}

/// Divides rows into portions, one for each statement.
pub(super) fn portions<T>(rows: &[T]) -> impl Iterator<Item = &[T]> {
    let mut left = rows;
    std::iter::from_fn(move || {
        let size = ROWS.into_iter().find(|size| *size <= left.len())?;
        let (portion, rest) = left.split_at(size);
        left = rest;
        Some(portion)
    })
}

/// Returns the parameters of rows, as in `(?3, ?4), (?5, ?6)`, where `shared` parameters come before.
pub(super) fn tuples(shared: usize, rows: &[Vec<Value>]) -> String {
    let mut number = shared;
    let mut tuple = |row: &Vec<Value>| {
        let places: Vec<String> = row
            .iter()
            .map(|_| {
                number += 1;
                format!("?{number}")
            })
            .collect();
        format!("({})", places.join(", "))
    };
    rows.iter().map(&mut tuple).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_put_in_order() {
        let (statement, values) = by_order("a = ?2 AND b IN (?1, ?12) AND c = ?2", &values!["one", "two"]);
        assert_eq!(statement, "a = ? AND b IN (?, ?) AND c = ?");
        assert_eq!(values, [Value::from("two"), Value::from("one"), Value::NULL, Value::from("two")]);
        assert_eq!(by_order("SELECT 1", &[]), ("SELECT 1".to_owned(), vec![]));
    }

    #[test]
    fn rows_are_divided_into_a_few_sizes() {
        let sizes = |rows: usize| portions(&vec![(); rows]).map(<[()]>::len).collect::<Vec<_>>();
        assert_eq!(sizes(0), [0; 0]);
        assert_eq!(sizes(3), [2, 1]);
        assert_eq!(sizes(290), [256, 32, 2]);
        let rows = [values![1, 2].to_vec(), values![3, 4].to_vec()];
        assert_eq!(tuples(2, &rows), "(?3, ?4), (?5, ?6)");
    }

    #[test]
    fn an_id_has_a_greatest_length() {
        assert!(id("instance_id", &"é".repeat(256)).is_ok());
        let error = id("instance_id", &"x".repeat(513)).unwrap_err();
        assert_eq!(error.to_string(), "instance_id of 513 bytes is too long for MySQL: at most 512");
    }
}
