//! `[space]`: the parameters, their ranges and conditions.

use std::collections::BTreeSet;

use hone_search::{Condition, Distribution, Parameter, Space, SpaceError, Value};

use super::convert::{boolean, integer, number, one_of, scalar, wrong};
use super::diagnostic::{listed, nearest, shown};
use super::document::{Node, Problem, Section};
use super::keys::PARAMETER;

/// More parameters than anybody searches; keeps every check quick.
const MOST_PARAMETERS: usize = 1_000;
/// The same for the options of one parameter and the values of one condition.
const MOST_OPTIONS: usize = 1_000;

const SCALES: &[(&str, bool)] = &[("linear", false), ("log", true)];
const KINDS: [&str; 4] = ["float", "int", "choice", "bool"];
const EXAMPLE: &str = "write for example `learning_rate = { float = [1e-4, 1e-1], scale = \"log\" }`";

/// What `[space]` defines.
#[derive(Debug, Default)]
pub(super) struct ReadSpace {
    /// The parameters without a mistake of their own.
    pub(super) space: Space,
    /// Names of the others: what refers to them is not a further mistake.
    broken: BTreeSet<String>,
}

impl ReadSpace {
    /// Returns a parameter; an unknown name is the caller's mistake, a broken one is nobody's.
    pub(super) fn find(&self, name: &str) -> Found<'_> {
        match self.space.parameters.iter().find(|parameter| parameter.name == name) {
            Some(parameter) => Found::Parameter(parameter),
            None if self.broken.contains(name) => Found::Broken,
            None => Found::Nothing,
        }
    }

    /// Whether every parameter could be read.
    pub(super) fn is_whole(&self) -> bool {
        self.broken.is_empty()
    }

    /// Says which parameters there are, the one near `name` first.
    pub(super) fn hint(&self, name: &str) -> String {
        let names = self.space.parameters.iter().map(|parameter| parameter.name.as_str());
        let guess = nearest(name, names.clone()).map(|near| format!("did you mean `{}`? ", shown(near)));
        let shown: Vec<&str> = names.take(20).collect();
        let more = if self.space.len() > shown.len() { " and more" } else { "" };
        format!("{}`[space]` defines {}{more}", guess.unwrap_or_default(), listed(&shown))
    }
}

/// What a name stands for.
pub(super) enum Found<'a> {
    Parameter(&'a Parameter),
    Broken,
    Nothing,
}

/// Reads the space and checks each parameter, then the conditions between them.
pub(super) fn read(root: &Section) -> ReadSpace {
    let Some(node) = root.get("space") else {
        root.missing("space", EXAMPLE);
        return ReadSpace::default();
    };
    if !node.value.is_table() {
        node.complain(wrong(&node, "a table of parameters").hint(EXAMPLE));
        return ReadSpace::default();
    }
    let named = node.named();
    match named.len() {
        0 => node.complain(Problem::new("no parameter is defined").hint(EXAMPLE)),
        1..=MOST_PARAMETERS => {}
        count => {
            node.complain(Problem::new(format!("{count} parameters are defined, at most {MOST_PARAMETERS} are possible")));
            return ReadSpace::default();
        }
    }
    let space = read_parameters(&named);
    check_conditions(&space, &named);
    space
}

fn read_parameters(named: &[(String, Node)]) -> ReadSpace {
    let mut read = ReadSpace::default();
    for (name, node) in named {
        match parameter(name, node) {
            Some(parameter) => read.space.parameters.push(parameter),
            None => {
                read.broken.insert(name.clone());
            }
        }
    }
    read
}

fn parameter(name: &str, node: &Node) -> Option<Parameter> {
    if let Err(problem) = check_name(name) {
        node.complain(problem);
        return None;
    }
    if let Some(inner) = nested(node) {
        node.complain(dotted(node, &inner));
        return None;
    }
    let Some(section) = node.section(&PARAMETER) else {
        node.complain(not_a_table(node));
        return None;
    };
    let distribution = distribution(node, &section);
    let when = section.get("when").map_or(Some(Vec::new()), |node| conditions(&node));
    let parameter = Parameter { name: name.to_owned(), distribution: distribution?, when: when? };
    is_sound(&parameter, node).then_some(parameter)
}

fn check_name(name: &str) -> Result<(), Problem> {
    let hint = "rename it; letters, digits, `_`, `-` and `.` are safe everywhere";
    if name.is_empty() {
        return Err(Problem::new("a parameter has no name").hint(hint));
    }
    if name.contains(['{', '}']) || name.contains(":-") || name.chars().any(char::is_control) {
        let message = format!("`{}` cannot be a parameter's name: no template could name it", shown(name));
        return Err(Problem::new(message).hint(hint));
    }
    Ok(())
}

fn not_a_table(node: &Node) -> Problem {
    let problem = wrong(node, "a table");
    match scalar(node) {
        Ok(_) => problem.hint("what is the same in every trial belongs in `command`; a range is `{ float = [0, 1] }`"),
        Err(_) => problem.hint("write `{ float = [0, 1] }`, `{ int = [1, 9] }` or `{ choice = [\"a\", \"b\"] }`"),
    }
}

fn distribution(node: &Node, section: &Section) -> Option<Distribution> {
    let given: Vec<&str> = KINDS.into_iter().filter(|kind| section.get(kind).is_some()).collect();
    match given.as_slice() {
        ["float"] => float(section),
        ["int"] => int(section),
        ["choice"] => choice(section),
        ["bool"] => truth(section),
        [] => {
            if section.known {
                node.complain(Problem::new("says nothing of its values").hint(one_kind()));
            }
            None
        }
        several => {
            let message = format!("{} exclude each other", listed(several));
            node.complain(Problem::new(message).hint(one_kind()));
            None
        }
    }
}

fn one_kind() -> &'static str {
    "give exactly one of `float = [low, high]`, `int = [low, high]`, `choice = [\"a\", \"b\"]` and `bool = true`"
}

/// Returns the first table in a parameter that is one itself: `model.lr = { … }` nests them in TOML.
fn nested<'a>(node: &Node<'a>) -> Option<Node<'a>> {
    let is_parameter = |node: &Node| KINDS.iter().any(|kind| node.child(kind).is_some());
    if is_parameter(node) {
        return None;
    }
    node.named().into_iter().map(|(_, inner)| inner).find(is_parameter)
}

fn dotted(node: &Node, inner: &Node) -> Problem {
    let name = inner.path.trim_start_matches("space.");
    let problem = Problem::new(format!("the dot makes `{}` a table of its own", shown(&node.path)));
    problem.hint(format!("for a dot in a parameter's name, quote it: `\"{}\"`", shown(name)))
}

fn float(section: &Section) -> Option<Distribution> {
    let bounds = section.read("float", |node| pair(node, number));
    let log = section.get("scale").map_or(Some(false), |node| node.read(|node| one_of(node, SCALES)));
    let step = section.get("step").map_or(Some(None), |node| node.read(number).map(Some));
    let (low, high) = bounds?;
    Some(Distribution::Float { low, high, log: log?, step: step? })
}

fn int(section: &Section) -> Option<Distribution> {
    let any = |node: &Node| integer(node, &(i64::MIN..=i64::MAX));
    let bounds = section.read("int", |node| pair(node, any));
    let log = section.get("scale").map_or(Some(false), |node| node.read(|node| one_of(node, SCALES)));
    let step = section.get("step").map_or(Some(1), |node| node.read(any));
    let (low, high) = bounds?;
    Some(Distribution::Int { low, high, log: log?, step: step? })
}

fn pair<T>(node: &Node, convert: impl Fn(&Node) -> Result<T, Problem>) -> Result<(T, T), Problem> {
    match node.elements().as_slice() {
        [low, high] => Ok((convert(low)?, convert(high)?)),
        _ => Err(Problem::new("expected two bounds").hint("write `[low, high]`")),
    }
}

fn choice(section: &Section) -> Option<Distribution> {
    let unscaled = without_scale(section);
    let choices = section.read("choice", values)?;
    unscaled.then_some(Distribution::Categorical { choices })
}

fn truth(section: &Section) -> Option<Distribution> {
    let unscaled = without_scale(section);
    if !section.read("bool", boolean)? {
        let problem = Problem::new("`bool` only names the kind");
        section.complain("bool", problem.hint("write `bool = true`, or leave the parameter out"));
        return None;
    }
    unscaled.then(|| Distribution::Categorical { choices: vec![Value::Bool(false), Value::Bool(true)] })
}

fn without_scale(section: &Section) -> bool {
    let given: Vec<&str> = ["scale", "step"].into_iter().filter(|key| section.get(key).is_some()).collect();
    for key in &given {
        let problem = Problem::new("only `float` and `int` have it").hint("leave it out: options have no order");
        section.complain(key, problem);
    }
    given.is_empty()
}

/// An array of options.
fn values(node: &Node) -> Result<Vec<Value>, Problem> {
    if !node.value.is_array() {
        return Err(wrong(node, "an array of options").hint("write `[\"a\", \"b\"]`"));
    }
    let elements = node.elements();
    if elements.len() > MOST_OPTIONS {
        return Err(Problem::new(format!("{} options are listed, at most {MOST_OPTIONS} are possible", elements.len())));
    }
    elements.iter().map(scalar).collect()
}

/// `when = { parent = value, other = [value, value] }`.
fn conditions(node: &Node) -> Option<Vec<Condition>> {
    if !node.value.is_table() {
        node.complain(wrong(node, "a table").hint("write `when = { optimizer = \"sgd\" }`"));
        return None;
    }
    let read = |(parameter, node): (String, Node)| {
        let single = |node: &Node| scalar(node).map(|value| vec![value]);
        let values = if node.value.is_array() { node.read(values) } else { node.read(single) };
        Some(Condition { parameter, values: values? })
    };
    node.named().into_iter().map(read).collect()
}

/// Checks a parameter by itself and notes every mistake.
fn is_sound(parameter: &Parameter, node: &Node) -> bool {
    let problems = check_alone(parameter);
    let sound = problems.is_empty();
    problems.into_iter().for_each(|problem| node.complain(problem));
    sound
}

/// Returns what is wrong with a parameter, whatever it depends on.
pub(super) fn check_alone(parameter: &Parameter) -> Vec<Problem> {
    let alone = Parameter { when: Vec::new(), ..parameter.clone() };
    let errors = Space { parameters: vec![alone] }.validate();
    if errors.is_empty() {
        return step_beyond_range(&parameter.distribution).into_iter().collect();
    }
    errors.iter().map(problem).collect()
}

fn step_beyond_range(distribution: &Distribution) -> Option<Problem> {
    let (low, high, step) = match distribution {
        Distribution::Float { low, high, step: Some(step), .. } => (*low, *high, *step),
        Distribution::Int { low, high, step, .. } => (*low as f64, *high as f64, *step as f64),
        Distribution::Float { step: None, .. } | Distribution::Categorical { .. } => return None,
    };
    let beyond = step > high - low && low < high;
    beyond.then(|| {
        Problem::new(format!("step {step} is larger than the range from {low} to {high}"))
            .hint("make the step smaller, or leave it out")
    })
}

/// Checks what parameters say of each other.
fn check_conditions(read: &ReadSpace, named: &[(String, Node)]) {
    for error in read.space.validate() {
        let unknown = if let SpaceError::UnknownParent { parent, .. } = &error { Some(parent) } else { None };
        if unknown.is_some_and(|parent| matches!(read.find(parent), Found::Broken)) {
            continue;
        }
        let problem = match unknown {
            Some(parent) => problem(&error).hint(read.hint(parent)),
            None => problem(&error),
        };
        let child = culprit(&error);
        if let Some((_, node)) = named.iter().find(|(name, _)| Some(name.as_str()) == child) {
            node.complain(problem);
        }
    }
}

/// The parameter at which a mistake is shown.
fn culprit(error: &SpaceError) -> Option<&str> {
    match error {
        SpaceError::EmptyName { .. } => Some(""),
        SpaceError::Cycle { parameters } => parameters.first().map(String::as_str),
        SpaceError::Duplicate { parameter }
        | SpaceError::NotFinite { parameter }
        | SpaceError::Reversed { parameter, .. }
        | SpaceError::TooWide { parameter }
        | SpaceError::LogOfNonPositive { parameter, .. }
        | SpaceError::LogWithStep { parameter }
        | SpaceError::BadStep { parameter, .. }
        | SpaceError::StepTooSmall { parameter, .. }
        | SpaceError::NoChoices { parameter }
        | SpaceError::DuplicateChoice { parameter, .. }
        | SpaceError::ChoiceNotFinite { parameter, .. }
        | SpaceError::UnknownParent { parameter, .. }
        | SpaceError::EmptyCondition { parameter, .. }
        | SpaceError::ImpossibleValue { parameter, .. } => Some(parameter),
    }
}

/// Words a mistake for the place where it stands, so without the parameter's name.
fn problem(error: &SpaceError) -> Problem {
    match error {
        SpaceError::EmptyName { .. } => Problem::new("a parameter has no name"),
        SpaceError::Duplicate { .. } => Problem::new("is defined twice"),
        SpaceError::NotFinite { .. } => Problem::new("a bound or the step is not a finite number"),
        SpaceError::Reversed { low, high, .. } => {
            Problem::new(format!("lower bound {low} is above upper bound {high}")).hint(format!("swap them: `[{high}, {low}]`"))
        }
        SpaceError::TooWide { .. } => Problem::new("the range is wider than a double can hold").hint("narrow the bounds"),
        SpaceError::LogOfNonPositive { low, .. } => {
            Problem::new(format!("lower bound {low} has no place on a logarithmic scale"))
                .hint("raise it above 0, or write `scale = \"linear\"`")
        }
        SpaceError::LogWithStep { .. } => Problem::new("a logarithmic scale has no steps").hint("leave out `step` or `scale`"),
        SpaceError::BadStep { step, .. } => {
            Problem::new(format!("step {step} is not above 0")).hint("write a step above 0, or leave it out")
        }
        SpaceError::StepTooSmall { step, .. } => {
            Problem::new(format!("step {step} is too small to tell neighbours apart")).hint("enlarge the step, or leave it out")
        }
        SpaceError::NoChoices { .. } => Problem::new("no option is listed").hint("write `choice = [\"a\", \"b\"]`"),
        SpaceError::DuplicateChoice { choice, .. } => {
            Problem::new(format!("`{}` is listed twice", shown(&choice.to_string()))).hint("remove one")
        }
        SpaceError::ChoiceNotFinite { choice, .. } => Problem::new(format!("`{choice}` is not a finite number")),
        SpaceError::UnknownParent { parent, .. } => {
            Problem::new(format!("`when` names `{}`, which is no parameter", shown(parent)))
        }
        SpaceError::EmptyCondition { parent, .. } => {
            Problem::new(format!("`when` lists no value of `{}`, so the parameter would never exist", shown(parent)))
                .hint("list at least one value, or leave the condition out")
        }
        SpaceError::ImpossibleValue { parent, source, .. } => {
            Problem::new(format!("`when` can never hold for `{}`: {}", shown(parent), source))
                .hint("list values that it can take")
        }
        SpaceError::Cycle { parameters } => {
            Problem::new(format!("{} depend on each other", listed(parameters))).hint("remove one of the conditions")
        }
    }
}
