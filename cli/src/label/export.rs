//! `hone label export`: labels in formats that training code reads.

use hone_proto::v1;
use serde_json::{Map, Value, json};

use super::fetch_project;
use crate::{
    args::{LabelExportArgs, LabelFormat},
    connect::Client,
    errors::{Failure, Result},
    output::{self, Target, json_text},
};

/// Writes the labels of a project, oldest request first.
///
/// # Errors
/// No such project, a format that its labels do not have, or a file that cannot be written: an older file stays as it
/// was then.
pub async fn export(client: &Client, args: &LabelExportArgs) -> Result<()> {
    let project = fetch_project(client, args.project.project.clone()).await?;
    let form = project.form.clone().unwrap_or_default();
    refuse_other_forms(args, &form)?;
    let mut target = Target::open(args.to.as_deref())?;
    let states = if args.answers { Vec::new() } else { vec!["resolved".to_owned()] };
    let request = v1::ListLabelsRequest {
        project: project.id.to_string(),
        states,
        after: 0,
        limit: 0,
        data: args.format != LabelFormat::Csv,
    };
    let mut batches = client.labels().list_labels(request).await?.into_inner();
    let mut written = 0;
    let mut coco = Coco::new(&form);
    if args.format == LabelFormat::Csv {
        target.write(&output::exported_labels_listing(&[], args.answers).csv())?;
    }
    while let Some(batch) = batches.message().await? {
        // Gold questions were known before.
        let labels: Vec<v1::Label> = batch.labels.into_iter().filter(|label| label.gold_json.is_empty()).collect();
        match args.format {
            LabelFormat::Csv => {
                let listing = output::exported_labels_listing(&labels, args.answers);
                target.write(&listing.csv_rows())?;
                written += listing.len() as u64;
                continue;
            }
            LabelFormat::Jsonl if args.answers => {
                for line in labels.iter().flat_map(answer_lines) {
                    target.write(&format!("{line}\n"))?;
                    written += 1;
                }
                continue;
            }
            LabelFormat::Jsonl => labels.iter().try_for_each(|label| target.write(&format!("{}\n", label_line(label))))?,
            LabelFormat::Spans => {
                let text = project.show.as_ref().map_or("", |show| &show.text);
                labels.iter().try_for_each(|label| target.write(&format!("{}\n", spans_line(label, text))))?;
            }
            LabelFormat::Coco => {
                let image = project.show.as_ref().map_or("", |show| &show.image);
                labels.iter().for_each(|label| coco.add(label, image));
            }
        }
        written += labels.len() as u64;
    }
    if args.format == LabelFormat::Coco {
        target.write(&json_text(&coco.document())?)?;
    }
    target.finish(written, if args.answers { "answers" } else { "labels" })
}

fn refuse_other_forms(args: &LabelExportArgs, form: &v1::LabelForm) -> Result<()> {
    let wanted = match args.format {
        LabelFormat::Coco => "boxes",
        LabelFormat::Spans => "spans",
        LabelFormat::Jsonl | LabelFormat::Csv => return Ok(()),
    };
    if form.kind != wanted {
        let failure = Failure::usage(format!("this format is for {wanted}, and the project asks for `{}`", form.kind));
        return Err(failure.hint("`--format jsonl` has every kind of label"));
    }
    if args.answers {
        return Err(Failure::usage("this format has labels, not answers").hint("`--format jsonl --answers` has every answer"));
    }
    Ok(())
}

pub(super) fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or(Value::Null)
}

/// What annotators saw, with the label.
fn label_line(label: &v1::Label) -> Value {
    let answers = label.answers.iter().filter(|answer| answer.withdrawn_at_us == 0).count();
    json!({
        "id": label.sample,
        "label": parsed(&label.label_json),
        "confidence": label.confidence,
        "answers": answers,
        "control": label.control,
        "batch": label.batch,
        "resolved_by": Some(&label.resolved_by).filter(|by| !by.is_empty()),
        "data": parsed(&label.data_json),
    })
}

pub(super) fn answer_lines(label: &v1::Label) -> Vec<Value> {
    let line = |answer: &v1::LabelAnswer| {
        let shown = answer.shown.as_ref();
        json!({
            "id": label.sample,
            "answer": answer.id,
            "annotator": answer.annotator,
            "label": parsed(&answer.label_json),
            "at": output::rfc3339(answer.at_us),
            "took_ms": answer.took_ms,
            "channel": answer.channel,
            "shown": shown.map(|shown| parsed(&shown.label_json)),
            "former": answer.former_json.iter().map(|former| parsed(former)).collect::<Vec<_>>(),
            "withdrawn": Some(&answer.withdrawn_because).filter(|_| answer.withdrawn_at_us != 0),
        })
    };
    label.answers.iter().map(line).collect()
}

/// `{"id": …, "text": …, "label": [[0, 4, "person"]]}`
fn spans_line(label: &v1::Label, column: &str) -> Value {
    let spans = parsed(&label.label_json);
    let triples: Vec<Value> =
        spans.as_array().into_iter().flatten().map(|span| json!([span["start"], span["end"], span["class"]])).collect();
    json!({"id": label.sample, "text": parsed(&label.data_json)[column], "label": triples})
}

/// COCO's document. Boxes are shares of the image there where its size is not known, as here.
struct Coco {
    classes: Vec<String>,
    images: Vec<Value>,
    annotations: Vec<Value>,
}

impl Coco {
    fn new(form: &v1::LabelForm) -> Coco {
        Coco { classes: form.classes.clone(), images: Vec::new(), annotations: Vec::new() }
    }

    fn add(&mut self, label: &v1::Label, column: &str) {
        let data = parsed(&label.data_json);
        // COCO measures in pixels; a sample that tells the size of its image gets them.
        let size = |name: &str| data[name].as_f64().or_else(|| data[name].as_str()?.parse().ok());
        let (width, height) = (size("width").unwrap_or(1.0), size("height").unwrap_or(1.0));
        let image = self.images.len() + 1;
        let mut fields = Map::new();
        fields.insert("id".to_owned(), json!(image));
        fields.insert("file_name".to_owned(), json!(label.sample));
        fields.insert("width".to_owned(), json!(width));
        fields.insert("height".to_owned(), json!(height));
        fields.insert("source".to_owned(), data[column].clone());
        self.images.push(Value::Object(fields));
        for one in parsed(&label.label_json).as_array().into_iter().flatten() {
            let share = |name: &str| one[name].as_f64().unwrap_or(0.0);
            let category = self.classes.iter().position(|class| one["class"] == json!(class)).map_or(0, |at| at + 1);
            let (w, h) = (share("width") * width, share("height") * height);
            self.annotations.push(json!({
                "id": self.annotations.len() + 1,
                "image_id": image,
                "category_id": category,
                "bbox": [share("x") * width, share("y") * height, w, h],
                "area": w * h,
                "iscrowd": 0,
            }));
        }
    }

    fn document(&self) -> Value {
        let categories: Vec<Value> =
            self.classes.iter().enumerate().map(|(at, class)| json!({"id": at + 1, "name": class})).collect();
        json!({"images": self.images, "annotations": self.annotations, "categories": categories})
    }
}
