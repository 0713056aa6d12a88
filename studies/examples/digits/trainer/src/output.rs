//! What a finished trial leaves behind: the model, its predictions and its scores.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::checkpoint::write_tensors;
use crate::data::{CLASSES, Split};
use crate::network::Mlp;
use crate::train::{Training, likeliest, score};

/// Writes `model.safetensors`, `predictions.csv` of the test digits and `metrics.json`.
///
/// # Errors
/// A file cannot be written.
pub fn write(folder: &Path, training: &Training, split: &Split) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make `{}`", folder.display()))?;
    let network = &training.network;
    let facts = [("params", serde_json::to_string(&training.plan.params)?)];
    write_tensors(&folder.join("model.safetensors"), &[("layers", &network.layers)], &facts)?;
    write_text(&folder.join("predictions.csv"), &predictions(network, split)?)?;
    let metrics = json!({
        "epochs": training.epoch,
        "params": training.plan.params,
        "train": score(network, &split.train),
        "validation": score(network, &split.validation),
        "test": score(network, &split.test),
    });
    write_text(&folder.join("metrics.json"), &format!("{metrics:#}\n"))
}

/// One line per test digit: id, label, predicted class, probability of each class.
fn predictions(network: &Mlp, split: &Split) -> Result<String> {
    let classes: Vec<String> = (0..CLASSES).map(|class| format!("p{class}")).collect();
    let mut text = format!("id,label,predicted,{}\n", classes.join(","));
    let probabilities = network.probabilities(split.test.images.view());
    for (at, row) in probabilities.rows().into_iter().enumerate() {
        let predicted = likeliest(row.iter().copied());
        write!(text, "{},{},{predicted}", split.test.ids[at], split.test.labels[at])?;
        row.iter().try_for_each(|p| write!(text, ",{p:.6}"))?;
        text.push('\n');
    }
    Ok(text)
}

fn write_text(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::tests::digits;
    use crate::params::Params;
    use crate::train::Plan;

    #[test]
    fn predictions_agree_with_the_reported_accuracy() {
        let (split, folder) = (digits().split(), tempfile::tempdir().unwrap());
        let mut training = Training::new(Plan { params: Params::default(), seed: 7, trial: 0 });
        training.run_epoch(&split.train);
        write(folder.path(), &training, &split).unwrap();

        let text = fs::read_to_string(folder.path().join("predictions.csv")).unwrap();
        let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
        assert_eq!((rows.len(), rows[0].len()), (355, 13));
        let right = rows.iter().filter(|row| row[1] == row[2]).count() as f64;
        let metrics = fs::read_to_string(folder.path().join("metrics.json")).unwrap();
        let metrics: serde_json::Value = serde_json::from_str(&metrics).unwrap();
        assert_eq!(metrics["test"]["accuracy"], json!(right / 355.0));
        assert!(folder.path().join("model.safetensors").exists());
    }
}
