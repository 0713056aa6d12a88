use hone_proto::katib::{
    AlgorithmSetting, AlgorithmSpec, Experiment, ExperimentSpec, FeasibleSpace, Metric, ObjectiveSpec, ObjectiveType,
    Observation, ParameterSpec, ParameterType, Trial, TrialSpec, TrialStatus, experiment_spec::ParameterSpecs, trial_spec,
    trial_status::TrialConditionType,
};

use super::*;

fn between(name: &str, kind: ParameterType, min: &str, max: &str) -> ParameterSpec {
    let space = FeasibleSpace { min: min.to_owned(), max: max.to_owned(), ..FeasibleSpace::default() };
    ParameterSpec { name: name.to_owned(), parameter_type: kind.into(), feasible_space: Some(space) }
}

fn experiment(algorithm: &str) -> Experiment {
    let list = FeasibleSpace { list: vec!["adam".to_owned(), "sgd".to_owned()], ..FeasibleSpace::default() };
    let choice = ParameterSpec {
        name: "optimizer".to_owned(),
        parameter_type: ParameterType::Categorical.into(),
        feasible_space: Some(list),
    };
    let parameters =
        vec![between("rate", ParameterType::Double, "0.01", "0.1"), between("layers", ParameterType::Int, "1", "5"), choice];
    let objective = ObjectiveSpec { r#type: ObjectiveType::Minimize.into(), objective_metric_name: "loss".to_owned() };
    let algorithm = AlgorithmSpec { algorithm_name: algorithm.to_owned(), algorithm_settings: Vec::new() };
    let spec = ExperimentSpec {
        parameter_specs: Some(ParameterSpecs { parameters }),
        objective: Some(objective),
        algorithm: Some(algorithm),
        parallel_trial_count: 3,
        max_trial_count: 100,
    };
    Experiment { name: "mnist".to_owned(), spec: Some(spec) }
}

fn trial(at: usize, condition: TrialConditionType, assignments: Vec<ParameterAssignment>) -> Trial {
    let rate: f64 = assignments.iter().find(|one| one.name == "rate").and_then(|one| one.value.parse().ok()).unwrap_or(0.0);
    let metric = Metric { name: "loss".to_owned(), value: (rate - 0.05).abs().to_string() };
    let status = TrialStatus {
        completion_time: format!("2026-01-01T00:00:{at:02}Z"),
        condition: condition.into(),
        observation: Some(Observation { metrics: vec![metric] }),
    };
    let spec = TrialSpec { parameter_assignments: Some(trial_spec::ParameterAssignments { assignments }) };
    Trial { name: format!("mnist-{at}"), spec: Some(spec), status: Some(status) }
}

fn ask(algorithm: &str, trials: &[Trial], count: i32) -> Result<Vec<Vec<ParameterAssignment>>, Status> {
    let request = GetSuggestionsRequest {
        experiment: Some(experiment(algorithm)),
        trials: trials.to_vec(),
        current_request_number: count,
        total_request_number: trials.len() as i32 + count,
    };
    let reply = suggest(&Histories::default(), &request)?;
    Ok(reply.parameter_assignments.into_iter().map(|all| all.assignments).collect())
}

#[test]
fn an_experiment_is_searched_and_gets_better() {
    let (mut trials, mut losses) = (Vec::new(), Vec::new());
    for at in 0..40 {
        let assignments = ask("tpe", &trials, 1).unwrap().remove(0);
        let rate: f64 = assignments[0].value.parse().unwrap();
        assert!((0.01..=0.1).contains(&rate) && (1..=5).contains(&assignments[1].value.parse::<i64>().unwrap()));
        assert!(["adam", "sgd"].contains(&assignments[2].value.as_str()));
        losses.push((rate - 0.05).abs());
        trials.push(trial(at, TrialConditionType::Succeeded, assignments));
    }
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&losses[30..]) < 0.5 * mean(&losses[..10]), "{losses:?}");
}

#[test]
fn the_same_question_has_the_same_answer_in_any_order_of_trials() {
    let points = ask("random", &[], 12).unwrap();
    let mut trials: Vec<Trial> =
        points.into_iter().enumerate().map(|(at, point)| trial(at, TrialConditionType::Succeeded, point)).collect();
    let answer = ask("tpe", &trials, 3).unwrap();
    assert_eq!(answer.len(), 3);
    trials.reverse();
    assert_eq!(ask("tpe", &trials, 3).unwrap(), answer);
}

#[test]
fn trials_count_by_how_they_ended() {
    let problem = Problem::read(&experiment("tpe")).unwrap();
    let all = [
        TrialConditionType::Created,
        TrialConditionType::Running,
        TrialConditionType::Succeeded,
        TrialConditionType::Killed,
        TrialConditionType::Failed,
        TrialConditionType::Metricsunavailable,
        TrialConditionType::Earlystopped,
    ];
    let trials: Vec<Trial> = all.into_iter().enumerate().map(|(at, condition)| trial(at, condition, Vec::new())).collect();
    let (finished, pending) = problem.trials(&trials);
    let states: Vec<&str> = finished.iter().map(|trial| trial.state.as_str()).collect();
    assert_eq!(states, ["complete", "failed", "failed", "failed", "pruned"]);
    assert_eq!(pending.len(), 2);
}

#[test]
fn every_algorithm_answers() {
    for algorithm in ["auto", "random", "sobol", "tpe", "multivariate-tpe", "bayesianoptimization", "cmaes", "hone-tpe"] {
        assert_eq!(ask(algorithm, &[], 2).unwrap().len(), 2, "{algorithm}");
    }
}

fn refusal(change: impl FnOnce(&mut ExperimentSpec)) -> String {
    let mut experiment = experiment("tpe");
    change(experiment.spec.as_mut().unwrap());
    let request = GetSuggestionsRequest { experiment: Some(experiment), ..GetSuggestionsRequest::default() };
    let refused = suggest(&Histories::default(), &request).unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    refused.message().to_owned()
}

#[test]
fn what_cannot_be_served_is_refused_in_words() {
    assert!(refusal(|spec| spec.algorithm = None).contains("algorithm"));
    let unknown = AlgorithmSpec { algorithm_name: "enas".to_owned(), algorithm_settings: Vec::new() };
    assert!(refusal(|spec| spec.algorithm = Some(unknown)).contains("`enas`"));
    let setting = AlgorithmSetting { name: "warp".to_owned(), value: "9".to_owned() };
    let odd = AlgorithmSpec { algorithm_name: "tpe".to_owned(), algorithm_settings: vec![setting] };
    assert!(refusal(|spec| spec.algorithm = Some(odd)).contains("`warp`"));
    let parameters = vec![between("rate", ParameterType::Double, "low", "0.1")];
    assert!(refusal(|spec| spec.parameter_specs = Some(ParameterSpecs { parameters })).contains("`low`"));
    let parameters = vec![between("rate", ParameterType::Double, "0.2", "0.1")];
    assert!(refusal(|spec| spec.parameter_specs = Some(ParameterSpecs { parameters })).contains("`rate`"));
    assert!(refusal(|spec| spec.algorithm.as_mut().unwrap().algorithm_name = "grid".to_owned()).contains("rate"));
}
