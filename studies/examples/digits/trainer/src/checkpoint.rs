//! A training on disk, so that another process can go on exactly where this one stopped.
//!
//! One safetensors file: the layers, both moments of the optimizer, and in the metadata the plan and the counters.
//! It is written beside its place and renamed, so the file is whole at every moment.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use ndarray::{ArrayBase, DataMut, Dimension};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use crate::network::Dense;
use crate::train::{Plan, Training};

const FILE: &str = "training.safetensors";

/// Writes the training into the folder, in place of an earlier one.
///
/// # Errors
/// The file cannot be written.
pub fn save(folder: &Path, training: &Training) -> Result<()> {
    let facts = [
        ("plan", serde_json::to_string(&training.plan)?),
        ("epoch", training.epoch.to_string()),
        ("steps", training.optimizer.steps.to_string()),
    ];
    let groups: [(&str, &[Dense]); 3] = [
        ("layers", &training.network.layers),
        ("first", &training.optimizer.first),
        ("second", &training.optimizer.second),
    ];
    write_tensors(&folder.join(FILE), &groups, &facts)
}

/// Returns the training in the folder, or a new one where there is none.
///
/// # Errors
/// The file cannot be read, is damaged, or belongs to another plan.
pub fn resume(folder: &Path, plan: Plan) -> Result<Training> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(Training::new(plan));
    }
    read(&path, plan).with_context(|| format!("cannot go on from `{}`; remove it to start afresh", path.display()))
}

/// Writes layers by name as one safetensors file that is whole at every moment.
///
/// # Errors
/// The file cannot be written.
pub fn write_tensors(path: &Path, groups: &[(&str, &[Dense])], facts: &[(&str, String)]) -> Result<()> {
    let mut arrays: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (group, layers) in groups {
        for (at, layer) in layers.iter().enumerate() {
            arrays.push((format!("{group}.{at}.weight"), layer.weights.shape().to_vec(), bytes(layer.weights.iter())));
            arrays.push((format!("{group}.{at}.bias"), layer.bias.shape().to_vec(), bytes(layer.bias.iter())));
        }
    }
    let mut views = Vec::with_capacity(arrays.len());
    for (name, shape, data) in &arrays {
        views.push((name, TensorView::new(Dtype::F32, shape.clone(), data)?));
    }
    let facts: HashMap<String, String> = facts.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
    replace(path, &serialize(views, Some(facts))?)
}

/// Puts the bytes in place of the file: before or after, never half.
fn replace(path: &Path, data: &[u8]) -> Result<()> {
    let beside = path.with_extension("tmp");
    let written = File::create(&beside).and_then(|mut file| file.write_all(data).and_then(|()| file.sync_all()));
    written.with_context(|| format!("cannot write `{}`", beside.display()))?;
    fs::rename(&beside, path).with_context(|| format!("cannot write `{}`", path.display()))
}

fn bytes<'a>(values: impl Iterator<Item = &'a f32>) -> Vec<u8> {
    values.flat_map(|value| value.to_le_bytes()).collect()
}

fn read(path: &Path, plan: Plan) -> Result<Training> {
    let data = fs::read(path)?;
    let tensors = SafeTensors::deserialize(&data)?;
    let (_, header) = SafeTensors::read_metadata(&data)?;
    let facts = header.metadata().clone().unwrap_or_default();
    let fact = |name: &str| facts.get(name).with_context(|| format!("`{name}` is missing"));
    if serde_json::from_str::<Plan>(fact("plan")?)? != plan {
        bail!("it belongs to another trial or to other parameters");
    }
    let mut training = Training::new(plan);
    training.epoch = fact("epoch")?.parse()?;
    training.optimizer.steps = fact("steps")?.parse()?;
    fill(&mut training.network.layers, &tensors, "layers")?;
    fill(&mut training.optimizer.first, &tensors, "first")?;
    fill(&mut training.optimizer.second, &tensors, "second")?;
    Ok(training)
}

fn fill(layers: &mut [Dense], tensors: &SafeTensors, group: &str) -> Result<()> {
    for (at, layer) in layers.iter_mut().enumerate() {
        fill_array(&mut layer.weights, tensors, &format!("{group}.{at}.weight"))?;
        fill_array(&mut layer.bias, tensors, &format!("{group}.{at}.bias"))?;
    }
    Ok(())
}

fn fill_array<S, D>(array: &mut ArrayBase<S, D>, tensors: &SafeTensors, name: &str) -> Result<()>
where
    S: DataMut<Elem = f32>,
    D: Dimension,
{
    let view = tensors.tensor(name)?;
    ensure!(view.dtype() == Dtype::F32 && view.shape() == array.shape(), "`{name}` has another shape");
    for (value, raw) in array.iter_mut().zip(view.data().as_chunks::<4>().0) {
        *value = f32::from_le_bytes(*raw);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Digits;
    use crate::data::tests::digits;
    use crate::params::{OptimizerKind, Params};

    fn plan(optimizer: OptimizerKind) -> Plan {
        let params = Params { layers: 2, hidden2: Some(16), optimizer, momentum: Some(0.9), ..Params::default() };
        Plan { params: Params { learning_rate: 0.01, ..params }, seed: 7, trial: 5 }
    }

    fn run(training: &mut Training, digits: &Digits, epochs: u64) {
        while training.epoch < epochs {
            training.run_epoch(digits);
        }
    }

    #[test]
    fn an_interrupted_training_equals_a_straight_one_bit_for_bit() {
        let train = digits().split().train;
        for optimizer in [OptimizerKind::Sgd, OptimizerKind::Adam] {
            let folder = tempfile::tempdir().unwrap();
            let mut straight = Training::new(plan(optimizer));
            run(&mut straight, &train, 5);

            let mut first = resume(folder.path(), plan(optimizer)).unwrap();
            run(&mut first, &train, 2);
            save(folder.path(), &first).unwrap();
            let mut second = resume(folder.path(), plan(optimizer)).unwrap();
            assert_eq!(second.epoch, 2);
            run(&mut second, &train, 5);
            assert_eq!(second, straight);
        }
    }

    #[test]
    fn a_checkpoint_of_other_parameters_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        save(folder.path(), &Training::new(plan(OptimizerKind::Sgd))).unwrap();
        let error = resume(folder.path(), plan(OptimizerKind::Adam)).unwrap_err();
        assert!(format!("{error:#}").contains("another trial"), "{error:#}");
    }

    #[test]
    fn a_damaged_checkpoint_is_refused_with_the_way_out() {
        let folder = tempfile::tempdir().unwrap();
        save(folder.path(), &Training::new(plan(OptimizerKind::Sgd))).unwrap();
        let path = folder.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let error = resume(folder.path(), plan(OptimizerKind::Sgd)).unwrap_err();
        assert!(error.to_string().ends_with("remove it to start afresh"), "{error:#}");
    }
}
