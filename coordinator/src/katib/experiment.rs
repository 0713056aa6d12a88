//! An experiment of Katib as a problem of ours, and its trials as past trials.

use hone_proto::{
    katib::{
        AlgorithmSetting, Distribution as Scale, Experiment, FeasibleSpace, ObjectiveType, ParameterSpec, ParameterType, Trial,
        trial_status::TrialConditionType,
    },
    v1::{self, distribution::Kind, option::Value as OptionValue, parameter::Value},
};

/// Algorithms that Katib's users know, and what they are here.
const ALGORITHMS: &[(&str, &str)] = &[
    ("auto", "auto"),
    ("random", "random"),
    ("grid", "grid"),
    ("sobol", "sobol"),
    ("tpe", "tpe"),
    ("multivariate-tpe", "tpe"),
    ("bayesianoptimization", "gp"),
    ("gp", "gp"),
    ("cmaes", "cmaes"),
];
/// Settings of theirs that mean something here: Katib's name and the key of the sampler.
const SETTINGS: &[(&str, &str)] =
    &[("n_startup_trials", "startup_trials"), ("n_initial_points", "startup_trials"), ("n_ei_candidates", "candidates")];

/// What an experiment wants to know.
pub(super) struct Problem {
    search: String,
    space: Vec<v1::SpaceParameter>,
    direction: &'static str,
    metric: String,
}

impl Problem {
    /// Reads an experiment.
    ///
    /// # Errors
    /// What cannot be served, in words.
    pub(super) fn read(experiment: &Experiment) -> Result<Problem, String> {
        let spec = experiment.spec.as_ref().ok_or("the experiment has no spec")?;
        let objective = spec.objective.as_ref().ok_or("the experiment has no objective")?;
        let direction = match objective.r#type() {
            ObjectiveType::Minimize => "minimize",
            ObjectiveType::Maximize => "maximize",
            ObjectiveType::Unknown => return Err("the objective is neither to be minimized nor maximized".to_owned()),
        };
        let parameters = spec.parameter_specs.iter().flat_map(|specs| &specs.parameters);
        let space = parameters.map(parameter).collect::<Result<Vec<_>, _>>()?;
        if space.is_empty() {
            return Err("the experiment has no parameters".to_owned());
        }
        let algorithm = spec.algorithm.as_ref().ok_or("the experiment names no algorithm")?;
        let sampler = sampler(&algorithm.algorithm_name, &algorithm.algorithm_settings)?;
        let seed = seed(experiment, &algorithm.algorithm_settings)?;
        let mut search = format!("sampler = {sampler}\nseed = {seed}\n");
        for (key, number) in [("max_trials", spec.max_trial_count), ("parallel", spec.parallel_trial_count)] {
            if number > 0 {
                search.push_str(&format!("{key} = {number}\n"));
            }
        }
        Ok(Problem { search, space, direction, metric: objective.objective_metric_name.clone() })
    }

    pub(super) fn past(&self) -> v1::PastTrials {
        v1::PastTrials {
            search: self.search.clone(),
            space: self.space.clone(),
            directions: vec![self.direction.to_owned()],
            ..v1::PastTrials::default()
        }
    }

    /// Trials that have ended, in the order in which they did, and those under way.
    pub(super) fn trials(&self, trials: &[Trial]) -> (Vec<v1::PastTrial>, Vec<v1::PastTrial>) {
        let ended = |trial: &Trial| trial.status.as_ref().map(|status| status.completion_time.clone()).unwrap_or_default();
        let mut trials: Vec<&Trial> = trials.iter().collect();
        trials.sort_by_key(|trial| (ended(trial), trial.name.clone()));
        let (mut finished, mut pending) = (Vec::new(), Vec::new());
        for (number, trial) in (0..).zip(trials) {
            let past = self.trial(number, trial);
            if past.state.is_empty() { pending.push(past) } else { finished.push(past) }
        }
        (finished, pending)
    }

    fn trial(&self, number: u64, trial: &Trial) -> v1::PastTrial {
        let status = trial.status.clone().unwrap_or_default();
        let metrics = status.observation.iter().flat_map(|observation| &observation.metrics);
        let value = metrics.filter(|metric| metric.name == self.metric).find_map(|metric| metric.value.parse::<f64>().ok());
        let (state, values, curve) = match (status.condition(), value.filter(|value| value.is_finite())) {
            (TrialConditionType::Succeeded, Some(value)) => ("complete", vec![value], Vec::new()),
            // It had this value when it was stopped, after nobody says how many steps.
            (TrialConditionType::Earlystopped, Some(value)) => {
                ("pruned", Vec::new(), vec![v1::Point { step: 1, metric: String::new(), value }])
            }
            (TrialConditionType::Created | TrialConditionType::Running | TrialConditionType::Unknown, _) => {
                ("", Vec::new(), Vec::new())
            }
            (TrialConditionType::Succeeded | TrialConditionType::Earlystopped, None)
            | (TrialConditionType::Killed | TrialConditionType::Failed | TrialConditionType::Metricsunavailable, _) => {
                ("failed", Vec::new(), Vec::new())
            }
        };
        v1::PastTrial { number, state: state.to_owned(), params: self.params(trial), values, curve, ..v1::PastTrial::default() }
    }

    /// Assigned values as what their parameters are; others are left out.
    fn params(&self, trial: &Trial) -> Vec<v1::Parameter> {
        let assignments = trial.spec.iter().flat_map(|spec| &spec.parameter_assignments).flat_map(|all| &all.assignments);
        let read = |assignment: &hone_proto::katib::ParameterAssignment| {
            let known = self.space.iter().find(|parameter| parameter.name == assignment.name)?;
            let value = match known.distribution.as_ref()?.kind.as_ref()? {
                Kind::Float(_) => Value::Float(assignment.value.parse().ok()?),
                Kind::Int(_) => Value::Int(assignment.value.parse().ok()?),
                Kind::Options(_) => Value::String(assignment.value.clone()),
            };
            Some(v1::Parameter { name: assignment.name.clone(), value: Some(value) })
        };
        assignments.filter_map(read).collect()
    }

    /// A value as Katib puts it into a trial's command.
    pub(super) fn text_of(&self, parameter: &v1::Parameter) -> String {
        match &parameter.value {
            Some(Value::Float(value)) => value.to_string(),
            Some(Value::Int(value)) => value.to_string(),
            Some(Value::Bool(value)) => value.to_string(),
            Some(Value::String(text)) => text.clone(),
            None => String::new(),
        }
    }
}

fn parameter(spec: &ParameterSpec) -> Result<v1::SpaceParameter, String> {
    let (name, space) = (&spec.name, spec.feasible_space.clone().unwrap_or_default());
    let kind = match spec.parameter_type() {
        ParameterType::Double => Kind::Float(float_range(name, &space)?),
        ParameterType::Int => Kind::Int(int_range(name, &space)?),
        ParameterType::Discrete | ParameterType::Categorical => Kind::Options(options(name, &space)?),
        ParameterType::UnknownType => return Err(format!("parameter `{name}` has no type")),
    };
    Ok(v1::SpaceParameter { name: name.clone(), distribution: Some(v1::Distribution { kind: Some(kind) }) })
}

fn float_range(name: &str, space: &FeasibleSpace) -> Result<v1::FloatRange, String> {
    let log = is_log(name, space)?;
    let step = if space.step.is_empty() || log { None } else { Some(number(name, "step", &space.step)?) };
    Ok(v1::FloatRange { low: number(name, "min", &space.min)?, high: number(name, "max", &space.max)?, log, step })
}

fn int_range(name: &str, space: &FeasibleSpace) -> Result<v1::IntRange, String> {
    let log = is_log(name, space)?;
    let step = if space.step.is_empty() || log { 1 } else { number(name, "step", &space.step)? };
    Ok(v1::IntRange { low: number(name, "min", &space.min)?, high: number(name, "max", &space.max)?, log, step })
}

fn is_log(name: &str, space: &FeasibleSpace) -> Result<bool, String> {
    match space.distribution() {
        Scale::Unspecified | Scale::Uniform => Ok(false),
        Scale::LogUniform => Ok(true),
        Scale::Normal | Scale::LogNormal => {
            Err(format!("parameter `{name}` has a normal distribution; `uniform` and `logUniform` are possible"))
        }
    }
}

fn options(name: &str, space: &FeasibleSpace) -> Result<v1::Options, String> {
    if space.list.is_empty() {
        return Err(format!("parameter `{name}` has an empty list of values"));
    }
    let option = |text: &String| v1::Option { value: Some(OptionValue::String(text.clone())) };
    Ok(v1::Options { options: space.list.iter().map(option).collect() })
}

fn number<T: std::str::FromStr>(name: &str, what: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is no number for the {what} of parameter `{name}`"))
}

/// The sampler as in a study file.
fn sampler(algorithm: &str, settings: &[AlgorithmSetting]) -> Result<String, String> {
    let known = ALGORITHMS.iter().find(|(theirs, _)| *theirs == algorithm.trim_start_matches("hone-"));
    let Some((theirs, ours)) = known else {
        let names: Vec<&str> = ALGORITHMS.iter().map(|(theirs, _)| *theirs).collect();
        return Err(format!("there is no algorithm `{algorithm}`; there are {}", names.join(", ")));
    };
    let mut keys = vec![format!("kind = \"{ours}\"")];
    if *theirs == "tpe" {
        keys.push("multivariate = false".to_owned());
    }
    for AlgorithmSetting { name, value } in settings.iter().filter(|setting| setting.name != SEED) {
        match SETTINGS.iter().find(|(theirs, _)| theirs == name) {
            Some((_, key)) => keys.push(format!("{key} = {}", number::<u32>(name, "setting", value)?)),
            None => return Err(format!("there is no setting `{name}` for the algorithm `{algorithm}`")),
        }
    }
    Ok(format!("{{ {} }}", keys.join(", ")))
}

/// The setting with the seed.
const SEED: &str = "random_state";

/// What the experiment says, else one of its name.
fn seed(experiment: &Experiment, settings: &[AlgorithmSetting]) -> Result<u64, String> {
    match settings.iter().find(|setting| setting.name == SEED) {
        Some(setting) => number(SEED, "setting", &setting.value),
        None => {
            let hash = blake3::hash(experiment.name.as_bytes());
            Ok(u64::from(u32::from_le_bytes(hash.as_bytes()[..4].try_into().expect("a hash is longer"))))
        }
    }
}
