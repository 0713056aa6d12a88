//! Placeholders in commands, environment and paths.
//!
//! The whole syntax:
//!
//! ```text
//! {params.NAME}            value of a parameter
//! {params.NAME:-DEFAULT}   the same; DEFAULT while the parameter does not exist in the trial
//! {params}                 all parameters as one JSON object
//! {dataset.NAME}           folder of a dataset that the trial names
//! {trial} {study} {source} {output} {checkpoint} {seed}
//! {overrides} {overrides:+} {overrides:++} {flags}
//!                          one argument for each parameter that exists: name=value, --name=value
//! {{  }}                   a brace
//! ```
//!
//! NAME and DEFAULT hold no braces. A template fills whole elements of an argument list, never a shell line.

use std::fmt;

use super::diagnostic::{nearest, shown};

/// Names of the placeholders that stand alone.
pub const PLACEHOLDERS: &[&str] = &["params", "trial", "study", "source", "output", "checkpoint", "seed", "overrides", "flags"];

/// A text with placeholders, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Hole(Placeholder),
}

/// What a template can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// One parameter's value.
    Param {
        /// Its name.
        name: String,
        /// What stands in while the parameter does not exist in the trial.
        default: Option<String>,
    },
    /// All parameters as one JSON object.
    Params,
    /// The folder of a dataset.
    Dataset {
        /// What the study calls it.
        name: String,
    },
    /// The trial's number in its study, from 0.
    Trial,
    /// The study's name.
    Study,
    /// The folder with the unpacked source.
    Source,
    /// The folder whose files are kept.
    Output,
    /// The folder for checkpoints.
    Checkpoint,
    /// The study's seed.
    Seed,
    /// One argument `name=value` for each parameter, as Hydra reads them.
    Overrides {
        /// What stands before each: nothing, `+` or `++`.
        prefix: &'static str,
    },
    /// One argument `--name=value` for each parameter.
    Flags,
}

/// Why a text is not a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{` without its `}`.
    #[error("`{0}` opens a placeholder that is never closed")]
    Unclosed(String),
    /// `}` without its `{`.
    #[error("`}}` closes nothing in `{0}`")]
    Stray(String),
    /// Nobody fills this placeholder.
    #[error("there is no placeholder `{{{0}}}`")]
    Unknown(String),
    /// `{params.}`.
    #[error("`{{{0}}}` names no parameter")]
    NoName(String),
    /// `{dataset.}`.
    #[error("`{{{0}}}` names no dataset")]
    NoDataset(String),
    /// Only a parameter may be absent.
    #[error("`{{{0}}}` cannot have a default: only parameters may be absent")]
    DefaultOnOther(String),
}

impl TemplateError {
    /// Returns the way out.
    pub fn hint(&self) -> String {
        match self {
            Self::Unclosed(_) => "write `{{` for a brace".to_owned(),
            Self::Stray(_) => "write `}}` for a brace".to_owned(),
            Self::Unknown(name) => unknown_hint(name),
            Self::NoName(_) => "write `{params.NAME}`, or `{params}` for all of them as JSON".to_owned(),
            Self::NoDataset(_) => "write `{dataset.NAME}`".to_owned(),
            Self::DefaultOnOther(_) => "remove `:-` and what follows".to_owned(),
        }
    }
}

fn unknown_hint(name: &str) -> String {
    let guess = nearest(name, PLACEHOLDERS.iter().copied());
    let guess = guess.map(|near| format!("did you mean `{{{near}}}`? ")).unwrap_or_default();
    let rest: Vec<String> = PLACEHOLDERS.iter().map(|name| format!("`{{{name}}}`")).collect();
    format!("{guess}there are `{{params.NAME}}`, `{{dataset.NAME}}`, {}; write `{{{{` for a brace", rest.join(", "))
}

/// A placeholder for which there was no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` has no value here")]
pub struct NoValue(pub Placeholder);

impl Template {
    /// Parses a text.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        let mut pieces = Vec::new();
        for chunk in split(text)? {
            pieces.push(match chunk {
                Chunk::Text(text) => Piece::Text(text),
                Chunk::Hole(body) => Piece::Hole(placeholder(body)?),
            });
        }
        Ok(Template { pieces })
    }

    /// Whether it stands for several arguments, and for nothing else.
    pub fn is_list(&self) -> bool {
        matches!(self.pieces.as_slice(), [Piece::Hole(hole)] if hole.is_list())
    }

    /// Returns the placeholders, in order.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Hole(hole) => Some(hole),
        })
    }

    /// Fills the placeholders with what `value` returns; `None` for a parameter that does not exist in the trial.
    ///
    /// # Errors
    /// The first placeholder without a value and without a default.
    pub fn expand(&self, value: &dyn Fn(&Placeholder) -> Option<String>) -> Result<String, NoValue> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Hole(hole) => out.push_str(&filled(hole, value)?),
            }
        }
        Ok(out)
    }
}

fn filled(hole: &Placeholder, value: &dyn Fn(&Placeholder) -> Option<String>) -> Result<String, NoValue> {
    value(hole).or_else(|| hole.default().map(str::to_owned)).ok_or_else(|| NoValue(hole.clone()))
}

impl Placeholder {
    fn default(&self) -> Option<&str> {
        match self {
            Self::Param { default, .. } => default.as_deref(),
            Self::Params | Self::Trial | Self::Study | Self::Source | Self::Output | Self::Checkpoint | Self::Seed => None,
            Self::Overrides { .. } | Self::Flags | Self::Dataset { .. } => None,
        }
    }

    /// Whether it stands for several arguments.
    pub fn is_list(&self) -> bool {
        match self {
            Self::Overrides { .. } | Self::Flags => true,
            Self::Param { .. } | Self::Params | Self::Trial | Self::Study => false,
            Self::Source | Self::Output | Self::Checkpoint | Self::Seed | Self::Dataset { .. } => false,
        }
    }

    /// Whether the value differs from trial to trial, so that nothing shared by trials may use it.
    pub fn depends_on_trial(&self) -> bool {
        match self {
            Self::Param { .. } | Self::Params | Self::Trial | Self::Output | Self::Checkpoint => true,
            Self::Overrides { .. } | Self::Flags => true,
            // Not there before a trial needs it.
            Self::Dataset { .. } => true,
            Self::Study | Self::Source | Self::Seed => false,
        }
    }
}

impl fmt::Display for Placeholder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Param { name, .. } => write!(f, "{{params.{}}}", shown(name)),
            Self::Dataset { name } => write!(f, "{{dataset.{}}}", shown(name)),
            Self::Params => f.write_str("{params}"),
            Self::Trial => f.write_str("{trial}"),
            Self::Study => f.write_str("{study}"),
            Self::Source => f.write_str("{source}"),
            Self::Output => f.write_str("{output}"),
            Self::Checkpoint => f.write_str("{checkpoint}"),
            Self::Seed => f.write_str("{seed}"),
            Self::Overrides { prefix: "" } => f.write_str("{overrides}"),
            Self::Overrides { prefix } => write!(f, "{{overrides:{prefix}}}"),
            Self::Flags => f.write_str("{flags}"),
        }
    }
}

fn placeholder(body: &str) -> Result<Placeholder, TemplateError> {
    let (name, default) = match body.split_once(":-") {
        Some((name, default)) => (name, Some(default.to_owned())),
        None => (body, None),
    };
    if let Some(name) = name.strip_prefix("params.") {
        let (name, empty) = (name.to_owned(), name.is_empty());
        return if empty { Err(TemplateError::NoName(shown(body))) } else { Ok(Placeholder::Param { name, default }) };
    }
    if let Some(name) = name.strip_prefix("dataset.") {
        return match (name, default) {
            ("", _) => Err(TemplateError::NoDataset(shown(body))),
            (name, None) => Ok(Placeholder::Dataset { name: name.to_owned() }),
            (_, Some(_)) => Err(TemplateError::DefaultOnOther(shown(body))),
        };
    }
    let hole = match name {
        "params" => Placeholder::Params,
        "trial" => Placeholder::Trial,
        "study" => Placeholder::Study,
        "source" => Placeholder::Source,
        "output" => Placeholder::Output,
        "checkpoint" => Placeholder::Checkpoint,
        "seed" => Placeholder::Seed,
        "overrides" => Placeholder::Overrides { prefix: "" },
        "overrides:+" => Placeholder::Overrides { prefix: "+" },
        "overrides:++" => Placeholder::Overrides { prefix: "++" },
        "flags" => Placeholder::Flags,
        other => return Err(TemplateError::Unknown(shown(other))),
    };
    if default.is_some() { Err(TemplateError::DefaultOnOther(shown(body))) } else { Ok(hole) }
}

/// A stretch of text, or what stands between two braces.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Chunk<'t> {
    Text(String),
    Hole(&'t str),
}

/// Cuts a text at its braces and resolves doubled ones.
pub(super) fn split(text: &str) -> Result<Vec<Chunk<'_>>, TemplateError> {
    let mut chunks = Vec::new();
    let (mut plain, mut rest) = (String::new(), text);
    while let Some(at) = rest.find(['{', '}']) {
        plain.push_str(&rest[..at]);
        let (brace, tail) = rest[at..].split_at(1);
        if let Some(tail) = tail.strip_prefix(brace) {
            plain.push_str(brace);
            rest = tail;
        } else if brace == "}" {
            return Err(TemplateError::Stray(shown(text)));
        } else {
            let (body, tail) = hole(tail).ok_or_else(|| TemplateError::Unclosed(shown(&rest[at..])))?;
            push_text(&mut chunks, &mut plain);
            chunks.push(Chunk::Hole(body));
            rest = tail;
        }
    }
    plain.push_str(rest);
    push_text(&mut chunks, &mut plain);
    Ok(chunks)
}

/// What stands before the closing brace, and what follows it.
fn hole(text: &str) -> Option<(&str, &str)> {
    let (body, tail) = text.split_once('}')?;
    (!body.contains('{')).then_some((body, tail))
}

fn push_text<'t>(chunks: &mut Vec<Chunk<'t>>, plain: &mut String) {
    if !plain.is_empty() {
        chunks.push(Chunk::Text(std::mem::take(plain)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, String> {
        let template = Template::parse(text).map_err(|error| error.to_string())?;
        let value = |hole: &Placeholder| match hole {
            Placeholder::Param { name, .. } if name == "lr" => Some("0.1".to_owned()),
            Placeholder::Param { .. } => None,
            other => Some(format!("<{other}>")),
        };
        template.expand(&value).map_err(|error| error.to_string())
    }

    #[test]
    fn placeholders_are_filled_and_double_braces_are_braces() {
        for (text, out) in [
            ("--lr={params.lr}", "--lr=0.1"),
            ("{params.momentum:-0}", "0"),
            ("{params.momentum:-}", ""),
            ("{params.lr:-9}", "0.1"),
            ("{{\"a\": {params.lr}}}", "{\"a\": 0.1}"),
            ("{trial}/{study}/{seed}", "<{trial}>/<{study}>/<{seed}>"),
            ("{dataset.a-b.c}/x", "<{dataset.a-b.c}>/x"),
            ("{source}{output}{checkpoint}{params}", "<{source}><{output}><{checkpoint}><{params}>"),
            ("", ""),
            ("é{{}}", "é{}"),
        ] {
            assert_eq!(expanded(text).as_deref(), Ok(out), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (text, message) in [
            ("a {params.lr", "`{params.lr` opens a placeholder that is never closed"),
            ("{\"a\": {params.lr}}", "`{\"a\": {params.lr}}` opens a placeholder that is never closed"),
            ("a } b", "`}` closes nothing in `a } b`"),
            ("{outptu}", "there is no placeholder `{outptu}`"),
            ("{}", "there is no placeholder `{}`"),
            ("{params.}", "`{params.}` names no parameter"),
            ("{dataset.}", "`{dataset.}` names no dataset"),
            ("{dataset.a:-b}", "`{dataset.a:-b}` cannot have a default: only parameters may be absent"),
            ("{trial:-3}", "`{trial:-3}` cannot have a default: only parameters may be absent"),
            ("{params.gone}", "`{params.gone}` has no value here"),
            ("{overrides:-}", "`{overrides:-}` cannot have a default: only parameters may be absent"),
            ("{overrides:~}", "there is no placeholder `{overrides:~}`"),
        ] {
            assert_eq!(expanded(text), Err(message.to_owned()), "{text}");
        }
    }

    #[test]
    fn an_unknown_placeholder_names_the_nearest_one() {
        let error = Template::parse("{outptu}").unwrap_err();
        assert_eq!(
            error.hint(),
            "did you mean `{output}`? there are `{params.NAME}`, `{dataset.NAME}`, `{params}`, `{trial}`, `{study}`, `{source}`, \
             `{output}`, `{checkpoint}`, `{seed}`, `{overrides}`, `{flags}`; write `{{` for a brace"
        );
    }

    #[test]
    fn every_listed_placeholder_is_one_and_shows_itself() {
        for name in PLACEHOLDERS {
            let text = format!("{{{name}}}");
            let template = Template::parse(&text).unwrap();
            let shown: Vec<String> = template.placeholders().map(ToString::to_string).collect();
            assert_eq!(shown, [text]);
        }
    }
}
