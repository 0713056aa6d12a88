//! Answers questions in JSON, one a line on standard input, with a line of JSON each on standard output.
//!
//! ```text
//! {"call": "cohen_kappa", "first": [0, 1, 1], "second": [0, 1, 0], "classes": 2, "weighting": "equal"}
//! {"ok": 0.4}
//! ```
//!
//! A mistake is answered with `{"error": "…"}`. The Python tests ask the same of other libraries and compare.
//!
//! `cargo run --release -p hone-consensus --example consensus`

use std::io::{self, BufRead, Write};

use hone_consensus::agreement::{
    Level, Weighting, alpha, alpha_interval, cohen_kappa, fleiss_kappa, pairwise_kappa, percent_agreement,
};
use hone_consensus::anchoring::{Anchoring, AnchoringRule};
use hone_consensus::dawid_skene::{DawidSkene, Online};
use hone_consensus::labels::preferences::{BradleyTerry, Comparison};
use hone_consensus::labels::regions::{Rect, consensus, match_regions, mean_agreement};
use hone_consensus::labels::{numbers, sets};
use hone_consensus::meter::gain::{GainRule, gain};
use hone_consensus::meter::saving::{SavingRule, saving};
use hone_consensus::meter::stability::{StabilityRule, StabilityWatch};
use hone_consensus::meter::{Curve, Point};
use hone_consensus::proportion::{Rate, newcombe, sample_sizes};
use hone_consensus::quality::{Duration, summarise};
use hone_consensus::vote::{majority, shares, weighted_majority, weighted_shares};
use hone_consensus::{Answer, Answers, ConsensusError, Gold};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Answers as they are written: item, annotator and class of each.
#[derive(Deserialize)]
struct Given {
    items: u32,
    annotators: u32,
    classes: u32,
    answers: Vec<(u32, u32, u32)>,
}

impl Given {
    fn list(&self) -> Vec<Answer> {
        self.answers.iter().map(|&(item, annotator, class)| Answer { item, annotator, class }).collect()
    }

    fn answers(&self) -> Result<Answers, ConsensusError> {
        Answers::new(self.items, self.annotators, self.classes, self.list())
    }
}

/// A question.
#[derive(Deserialize)]
#[serde(tag = "call", rename_all = "snake_case", deny_unknown_fields)]
enum Question {
    Majority {
        given: Given,
        weights: Option<Vec<f64>>,
    },
    DawidSkene {
        given: Given,
        #[serde(default)]
        gold: Vec<Gold>,
        #[serde(default)]
        settings: DawidSkene,
    },
    Online {
        given: Given,
        #[serde(default)]
        settings: DawidSkene,
        sweeps: u32,
    },
    CohenKappa {
        first: Vec<u32>,
        second: Vec<u32>,
        classes: u32,
        weighting: Weighting,
    },
    PairwiseKappa {
        given: Given,
        weighting: Weighting,
    },
    FleissKappa {
        given: Given,
    },
    PercentAgreement {
        given: Given,
    },
    Alpha {
        units: Vec<Vec<f64>>,
        level: Level,
    },
    AlphaInterval {
        units: Vec<Vec<f64>>,
        level: Level,
        confidence: f64,
        resamples: u32,
        seed: u64,
    },
    Wilson {
        rate: Rate,
        confidence: f64,
    },
    Newcombe {
        first: Rate,
        second: Rate,
        confidence: f64,
    },
    SampleSizes {
        first: f64,
        second: f64,
        ratio: f64,
        confidence: f64,
        power: f64,
    },
    Summarise {
        given: Given,
        #[serde(default)]
        gold: Vec<Gold>,
        #[serde(default)]
        durations: Vec<Duration>,
        #[serde(default)]
        settings: DawidSkene,
        confidence: f64,
    },
    Match {
        first: Vec<Rect>,
        second: Vec<Rect>,
        least_iou: f64,
    },
    Boxes {
        answers: Vec<Vec<Rect>>,
        least_iou: f64,
    },
    Numbers {
        numbers: Vec<f64>,
        tolerance: numbers::Tolerance,
    },
    Sets {
        sets: Vec<Vec<u32>>,
        classes: u32,
    },
    BradleyTerry {
        things: u32,
        comparisons: Vec<Comparison>,
        #[serde(default)]
        settings: BradleyTerry,
    },
    Anchoring {
        counts: Anchoring,
        #[serde(default)]
        rule: AnchoringRule,
    },
    Saving {
        active: Vec<Vec<(f64, f64)>>,
        control: Vec<Vec<(f64, f64)>>,
        #[serde(default)]
        rule: SavingRule,
    },
    Stability {
        predictions: Vec<Vec<u32>>,
        classes: u32,
        #[serde(default)]
        rule: StabilityRule,
    },
    Gain {
        curve: Vec<(f64, f64)>,
        #[serde(default)]
        rule: GainRule,
    },
}

fn curve(points: Vec<(f64, f64)>) -> Result<Curve, ConsensusError> {
    Curve::new(points.into_iter().map(|(labels, accuracy)| Point { labels, accuracy }).collect())
}

fn value(answer: impl Serialize) -> Value {
    serde_json::to_value(answer).expect("a value")
}

fn answer(question: Question) -> Result<Value, ConsensusError> {
    use Question as Q;
    match question {
        Q::Majority { .. } | Q::DawidSkene { .. } | Q::Online { .. } | Q::Summarise { .. } => estimates(question),
        Q::CohenKappa { .. } | Q::PairwiseKappa { .. } | Q::FleissKappa { .. } | Q::PercentAgreement { .. } => kappas(question),
        Q::Alpha { units, level } => Ok(value(alpha(&units, level)?)),
        Q::AlphaInterval { units, level, confidence, resamples, seed } => {
            Ok(value(alpha_interval(&units, level, confidence, resamples, seed)?))
        }
        Q::Wilson { rate, confidence } => Ok(value(rate.wilson(confidence)?)),
        Q::Newcombe { first, second, confidence } => Ok(value(newcombe(first, second, confidence)?)),
        Q::SampleSizes { first, second, ratio, confidence, power } => {
            Ok(value(sample_sizes(first, second, ratio, confidence, power)?))
        }
        Q::Anchoring { counts, rule } => Ok(value(counts.report(&rule)?)),
        Q::Match { .. } | Q::Boxes { .. } | Q::Numbers { .. } | Q::Sets { .. } | Q::BradleyTerry { .. } => labels(question),
        Q::Saving { .. } | Q::Stability { .. } | Q::Gain { .. } => meter(question),
    }
}

fn estimates(question: Question) -> Result<Value, ConsensusError> {
    match question {
        Question::Majority { given, weights } => {
            let answers = given.answers()?;
            let (standings, shares) = match weights {
                Some(weights) => (weighted_majority(&answers, &weights)?, weighted_shares(&answers, &weights)?),
                None => (majority(&answers), shares(&answers)),
            };
            Ok(json!({ "standings": standings, "shares": shares }))
        }
        Question::DawidSkene { given, gold, settings } => Ok(value(settings.fit(&given.answers()?, &gold)?)),
        Question::Online { given, settings, sweeps } => {
            let mut online = Online::new(&settings, given.classes)?;
            for answer in given.list() {
                online.add(answer)?;
            }
            (0..sweeps).for_each(|_| {
                online.sweep();
            });
            let posteriors: Vec<Option<&[f64]>> = (0..given.items).map(|item| online.posterior(item)).collect();
            Ok(json!({ "prior": online.prior(), "posteriors": posteriors }))
        }
        Question::Summarise { given, gold, durations, settings, confidence } => {
            let answers = given.answers()?;
            let fit = settings.fit(&answers, &gold)?;
            Ok(value(summarise(&answers, &gold, &durations, Some(&fit), confidence)?))
        }
        _ => unreachable!("asked elsewhere"),
    }
}

fn kappas(question: Question) -> Result<Value, ConsensusError> {
    match question {
        Question::CohenKappa { first, second, classes, weighting } => {
            Ok(value(cohen_kappa(&first, &second, classes, weighting)?))
        }
        Question::PairwiseKappa { given, weighting } => Ok(value(pairwise_kappa(&given.answers()?, weighting))),
        Question::FleissKappa { given } => Ok(value(fleiss_kappa(&given.answers()?)?)),
        Question::PercentAgreement { given } => Ok(value(percent_agreement(&given.answers()?))),
        _ => unreachable!("asked elsewhere"),
    }
}

fn labels(question: Question) -> Result<Value, ConsensusError> {
    match question {
        Question::Match { first, second, least_iou } => Ok(value(match_regions(&first, &second, least_iou))),
        Question::Boxes { answers, least_iou } => {
            let agreement = mean_agreement(&answers, least_iou);
            Ok(json!({ "clusters": consensus(&answers, least_iou), "agreement": agreement }))
        }
        Question::Numbers { numbers, tolerance } => Ok(value(numbers::vote(&numbers, tolerance)?)),
        Question::Sets { sets, classes } => {
            Ok(json!({ "vote": sets::vote(&sets, classes)?, "mean_jaccard": sets::mean_jaccard(&sets) }))
        }
        Question::BradleyTerry { things, comparisons, settings } => Ok(value(settings.fit(things, &comparisons)?)),
        _ => unreachable!("asked elsewhere"),
    }
}

fn meter(question: Question) -> Result<Value, ConsensusError> {
    match question {
        Question::Saving { active, control, rule } => {
            let curves = |lists: Vec<Vec<(f64, f64)>>| lists.into_iter().map(curve).collect::<Result<Vec<_>, _>>();
            let found = saving(&curves(active)?, &curves(control)?, &rule)?;
            Ok(json!({ "saving": found, "reason": found.reason() }))
        }
        Question::Stability { predictions, classes, rule } => {
            let mut watch = StabilityWatch::new(rule, classes)?;
            let found = predictions.into_iter().map(|list| watch.record(list)).collect::<Result<Vec<_>, _>>()?;
            Ok(value(found))
        }
        Question::Gain { curve: points, rule } => {
            let found = gain(&curve(points)?, &rule)?;
            Ok(json!({ "gain": found, "reason": found.reason() }))
        }
        _ => unreachable!("asked elsewhere"),
    }
}

fn reply(line: &str) -> Value {
    let question = match serde_json::from_str(line) {
        Ok(question) => question,
        Err(error) => return json!({ "error": format!("not a question: {error}") }),
    };
    match answer(question) {
        Ok(found) => json!({ "ok": found }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        writeln!(out, "{}", reply(&line?))?;
        out.flush()?;
    }
    Ok(())
}
