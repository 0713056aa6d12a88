use std::{fs, io::Write as _};

use ::parquet::{
    basic::{Compression, ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical},
    data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type},
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::Type,
};
use proptest::{collection::vec, prelude::*};

use super::*;

struct Read {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

fn read_file(name: &str, bytes: &[u8]) -> Result<Read, TableError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    let format = Format::of_name(name).unwrap();
    let mut table = Table::open(&Content::of_file(&path).unwrap(), format, name)?;
    let mut read = Read { columns: Vec::new(), rows: Vec::new() };
    let mut parts = 0;
    while let Some(batch) = table.next_batch()? {
        assert_eq!(batch.first, read.rows.len() as u64);
        read.columns = batch.columns.iter().map(ToString::to_string).collect();
        read.rows.extend(batch.rows);
        parts += 1;
    }
    assert!(parts > 0, "a table has columns, if no rows");
    Ok(read)
}

fn refusal(name: &str, bytes: &[u8]) -> String {
    let error = read_file(name, bytes).err().unwrap_or_else(|| panic!("`{name}` is accepted"));
    error.to_string()
}

fn t(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn names_say_what_a_file_holds() {
    for (name, format) in [
        ("a.csv", Some(Format::Csv)),
        ("A.TSV", Some(Format::Csv)),
        ("a.b.csv.gz", Some(Format::Csv)),
        ("a.ndjson", Some(Format::Jsonl)),
        ("a.jsonl.gz", Some(Format::Jsonl)),
        ("a.parquet", Some(Format::Parquet)),
        ("a.parquet.gz", None),
        ("csv", None),
        ("a.json", None),
    ] {
        assert_eq!(Format::of_name(name), format, "{name}");
    }
}

#[test]
fn a_csv_is_separated_by_what_its_header_has_most_of() {
    for (name, text) in [
        ("a.csv", "a,b\n1,\"x,y\"\n,z\n"),
        ("a.csv", "a;b\n1;\"x,y\"\n;z\n"),
        ("a.csv", "\u{feff}a|b\r\n1|x,y\r\n|z"),
        ("a.tsv", "a\tb\n1\tx,y\n\tz\n"),
    ] {
        let read = read_file(name, text.as_bytes()).unwrap();
        assert_eq!(read.columns, ["a", "b"], "{text}");
        assert_eq!(read.rows, [[t("1"), t("x,y")], [Value::Missing, t("z")]], "{text}");
    }
    let one = read_file("one.csv", b"name\na\nb\n").unwrap();
    assert_eq!((one.columns, one.rows.len()), (vec!["name".to_owned()], 2));
    let numbers = read_file("numbers.csv", b"1,2.5\n3,4\n").unwrap();
    assert_eq!((numbers.columns, numbers.rows.len()), (vec!["c0".to_owned(), "c1".to_owned()], 2));
    assert_eq!(numbers.rows[0], [t("1"), t("2.5")]);
    assert_eq!(read_file("half.csv", b"1,a\n3,4\n").unwrap().columns, ["1", "a"]);
    let none = read_file("none.csv", b"a,b\n").unwrap();
    assert_eq!((none.columns.len(), none.rows.len()), (2, 0));
}

#[test]
fn a_packed_file_reads_as_its_content() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(b"a,b\n1,2\n").unwrap();
    let mut bytes = packed.finish().unwrap();
    let read = read_file("a.csv.gz", &bytes).unwrap();
    assert_eq!(read.rows, [[t("1"), t("2")]]);
    bytes.truncate(bytes.len() - 9);
    assert!(matches!(read_file("a.csv.gz", &bytes), Err(TableError::Io(_) | TableError::Row { .. })));
}

#[test]
fn rows_that_make_no_sense_are_named() {
    assert_eq!(refusal("a.csv", b"a,b\n1,2\n1\n"), "row 2: it has 1 cells (line 3), and the first line has 2");
    assert_eq!(refusal("a.csv", b"a,a\n"), "two columns are called `a`; rename one");
    assert_eq!(refusal("a.csv", b""), "it has no header line");
    assert_eq!(refusal("a.csv", b"a,b\n1,\xff\n"), "row 1: `b` is not UTF-8");
    assert!(refusal("a.jsonl", b"{\"a\":1}\n\n[1]\n").starts_with("row 2: line 3 is no JSON object"));
    assert!(refusal("a.jsonl", b"{\"a\":1} {\"a\":2}\n").contains("more than one JSON object"));
    assert!(refusal("a.jsonl", b"{\"a\":1,\"a\":2}\n").contains("has `a` twice"));
    assert!(refusal("a.parquet", b"PAR1").contains("no sound Parquet file"));
}

#[test]
fn json_lines_gain_columns_as_they_come() {
    let text =
        "{\"b\":1,\"a\":\"x\"}\n\n{\"a\":null,\"c\":{\"z\":1,\"y\":[2.50]}}\n{\"b\":18446744073709551615,\"a\":0.5,\"d\":true}";
    let read = read_file("a.jsonl", text.as_bytes()).unwrap();
    assert_eq!(read.columns, ["b", "a", "c", "d"]);
    assert_eq!(read.rows[0], [Value::Int(1), t("x")]);
    assert_eq!(read.rows[1], [Value::Missing, Value::Missing, Value::Nested("{\"y\":[2.5],\"z\":1}".into())]);
    assert_eq!(read.rows[2], [Value::Unsigned(u64::MAX), Value::Float(0.5), Value::Missing, Value::Bool(true)]);
}

/// A file with four optional columns: whole numbers, reals, texts, instants.
pub(in crate::dataset) fn parquet_of(rows: &[(i32, f64, Option<&str>, i64)], compression: Compression) -> Vec<u8> {
    let field = |name: &str, kind, converted, logical: Option<LogicalType>| {
        let field = Type::primitive_type_builder(name, kind).with_repetition(Repetition::OPTIONAL);
        Arc::new(field.with_converted_type(converted).with_logical_type(logical).build().unwrap())
    };
    let micros = LogicalType::timestamp(true, TimeUnit::MICROS);
    let fields = vec![
        field("id", Physical::INT32, ConvertedType::NONE, None),
        field("x", Physical::DOUBLE, ConvertedType::NONE, None),
        field("name", Physical::BYTE_ARRAY, ConvertedType::UTF8, None),
        field("at", Physical::INT64, ConvertedType::NONE, Some(micros)),
    ];
    let schema = Arc::new(Type::group_type_builder("rows").with_fields(fields).build().unwrap());
    let properties = Arc::new(WriterProperties::builder().set_compression(compression).build());
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
    let mut group = file.next_row_group().unwrap();
    let all = vec![1; rows.len()];
    macro_rules! column {
        ($kind:ty, $values:expr, $levels:expr) => {{
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<$kind>().write_batch($values, Some($levels), None).unwrap();
            column.close().unwrap();
        }};
    }
    column!(Int32Type, &rows.iter().map(|row| row.0).collect::<Vec<_>>(), &all);
    column!(DoubleType, &rows.iter().map(|row| row.1).collect::<Vec<_>>(), &all);
    let names: Vec<ByteArray> = rows.iter().filter_map(|row| row.2).map(ByteArray::from).collect();
    column!(ByteArrayType, &names, &rows.iter().map(|row| i16::from(row.2.is_some())).collect::<Vec<_>>());
    column!(Int64Type, &rows.iter().map(|row| row.3).collect::<Vec<_>>(), &all);
    group.close().unwrap();
    file.close().unwrap();
    bytes
}

#[test]
fn parquet_keeps_the_kinds_of_its_values() {
    let zstd = Compression::ZSTD(::parquet::basic::ZstdLevel::default());
    for compression in [Compression::UNCOMPRESSED, Compression::SNAPPY, zstd] {
        let bytes = parquet_of(&[(7, 0.5, Some("é"), 1_000), (-1, f64::NAN, None, -1)], compression);
        let read = read_file("a.parquet", &bytes).unwrap();
        assert_eq!(read.columns, ["id", "x", "name", "at"]);
        assert_eq!(read.rows[0], [Value::Int(7), Value::Float(0.5), t("é"), Value::Time(1_000)]);
        assert_eq!((&read.rows[1][0], &read.rows[1][2]), (&Value::Int(-1), &Value::Missing));
        assert!(read.rows[1][1].is_missing());
    }
}

#[test]
fn a_quote_that_is_never_closed_does_not_bring_the_file_into_memory() {
    let mut bytes = b"a,b\n1,2\n3,\"open\n".to_vec();
    bytes.resize(bytes.len() + (ROW_BYTES as usize) + (1 << 20), b'x');
    let said = refusal("a.csv", &bytes);
    assert!(said.starts_with("row 2: ") && said.contains("a quote may not be closed"), "{said}");
}

/// What is held of a table is bounded, however wide it is.
#[test]
fn wide_tables_come_in_smaller_parts() {
    let columns = 5_000;
    let line = |cell: &str| vec![cell; columns].join(",") + "\n";
    let header: Vec<String> = (0..columns).map(|at| format!("x{at}")).collect();
    let text = header.join(",") + "\n" + &line("1").repeat(1_000);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.csv");
    fs::write(&path, text).unwrap();
    let mut table = Table::open(&Content::of_file(&path).unwrap(), Format::Csv, "a.csv").unwrap();
    let mut parts = Vec::new();
    while let Some(batch) = table.next_batch().unwrap() {
        parts.push(batch.rows.len());
    }
    let most = BATCH_BYTES / (columns * size_of::<Value>()) + 1;
    assert!(parts.iter().all(|rows| *rows <= most), "{parts:?}");
    assert_eq!(parts.iter().sum::<usize>(), 1_000);
}

proptest! {
    #[test]
    fn a_csv_reads_back_what_was_written(rows in vec(vec("[ -~\\n\"]{0,8}|é{1,3}", 3), 1..40)) {
        let mut writer = ::csv::Writer::from_writer(Vec::new());
        writer.write_record(["a", "b", "c"]).unwrap();
        rows.iter().for_each(|row| writer.write_record(row).unwrap());
        let read = read_file("a.csv", &writer.into_inner().unwrap()).unwrap();
        let expected: Vec<Vec<Value>> =
            rows.iter().map(|row| row.iter().map(|cell| if cell.is_empty() { Value::Missing } else { t(cell) }).collect()).collect();
        prop_assert_eq!(read.rows, expected);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in vec(any::<u8>(), 0..300), name in prop_oneof![Just("a.csv"), Just("a.jsonl"), Just("a.csv.gz"), Just("a.parquet")]) {
        let _ = read_file(name, &bytes);
    }

    #[test]
    fn no_damage_makes_the_parquet_reader_panic(at in 0_usize..2_000, byte in any::<u8>()) {
        let mut bytes = parquet_of(&[(7, 0.5, Some("é"), 1_000), (-1, 0.25, None, -1)], Compression::SNAPPY);
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = read_file("a.parquet", &bytes);
    }
}
