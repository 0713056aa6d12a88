//! `dvc.lock`: the outs of a pipeline's stages. What is replaced is a few lines; the rest stays as DVC wrote it.

use std::{fs, path::Path};

use saphyr::{LoadableYamlNode as _, MarkedYaml, Yaml};

use super::read::{choose, document};
use super::write::Exported;
use super::{DvcError, Out, parse_out};

/// Reads an out of `dvc.lock`. `stage`: of this one alone; `wanted`: which one of several.
///
/// # Errors
/// [`DvcError::File`], [`DvcError::Which`], [`DvcError::Io`]
pub fn lock_out(file: &Path, stage: Option<&str>, wanted: Option<&str>) -> Result<Out, DvcError> {
    let text = fs::read_to_string(file).map_err(DvcError::reading(file))?;
    let wrong = |reason: String| DvcError::File { file: file.to_owned(), reason };
    let document = document(&text).map_err(wrong)?;
    let stages = document.as_mapping_get("stages").and_then(Yaml::as_mapping);
    let stages = stages.ok_or_else(|| wrong("it has no `stages`".to_owned()))?;
    let mut outs = Vec::new();
    for (name, body) in stages {
        if stage.is_some_and(|stage| name.as_str() != Some(stage)) {
            continue;
        }
        let listed = body.as_mapping_get("outs").and_then(Yaml::as_sequence);
        for out in listed.into_iter().flatten() {
            outs.push(parse_out(out).map_err(wrong)?);
        }
    }
    choose(file, outs, wanted)
}

/// The text of `dvc.lock` with another content for an out of a stage.
///
/// # Errors
/// What is wrong with the file, or that it has no such stage or out, in words.
pub fn replace_out(text: &str, stage: &str, path: &str, exported: &Exported) -> Result<String, String> {
    let documents = MarkedYaml::load_from_str(text).map_err(|error| error.to_string())?;
    let document = documents.first().ok_or("it is empty")?;
    let stages = document.data.as_mapping_get("stages").ok_or("it has no `stages`")?;
    let body = stages.data.as_mapping_get(stage).ok_or_else(|| format!("it has no stage `{stage}`"))?;
    let outs = body.data.as_mapping_get("outs").and_then(|outs| outs.data.as_sequence());
    let path_of = |out: &MarkedYaml<'_>| out.data.as_mapping_get("path").and_then(|path| path.data.as_str().map(str::to_owned));
    let out = outs.and_then(|outs| outs.iter().find(|out| path_of(out).as_deref() == Some(path)));
    let out = out.ok_or_else(|| format!("its stage `{stage}` has no out `{path}`"))?;
    let first = out.span.start.line();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let head = first.checked_sub(1).and_then(|at| lines.get(at)).ok_or("its lines are out of order")?;
    let item = indent(head);
    if !head.trim_start().starts_with("- ") {
        return Err("its outs are not written as DVC writes them".to_owned());
    }
    // What is indented more belongs to the item.
    let after = lines[first..].iter().take_while(|line| line.trim().is_empty() || indent(line) > item).count();
    let mut out = lines[..first - 1].concat();
    out += &exported.lock_lines(path, item);
    out += &lines[first + after..].concat();
    Ok(out)
}
