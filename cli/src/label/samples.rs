//! `hone label ask`: samples out of a file, with their images.
//!
//! | Column | Means |
//! |---|---|
//! | the one that `--key` names | the sample's id |
//! | `hone.priority` | a number; higher is asked first |
//! | `hone.prediction`, `hone.confidence` | what a model says, and how sure it is |
//! | `hone.model` | which model says so |
//! | `hone.control` | drawn at random, to measure by |
//! | `hone.gold` | the known answer of a gold question |
//! | any other | what annotators may see |

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead as _, BufReader},
    path::{Path, PathBuf},
};

use hone_data::Hash;
use hone_proto::v1;
use serde_json::{Map, Value, json};
use tokio_stream::iter;

use super::{fetch_project, of_dataset};
use crate::{
    args::AskArgs,
    connect::Client,
    errors::{Failure, Result},
    output::print_line,
};

/// Samples of one message, whose bytes stay far below what one may have.
const SAMPLES: usize = 256;
/// The largest image.
const MAX_IMAGE_BYTES: u64 = 64 << 20;
/// Bytes of one message of an upload.
const CHUNK_BYTES: usize = 256 << 10;
/// Images that browsers show, by the ending of their names.
const IMAGES: [(&str, &str); 6] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("bmp", "image/bmp"),
];

/// Asks for labels of the samples in a file.
///
/// # Errors
/// A file that cannot be read, with the line; whatever the coordinator answers.
pub async fn ask(client: &Client, args: &AskArgs) -> Result<()> {
    let project = fetch_project(client, args.project.clone()).await?;
    let (file, rows) = match &args.file {
        Some(file) => (file.clone(), of_file(client, args, &project, file).await?),
        None => {
            let (label, rows) = of_version(client, args, &project).await?;
            (PathBuf::from(label), rows)
        }
    };
    let text_labels = project.form.as_ref().is_some_and(|form| matches!(form.kind.as_str(), "classes" | "pairwise"));
    let reader = Reader { file: &file, key: &args.key, text_labels };
    let samples = rows.into_iter().map(|(line, row)| reader.sample(line, row)).collect::<Result<Vec<_>>>()?;
    let source = args.source.clone().unwrap_or_else(|| format!("hone label ask {}", file.display()));
    let request_id = uuid::Uuid::new_v4().as_bytes().to_vec();
    let mut messages = vec![v1::AskLabelsRequest {
        project: project.id.to_string(),
        source,
        request_id: request_id.into(),
        samples: Vec::new(),
    }];
    messages.extend(samples.chunks(SAMPLES).map(|part| v1::AskLabelsRequest { samples: part.to_vec(), ..Default::default() }));
    let done = client.labels().ask_labels(iter(messages)).await?.into_inner();
    let known = if done.known > 0 { format!("; {} are asked for already", done.known) } else { String::new() };
    print_line(&format!("{} labels are asked for{known}", done.new))
}

/// Samples of a file, with their images.
async fn of_file(client: &Client, args: &AskArgs, project: &v1::LabelProject, file: &Path) -> Result<Vec<(u64, Row)>> {
    let mut rows = match &args.chosen {
        None => read(file, &|_| true)?,
        Some(chosen) => Chosen::read(chosen)?.of_file(file, &args.key)?,
    };
    let image = project.show.as_ref().map(|show| show.image.clone()).filter(|column| !column.is_empty());
    if let Some(column) = image {
        upload_images(client, file, &column, &mut rows).await?;
    }
    Ok(rows)
}

/// Samples of the version that is named, or the newest one of the project's dataset.
async fn of_version(client: &Client, args: &AskArgs, project: &v1::LabelProject) -> Result<(String, Vec<(u64, Row)>)> {
    let dataset = args.dataset.clone().unwrap_or_else(|| project.dataset.clone());
    if dataset.is_empty() {
        let failure = Failure::usage(format!("nothing says where the samples of `{}` are", project.name));
        return Err(failure.hint("name a file, a version with `--dataset`, or a `dataset` in the project's file"));
    }
    let Some(chosen) = &args.chosen else { return of_dataset::rows(client, project, &dataset, Vec::new(), &args.key).await };
    let chosen = Chosen::read(chosen)?;
    let (label, rows) = of_dataset::rows(client, project, &dataset, chosen.ids(), &args.key).await?;
    let rows = chosen.of_rows(Path::new(&label), &args.key, rows)?;
    Ok((label, rows))
}

/// What a browser is told an image is, by the ending of its name.
pub(super) fn image_type(path: &Path) -> Option<&'static str> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    IMAGES.iter().find(|(known, _)| *known == ending).map(|(_, kind)| *kind)
}

pub(super) type Row = Map<String, Value>;

/// Rows with their lines: those for which `keep` holds.
pub(super) fn read(file: &Path, keep: &dyn Fn(&Row) -> bool) -> Result<Vec<(u64, Row)>> {
    let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
    let open = || File::open(file).map(BufReader::new).map_err(|error| Failure::file("read", file, &error));
    let mut rows = Vec::new();
    let mut any = false;
    let mut take = |line: u64, row: Row| {
        any = true;
        if keep(&row) {
            rows.push((line, row));
        }
    };
    match ending.as_str() {
        "jsonl" | "ndjson" | "json" => json_lines(file, open()?, &mut take)?,
        "csv" => csv_rows(file, open()?, &mut take)?,
        _ => {
            let failure = Failure::usage(format!("`{}` is neither JSONL nor CSV by its name", file.display()));
            return Err(failure.hint("name the file `….jsonl` or `….csv`"));
        }
    }
    if !any {
        return Err(Failure::usage(format!("`{}` has no rows", file.display())));
    }
    Ok(rows)
}

fn json_lines(file: &Path, text: BufReader<File>, take: &mut dyn FnMut(u64, Row)) -> Result<()> {
    for (line, text) in (1..).zip(text.lines()) {
        let text = match text {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(wrong(file, line, "is not UTF-8")),
            text => text.map_err(|error| Failure::file("read", file, &error))?,
        };
        if text.trim().is_empty() {
            continue;
        }
        match serde_json::from_str(&text) {
            Ok(Value::Object(row)) => take(line, row),
            Ok(_) => return Err(wrong(file, line, "is not a JSON object")),
            Err(error) => return Err(wrong(file, line, &format!("is not JSON: {error}"))),
        }
    }
    Ok(())
}

fn csv_rows(file: &Path, text: BufReader<File>, take: &mut dyn FnMut(u64, Row)) -> Result<()> {
    let mut reader = csv::ReaderBuilder::new().from_reader(text);
    let broken = |error: &csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        wrong(file, line, &format!("cannot be read: {error}"))
    };
    let names = reader.headers().map_err(|error| broken(&error))?.clone();
    for record in reader.records() {
        let record = record.map_err(|error| broken(&error))?;
        let line = record.position().map_or(0, csv::Position::line);
        let cells = names.iter().zip(&record).filter(|(_, cell)| !cell.is_empty());
        take(line, cells.map(|(name, cell)| (name.to_owned(), json!(cell))).collect());
    }
    Ok(())
}

/// Those samples that `hone label choose` chose, in its order, with what it says of them.
struct Chosen<'a> {
    file: &'a Path,
    places: BTreeMap<String, usize>,
    /// The line of each, and its columns.
    wanted: Vec<(u64, BTreeMap<String, Value>)>,
}

impl<'a> Chosen<'a> {
    fn read(file: &'a Path) -> Result<Chosen<'a>> {
        let (mut places, mut wanted) = (BTreeMap::new(), Vec::new());
        for (line, mut row) in read(file, &|_| true)? {
            let Some(id) = id_of(&row, "id") else { return Err(wrong(file, line, "there is no `id`")) };
            if places.insert(id, wanted.len()).is_none() {
                wanted.push((line, own_columns(&mut row)));
            }
        }
        Ok(Chosen { file, places, wanted })
    }

    fn ids(&self) -> Vec<String> {
        self.places.keys().cloned().collect()
    }

    /// Their rows in a table.
    fn of_file(&self, table: &Path, key: &str) -> Result<Vec<(u64, Row)>> {
        let rows = read(table, &|row| id_of(row, key).is_some_and(|id| self.places.contains_key(&id)))?;
        self.of_rows(table, key, rows)
    }

    /// Their rows among others; `table` is how messages call these.
    fn of_rows(&self, table: &Path, key: &str, rows: Vec<(u64, Row)>) -> Result<Vec<(u64, Row)>> {
        let mut found: Vec<Option<(u64, Row)>> = vec![None; self.wanted.len()];
        for (line, mut row) in rows {
            let Some(place) = id_of(&row, key).and_then(|id| self.places.get(&id)) else { continue };
            // What was chosen now goes before what the table says of it.
            let mut own = own_columns(&mut row);
            own.extend(self.wanted[*place].1.clone());
            row.insert("hone".to_owned(), Value::Object(own.into_iter().collect()));
            found[*place].get_or_insert((line, row));
        }
        let lacking = self.places.iter().filter(|(_, place)| found[**place].is_none()).min_by_key(|(_, place)| **place);
        if let Some((id, place)) = lacking {
            let message = format!("`{}` has no sample `{id}`", table.display());
            let failure = wrong(self.file, self.wanted[*place].0, &message);
            return Err(failure.hint(format!("its ids are those of the column `{key}`; `--key COLUMN` names another one")));
        }
        Ok(found.into_iter().flatten().collect())
    }
}

fn id_of(row: &Row, key: &str) -> Option<String> {
    match row.get(key)? {
        Value::String(id) if !id.is_empty() => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

pub(super) fn wrong(file: &Path, line: u64, why: &str) -> Failure {
    Failure::usage(format!("{}:{line}: {why}", file.display()))
}

/// Turns rows into samples.
struct Reader<'a> {
    file: &'a Path,
    key: &'a str,
    /// A label is a plain text, as in CSV.
    text_labels: bool,
}

impl Reader<'_> {
    fn sample(&self, line: u64, mut row: Row) -> Result<v1::LabelSample> {
        let wrong = |why: String| wrong(self.file, line, &why);
        let id = match (id_of(&row, self.key), row.get(self.key)) {
            (Some(id), _) => id,
            (None, Some(_)) => return Err(wrong(format!("`{}` is neither a text nor a number", self.key))),
            (None, None) => {
                let failure = wrong(format!("there is no `{}`", self.key));
                return Err(failure.hint("`--key COLUMN` names the column with the ids"));
            }
        };
        let own = own_columns(&mut row);
        if let Some(unknown) = own.keys().find(|name| !OWN.contains(&name.as_str())) {
            let failure = wrong(format!("`hone.{unknown}` is no column of ours"));
            return Err(failure.hint(format!("there are hone.{}", OWN.join(", hone."))));
        }
        let number = |name: &str| -> Result<Option<f64>> {
            let Some(value) = own.get(name) else { return Ok(None) };
            let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            number.map(Some).ok_or_else(|| wrong(format!("`hone.{name}` is not a number")))
        };
        let control = match own.get("control") {
            None => false,
            Some(Value::Bool(control)) => *control,
            Some(Value::String(text)) if text == "true" || text == "false" => text == "true",
            Some(_) => return Err(wrong("`hone.control` is neither `true` nor `false`".to_owned())),
        };
        let prediction = match own.get("prediction") {
            None => None,
            Some(label) => Some(v1::LabelPrediction {
                label_json: self.label(label),
                confidence: number("confidence")?.unwrap_or(1.0),
                source: own.get("model").map(text_of).unwrap_or_default(),
            }),
        };
        Ok(v1::LabelSample {
            sample: id,
            priority: number("priority")?.unwrap_or(0.0),
            prediction,
            control,
            gold_json: own.get("gold").map_or_else(String::new, |label| self.label(label)),
            data_json: Value::Object(row).to_string(),
        })
    }

    /// A cell of CSV holds JSON, unless labels are plain texts.
    fn label(&self, value: &Value) -> String {
        match value {
            Value::String(text) if !self.text_labels => text.clone(),
            other => other.to_string(),
        }
    }
}

const OWN: [&str; 6] = ["priority", "prediction", "confidence", "model", "control", "gold"];

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Takes the columns `hone.…`, or the fields of one object `hone`, out of a row.
fn own_columns(row: &mut Row) -> BTreeMap<String, Value> {
    let mut own = BTreeMap::new();
    if let Some(Value::Object(fields)) = row.get("hone").cloned() {
        row.remove("hone");
        own.extend(fields);
    }
    let names: Vec<String> = row.keys().filter(|name| name.starts_with("hone.")).cloned().collect();
    for name in names {
        if let Some(value) = row.remove(&name) {
            own.insert(name["hone.".len()..].to_owned(), value);
        }
    }
    own
}

/// Uploads the files that a column names and puts their hashes in their place. What is no file beside the table, such as
/// a URL, stays as it is.
async fn upload_images(client: &Client, table: &Path, column: &str, rows: &mut [(u64, Row)]) -> Result<()> {
    let folder = table.parent().unwrap_or(Path::new("."));
    for (line, row) in rows {
        let Some(Value::String(name)) = row.get(column) else { continue };
        let is_elsewhere = ["http://", "https://", "data:"].iter().any(|start| name.starts_with(start));
        if is_elsewhere {
            continue;
        }
        let path = folder.join(name);
        let Some(kind) = image_type(&path) else {
            let failure = wrong(table, *line, &format!("`{name}` is no image by its name"));
            return Err(failure.hint("browsers show .png, .jpg, .gif, .webp and .bmp"));
        };
        let bytes = match fs::metadata(&path) {
            Ok(found) if found.len() > MAX_IMAGE_BYTES => {
                return Err(wrong(table, *line, &format!("`{name}` is larger than {} MiB", MAX_IMAGE_BYTES >> 20)));
            }
            Ok(_) => fs::read(&path),
            Err(error) => Err(error),
        };
        let bytes = bytes.map_err(|error| Failure::file("read", &path, &error))?;
        let hash = Hash::of(&bytes);
        put(client, hash, bytes).await?;
        row.insert(column.to_owned(), json!({"blob": hash.to_string(), "type": kind}));
    }
    Ok(())
}

async fn put(client: &Client, hash: Hash, bytes: Vec<u8>) -> Result<()> {
    let name: bytes::Bytes = hash.as_bytes().to_vec().into();
    let question = v1::MissingBlobsRequest { hashes: vec![name.clone()] };
    if client.blobs().missing_blobs(question).await?.into_inner().hashes.is_empty() {
        return Ok(());
    }
    let size = bytes.len() as u64;
    let first = v1::BlobChunk { data: bytes::Bytes::new(), hash: name, size };
    let rest = bytes.chunks(CHUNK_BYTES).map(|part| v1::BlobChunk { data: part.to_vec().into(), ..Default::default() });
    let chunks: Vec<v1::BlobChunk> = std::iter::once(first).chain(rest).collect();
    client.blobs().put_blob(iter(chunks)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(row: Value, text_labels: bool) -> Result<v1::LabelSample> {
        let Value::Object(row) = row else { panic!("an object") };
        Reader { file: Path::new("samples.jsonl"), key: "id", text_labels }.sample(3, row)
    }

    #[test]
    fn a_row_is_a_sample_with_hones_own_columns_taken_out() {
        let row = json!({"id": 7, "text": "good", "hone.priority": "0.5", "hone": {"prediction": "yes", "confidence": 0.75, "model": "m"}});
        let read = sample(row, true).unwrap();
        assert_eq!((read.sample.as_str(), read.priority, read.control), ("7", 0.5, false));
        assert_eq!(read.data_json, r#"{"id":7,"text":"good"}"#);
        let prediction = read.prediction.unwrap();
        assert_eq!((prediction.label_json.as_str(), prediction.confidence, &*prediction.source), ("\"yes\"", 0.75, "m"));
    }

    #[test]
    fn labels_in_cells_are_json_where_labels_are_no_plain_texts() {
        let read = sample(json!({"id": "a", "hone.gold": "[\"cat\"]", "hone.control": "true"}), false).unwrap();
        assert_eq!((read.gold_json.as_str(), read.control), ("[\"cat\"]", true));
    }

    #[test]
    fn of_a_table_those_that_were_chosen_are_asked_for_with_what_was_said_of_them() {
        let folder = tempfile::tempdir().unwrap();
        let [table, chosen] = ["table.csv", "chosen.jsonl"].map(|name| folder.path().join(name));
        fs::write(&table, "key,text,hone.priority\na,good,1\nb,bad,1\n7,odd,1\n").unwrap();
        fs::write(&chosen, "{\"id\": 7, \"hone\": {\"priority\": 3}}\n{\"id\": \"a\", \"hone\": {\"control\": true}}\n").unwrap();
        let rows = Chosen::read(&chosen).unwrap().of_file(&table, "key").unwrap();
        let expected = [
            (4, json!({"key": "7", "text": "odd", "hone": {"priority": 3}})),
            (2, json!({"key": "a", "text": "good", "hone": {"priority": "1", "control": true}})),
        ];
        assert_eq!(rows.into_iter().map(|(line, row)| (line, Value::Object(row))).collect::<Vec<_>>(), expected);
        fs::write(&chosen, "{\"id\": \"a\"}\n{\"id\": \"z\"}\n").unwrap();
        let said = Chosen::read(&chosen).unwrap().of_file(&table, "key").unwrap_err().to_string();
        assert!(said.contains("chosen.jsonl:2: `") && said.contains("table.csv` has no sample `z`"), "{said}");
    }

    #[test]
    fn mistakes_name_the_line() {
        for (row, message) in [
            (json!({"text": "x"}), "samples.jsonl:3: there is no `id`"),
            (json!({"id": []}), "samples.jsonl:3: `id` is neither a text nor a number"),
            (json!({"id": "a", "hone.priority": "high"}), "samples.jsonl:3: `hone.priority` is not a number"),
            (json!({"id": "a", "hone.prio": 1}), "samples.jsonl:3: `hone.prio` is no column of ours"),
            (json!({"id": "a", "hone.control": 1}), "samples.jsonl:3: `hone.control` is neither `true` nor `false`"),
        ] {
            assert!(sample(row, true).unwrap_err().to_string().starts_with(message), "{message}");
        }
    }
}
