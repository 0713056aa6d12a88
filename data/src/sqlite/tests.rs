use proptest::prelude::*;

use super::*;

/// Made by SQLite itself: small pages, a table `t` with interior pages, overflowing text, every kind of value, a column
/// that was added later, and rows that were deleted.
const FIXTURE: &[u8] = include_bytes!("../../tests/fixtures/small.sqlite");

fn rows(database: &Database) -> Vec<[Value; 4]> {
    let mut rows = Vec::new();
    database.each_row("t", ["id", "number", "text", "late"], |row| rows.push(row)).expect("the table is readable");
    rows
}

#[test]
fn every_row_comes_once_in_order_of_its_id() {
    let database = Database::parse(FIXTURE.to_vec()).expect("a correct file");
    let rows = rows(&database);
    let ids: Vec<i64> = rows.iter().filter_map(|row| row[0].as_int()).collect();
    let expected: Vec<i64> = (1..=400).filter(|id| id % 7 != 0).collect();
    assert_eq!(ids, expected);
}

#[test]
fn values_are_what_was_written() {
    let database = Database::parse(FIXTURE.to_vec()).expect("a correct file");
    for [id, number, text, late] in rows(&database) {
        let id = id.as_int().expect("an id");
        assert_eq!(number.as_number(), Some(id as f64 * if id % 2 == 0 { 1e6 } else { -0.5 }), "row {id}");
        let expected = "ä".repeat(if id % 50 == 0 { 3000 } else { (id % 9) as usize });
        assert_eq!(text.as_text(), Some(expected.as_str()), "row {id}");
        assert_eq!(late.as_int(), (id > 390).then_some(-(1 << (id - 380))), "row {id}");
    }
}

#[test]
fn what_is_not_there_is_named() {
    let database = Database::parse(FIXTURE.to_vec()).expect("a correct file");
    let missing = database.each_row("nothing", ["id"], |_| {}).expect_err("no such table").to_string();
    let column = database.each_row("t", ["id", "nope"], |_| {}).expect_err("no such column").to_string();
    assert_eq!((missing.as_str(), column.as_str()), ("it has no table `nothing`", "its table `t` has no column `nope`"));
    assert!(database.has_table("t") && !database.has_table("u"));
    assert!(matches!(Database::parse(b"number,value\n".to_vec()), Err(SqliteError::NotSqlite)));
}

#[test]
fn a_file_that_is_being_written_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    fs::write(&path, FIXTURE).expect("written");
    assert!(Database::open(&path).is_ok());
    fs::write(folder.path().join("a.db-wal"), b"frames").expect("written");
    assert!(matches!(Database::open(&path), Err(SqliteError::Unfinished { beside }) if beside.ends_with("a.db-wal")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn damage_is_an_error_and_never_a_panic(at in 16..FIXTURE.len(), byte: u8, cut in 0..FIXTURE.len()) {
        let mut bytes = FIXTURE.to_vec();
        bytes[at] = byte;
        if at % 3 == 0 {
            bytes.truncate(cut);
        }
        if let Ok(database) = Database::parse(bytes) {
            let mut count = 0;
            let _ = database.each_row("t", ["id", "number", "text", "late"], |_| count += 1);
            prop_assert!(count <= 100_000);
        }
    }
}
