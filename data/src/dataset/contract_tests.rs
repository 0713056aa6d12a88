use std::{fs, sync::Arc};

use super::super::content::Content;
use super::super::table::Table;
use super::*;

const PEOPLE: &str = "name = \"people\"\nversion = 2\n[[column]]\nname = \"age\"\ntype = \"float\"\nunit = \"years\"\nnullable = true\nmin = 0\nmax = 150\n[[column]]\nname = \"role\"\ntype = \"text\"\ncategories = [\"admin\", \"user\"]\n[[column]]\nname = \"level\"\ntype = \"int\"\ncategories = [1, 2]\n";

fn contract(text: &str) -> Contract {
    Contract::parse(text, "c.toml").unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(text: &str) -> String {
    Contract::parse(text, "c.toml").unwrap_err()
}

fn violations(contract: &Contract, name: &str, text: &str) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, text).unwrap();
    let format = Format::of_name(name).unwrap();
    let mut table = Table::open(&Content::of_file(&path).unwrap(), format, name).unwrap();
    let mut checking = Checking::new(contract);
    while let Some(batch) = table.next_batch().unwrap() {
        checking.look(name, &batch);
    }
    let (count, shown) = checking.finish();
    assert_eq!(count, shown.len() as u64);
    shown.iter().map(ToString::to_string).collect()
}

#[test]
fn the_id_depends_on_what_is_asked_and_not_on_how_it_is_written() {
    let one = contract(PEOPLE);
    let turned = "version = 2\nname = \"people\" # the same\n[[column]]\nname = \"level\"\ntype = \"int\"\ncategories = [2, 1]\n[[column]]\ntype = \"text\"\nname = \"role\"\ncategories = [\"user\", \"admin\"]\n[[column]]\nmax = 150.0\nmin = 0.0\nname = \"age\"\nnullable = true\nunit = \"years\"\ntype = \"float\"\n";
    assert_eq!(one.id(), contract(turned).id());
    assert_ne!(one.id(), contract(&PEOPLE.replace("150", "151")).id());
    assert_ne!(one.id(), contract(&PEOPLE.replace("years", "days")).id());
    assert_eq!(Contract::from_bytes(&one.to_bytes()).unwrap().id(), one.id());
}

#[test]
fn rows_that_keep_it_pass_and_others_are_named() {
    let people = contract(PEOPLE);
    assert_eq!(violations(&people, "a.csv", "age,role,level,more\n30,user,1,x\n,admin,2,y\n0.5,user,1,\n"), Vec::<String>::new());
    assert_eq!(
        violations(&people, "a.csv", "age,role,level\n-1,root,1\n200,user,\nold,user,1.5\n"),
        [
            "`a.csv`, row 1, column `age`: `-1` is less than 0",
            "`a.csv`, row 2, column `age`: `200` is more than 150",
            "`a.csv`, row 3, column `age`: `old` is not a number",
            "`a.csv`, row 2, column `level`: is missing",
            "`a.csv`, row 3, column `level`: `1.5` is not a whole number",
            "`a.csv`, row 1, column `role`: `root` is none of the categories",
        ]
    );
}

#[test]
fn missing_and_unwanted_columns_are_named_once() {
    let people = contract(PEOPLE);
    assert_eq!(violations(&people, "a.csv", "age,level\n1,1\n2,2\n"), ["`a.csv`, column `role`: is not in the table"]);
    let closed = contract(&format!("closed = true\n{PEOPLE}"));
    assert_eq!(
        violations(&closed, "a.csv", "age,role,level,extra\n1,user,1,\n"),
        ["`a.csv`, column `extra`: is not in the contract"]
    );
    assert_eq!(
        violations(&closed, "a.jsonl", "{\"age\":1,\"role\":\"user\",\"level\":1,\"extra\":0}\n{\"level\":2,\"extra\":1}\n"),
        ["`a.jsonl`, column `extra`: is not in the contract", "`a.jsonl`, row 2, column `role`: is missing"]
    );
}

#[test]
fn typed_values_have_to_be_of_their_type() {
    let all = contract(
        "name = \"x\"\n[[column]]\nname = \"b\"\ntype = \"bool\"\n[[column]]\nname = \"i\"\ntype = \"int\"\n[[column]]\nname = \"t\"\ntype = \"text\"\n[[column]]\nname = \"w\"\ntype = \"time\"\nnullable = true\n[[column]]\nname = \"d\"\ntype = \"date\"\nnullable = true\n",
    );
    let good = "{\"b\":true,\"i\":1,\"t\":\"1\",\"w\":\"2024-02-29T12:00:00.5+02:00\",\"d\":\"2024-02-29\"}\n";
    assert_eq!(violations(&all, "a.jsonl", good), Vec::<String>::new());
    let bad = "{\"b\":1,\"i\":1.0,\"t\":1,\"w\":\"noon\",\"d\":\"29.2.2024\"}\n";
    assert_eq!(
        violations(&all, "a.jsonl", bad),
        [
            "`a.jsonl`, row 1, column `b`: `1` is not true or false",
            "`a.jsonl`, row 1, column `d`: `29.2.2024` is not a date such as 2024-02-29",
            "`a.jsonl`, row 1, column `i`: `1.0` is not a whole number",
            "`a.jsonl`, row 1, column `t`: `1` is not text",
            "`a.jsonl`, row 1, column `w`: `noon` is not an instant such as 2024-02-29T12:00:00Z",
        ]
    );
    assert_eq!(violations(&all, "a.csv", "b,i,t,w,d\nTrue,7,x,2024-01-01 10:00,2024-01-01\n"), Vec::<String>::new());
}

#[test]
fn many_violations_are_counted_and_the_first_shown() {
    let people = contract(PEOPLE);
    let columns: Vec<Arc<str>> = ["age", "role", "level"].map(Arc::from).to_vec();
    let rows = vec![vec![Value::Text("x".into()), Value::Text("user".into()), Value::Text("1".into())]; 100];
    let mut checking = Checking::new(&people);
    checking.look("a.csv", &Batch { columns, first: 0, rows });
    let (count, shown) = checking.finish();
    assert_eq!((count, shown.len()), (100, SHOWN));
}

#[test]
fn contracts_that_make_no_sense_are_refused() {
    assert!(refusal("name = \"x\"\n").contains("names no `[[column]]`"));
    assert!(refusal("name = \"x\"\ncolour = 1\n").contains("line 2"));
    let column = |lines: &str| refusal(&format!("name = \"x\"\n[[column]]\nname = \"a\"\n{lines}"));
    assert!(column("type = \"number\"\n").contains("line 4"));
    assert!(column("type = \"text\"\nmin = 0\n").contains("`a` is text, which has no range"));
    assert!(column("type = \"int\"\nmin = 3\nmax = 1\n").contains("min 3 above max 1"));
    assert!(column("type = \"int\"\n[[column]]\nname = \"a\"\ntype = \"int\"\n").contains("twice"));
    assert!(column("type = \"int\"\ncategories = [[1]]\n").contains("no single value"));
}

#[test]
fn a_feature_service_can_be_named_instead_of_columns() {
    let text = "name = \"x\"\nsource = \"feast\"\nfeature_service = \"digits_v1\"\nregistry_sha256 = \"ab\"\nentity_df = \"entities@3\"\nas_of = \"2024-05-01T00:00:00Z\"\n";
    let feast = contract(text);
    assert_eq!((feast.source, feast.entity_df.as_deref()), (Some(ContractSource::Feast), Some("entities@3")));
    assert!(refusal("name = \"x\"\nsource = \"feast\"\n").contains("belong together"));
    assert!(refusal("name = \"x\"\nsource = \"tecton\"\nfeature_service = \"a\"\n").contains("line 2"));
}

#[test]
fn changes_between_contracts_are_told() {
    let (old, new) = (contract(PEOPLE), contract(&PEOPLE.replace("\"age\"", "\"born\"").replace("= \"int\"", "= \"float\"")));
    assert_eq!(
        old.changes_to(&new),
        ["column `age` is not asked for any more", "column `born` is new", "column `level` is float instead of int"]
    );
    assert_eq!(old.changes_to(&contract(&PEOPLE.replace("150", "99"))), ["column `age` is bound otherwise"]);
    assert_eq!(old.changes_to(&old), Vec::<String>::new());
}
