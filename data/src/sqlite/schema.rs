//! Names of tables and columns, out of the statements that made them.

use super::Value;

/// Words that begin a constraint of a table, and no column.
const CONSTRAINTS: [&str; 5] = ["PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "CONSTRAINT"];

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) name: String,
    /// Stands for the row id, and is not stored.
    pub(super) is_row_id: bool,
}

/// Reads a row of the schema: name, first page and columns, if it is an ordinary table.
pub(super) fn table(row: &[Value]) -> Option<(String, u32, Vec<Column>)> {
    let [kind, name, _, root, sql] = row else { return None };
    let root = u32::try_from(root.as_int()?).ok().filter(|&root| root > 0)?;
    (kind.as_text()? == "table").then_some((name.as_text()?.to_owned(), root, columns(sql.as_text()?)?))
}

/// Reads the columns of a `CREATE TABLE` statement.
fn columns(sql: &str) -> Option<Vec<Column>> {
    let body = sql.get(sql.find('(')? + 1..sql.rfind(')')?)?;
    let parts = top_level(body);
    let key = parts.iter().find_map(|part| primary_key(part));
    let of_part = |part: &&str| {
        let (name, rest) = first_word(part)?;
        if CONSTRAINTS.iter().any(|word| name.eq_ignore_ascii_case(word)) && !part.starts_with('"') {
            return None;
        }
        let upper = rest.to_ascii_uppercase();
        let is_int = upper.split_whitespace().next() == Some("INTEGER");
        let is_key = upper.contains("PRIMARY KEY") || key.as_deref() == Some(name.as_str());
        Some(Column { name, is_row_id: is_int && is_key })
    };
    Some(parts.iter().filter_map(of_part).collect())
}

/// Returns the column of a `PRIMARY KEY (column)` constraint over a single one.
fn primary_key(part: &str) -> Option<String> {
    let upper = part.to_ascii_uppercase();
    let inside = upper.find("PRIMARY KEY").filter(|_| !upper.starts_with("FOREIGN"))?;
    let open = part[inside..].find('(')? + inside;
    let named = &part[open + 1..part[open..].find(')')? + open];
    (!named.contains(',')).then(|| first_word(named)).flatten().map(|(name, _)| name)
}

/// Cuts at commas outside of parentheses and quotes.
fn top_level(body: &str) -> Vec<&str> {
    let (mut depth, mut quote, mut start) = (0_i32, None, 0);
    let mut parts = Vec::new();
    for (at, character) in body.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, ',') if depth == 0 => {
                parts.push(body[start..at].trim());
                start = at + 1;
            }
            (None, _) => {}
        }
    }
    parts.push(body[start..].trim());
    parts
}

/// Splits off a name, quoted or not.
fn first_word(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    for (open, close) in [('"', '"'), ('`', '`'), ('[', ']')] {
        if let Some(rest) = text.strip_prefix(open) {
            return rest.split_once(close).map(|(name, rest)| (name.to_owned(), rest));
        }
    }
    let end = text.find(|character: char| character.is_whitespace() || character == '(').unwrap_or(text.len());
    (end > 0).then(|| (text[..end].to_owned(), &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_in_order_and_constraints_are_none() {
        let sql = "CREATE TABLE trial_values (\n\ttrial_value_id INTEGER NOT NULL, \n\t\"key\" VARCHAR(512), \n\tvalue FLOAT, \
                   \n\tPRIMARY KEY (trial_value_id), \n\tUNIQUE (trial_value_id, \"key\"), \n\tFOREIGN KEY(value) REFERENCES t (id)\n)";
        let found = columns(sql).expect("a table");
        let names: Vec<(&str, bool)> = found.iter().map(|column| (column.name.as_str(), column.is_row_id)).collect();
        assert_eq!(names, [("trial_value_id", true), ("key", false), ("value", false)]);
        let inline =
            columns("CREATE TABLE t(id integer primary key, `a b` text default 'x,y', n NUMERIC(1,2))").expect("a table");
        let names: Vec<(&str, bool)> = inline.iter().map(|column| (column.name.as_str(), column.is_row_id)).collect();
        assert_eq!(names, [("id", true), ("a b", false), ("n", false)]);
    }

    #[test]
    fn a_statement_that_makes_no_sense_has_no_columns() {
        assert_eq!(columns("CREATE VIEW v AS SELECT 1"), None);
        assert_eq!(columns("("), None);
        assert_eq!(columns(")("), None);
    }
}
