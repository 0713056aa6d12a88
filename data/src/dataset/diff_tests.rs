use proptest::{collection::vec, prelude::*};
use serde_json::json;

use super::super::content::Content;
use super::super::manifest::Entry;
use super::super::rows::tests::Data;
use super::*;

fn compare(before: &Data, after: &Data, key: Option<&str>) -> Diff {
    let open_before = |entry: &Entry| -> std::io::Result<Content> { before.open(entry) };
    let open_after = |entry: &Entry| -> std::io::Result<Content> { after.open(entry) };
    let old = Side { manifest: &before.manifest, profile: Some(&before.profile), key, open: &open_before };
    let new = Side { manifest: &after.manifest, profile: Some(&after.profile), key, open: &open_after };
    diff(&old, &new, 3).unwrap()
}

fn fields(change: &RowChange) -> Json {
    Json::Object(change.fields.clone())
}

#[test]
fn rows_with_a_key_are_added_removed_and_changed() {
    let before = Data::new(&[("a.csv", "id,x,y\n1,a,5\n2,b,6\n3,c,7\n4,d,8\n")]);
    let after = Data::new(&[("a.csv", "id,x,y\n4,d,8\n3,C,7\n5,e,9\n1,a,5\n")]);
    let found = compare(&before, &after, Some("id"));
    let rows = found.rows.unwrap();
    assert_eq!((rows.added, rows.removed, rows.changed, found.same_rows), (1, 1, 1, 2));
    assert_eq!((rows.first_added[0].id.as_str(), rows.first_removed[0].id.as_str()), ("5", "2"));
    assert_eq!(fields(&rows.first_added[0]), json!({"id": 5, "x": "e", "y": 9}));
    assert_eq!(rows.first_changed[0].id, "3");
    assert_eq!(fields(&rows.first_changed[0]), json!({"x": ["c", "C"]}));
    assert_eq!((found.files.changed, found.key.as_deref(), found.columns.len()), (1, Some("id"), 0));
}

#[test]
fn rows_without_a_key_are_a_multiset() {
    let before = Data::new(&[("a.csv", "x\na\na\nb\n")]);
    let after = Data::new(&[("a.csv", "x\nb\na\nc\nc\n")]);
    let found = compare(&before, &after, None);
    let rows = found.rows.unwrap();
    assert_eq!((rows.added, rows.removed, rows.changed, found.same_rows, found.key), (2, 1, 0, 2, None));
    assert_eq!(fields(&rows.first_removed[0]), json!({"x": "a"}));
    let reordered = compare(&before, &Data::new(&[("a.csv", "x\nb\na\na\n")]), None);
    assert!(reordered.rows.unwrap().is_empty() && reordered.same_rows == 3);
}

#[test]
fn files_and_columns_are_compared_by_name() {
    let before = Data::new(&[("a.csv", "id,x\n1,2\n"), ("gone.txt", "x"), ("same.txt", "x")]);
    let after = Data::new(&[("a.csv", "id,x,new\n1,word,3\n"), ("new.txt", "x"), ("same.txt", "x")]);
    let found = compare(&before, &after, None);
    assert_eq!((found.files.first_added, found.files.first_removed), (vec!["new.txt".to_owned()], vec!["gone.txt".to_owned()]));
    assert_eq!(found.files.first_changed, ["a.csv"]);
    let change = |name: &str, before: Option<&str>, after: Option<&str>| ColumnChange {
        name: name.to_owned(),
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    };
    assert_eq!(found.columns, [change("new", None, Some("int")), change("x", Some("int"), Some("text"))]);
    let plain = compare(&Data::new(&[("a", "x")]), &Data::new(&[("a", "y")]), None);
    assert_eq!((plain.rows, plain.files.changed), (None, 1));
}

#[test]
fn examples_are_the_same_in_every_run_and_no_more_than_wanted() {
    let table = |from: u32| -> String {
        std::iter::once("id,x\n".to_owned()).chain((from..from + 50).map(|at| format!("{at},{at}\n"))).collect()
    };
    let (before, after) = (Data::new(&[("a.csv", &table(0))]), Data::new(&[("a.csv", &table(30))]));
    let (one, other) = (compare(&before, &after, Some("id")), compare(&before, &after, Some("id")));
    assert_eq!(one, other);
    let rows = one.rows.unwrap();
    assert_eq!((rows.added, rows.removed, rows.first_added.len(), rows.first_removed.len()), (30, 30, 3, 3));
}

#[test]
fn several_passes_find_what_one_finds() {
    let before = Data::new(&[("a.csv", "id,x\n1,a\n2,b\n3,c\n4,d\n5,e\n6,f\n")]);
    let after = Data::new(&[("a.csv", "id,x\n1,a\n2,B\n3,c\n7,d\n5,e\n8,f\n")]);
    let (open_before, open_after) = (|entry: &Entry| before.open(entry), |entry: &Entry| after.open(entry));
    let old = Side { manifest: &before.manifest, profile: Some(&before.profile), key: Some("id"), open: &open_before };
    let new = Side { manifest: &after.manifest, profile: Some(&after.profile), key: Some("id"), open: &open_after };
    for passes in [1, 3, 7] {
        let mut found = Found::default();
        for pass in 0..passes {
            by_key(&old, &new, "id", &Share { pass, passes }, 9, &mut found).unwrap();
        }
        let changes = &found.changes;
        assert_eq!((changes.added, changes.removed, changes.changed, found.same), (2, 2, 1, 3), "{passes} passes");
        let mut found = Found::default();
        for pass in 0..passes {
            as_multisets(&old, &new, &Share { pass, passes }, 9, &mut found).unwrap();
        }
        assert_eq!((found.changes.added, found.changes.removed, found.same), (3, 3, 3), "{passes} passes");
    }
}

proptest! {
    #[test]
    fn what_is_found_turns_the_one_into_the_other(
        before in vec((0_u8..20, 0_u8..3), 0..20),
        after in vec((0_u8..20, 0_u8..3), 0..20),
    ) {
        let table = |rows: &[(u8, u8)]| -> (String, BTreeMap<u8, u8>) {
            let rows: BTreeMap<u8, u8> = rows.iter().copied().collect();
            let text = std::iter::once("id,x\n".to_owned()).chain(rows.iter().map(|(id, x)| format!("{id},{x}\n"))).collect();
            (text, rows)
        };
        let ((old_text, old), (new_text, new)) = (table(&before), table(&after));
        let found = compare(&Data::new(&[("a.csv", &old_text)]), &Data::new(&[("a.csv", &new_text)]), Some("id"));
        let rows = found.rows.unwrap();
        let added = new.keys().filter(|id| !old.contains_key(id)).count() as u64;
        let removed = old.keys().filter(|id| !new.contains_key(id)).count() as u64;
        let changed = new.iter().filter(|(id, x)| old.get(id).is_some_and(|former| former != *x)).count() as u64;
        prop_assert_eq!((rows.added, rows.removed, rows.changed), (added, removed, changed));
        prop_assert_eq!(found.same_rows + added + changed, new.len() as u64);
    }
}
