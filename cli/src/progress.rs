//! How far a study is: bars on a terminal, one line per ended trial elsewhere. Writes to standard error only.

use std::{
    io::{self, IsTerminal},
    time::{Duration, Instant},
};

use hone_proto::v1;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::output::{counts_text, parameter_text, remark, span_text, values_text, visible};

/// How often the clock of a bar moves.
const TICK: Duration = Duration::from_millis(250);
/// Parameters of the best trial beside the bar; a line has only so much room.
const MOST_PARAMETERS_SHOWN: usize = 6;

/// The progress of one study.
pub struct Progress {
    display: Display,
    /// What counted when we began to look: the rate is that of this run.
    first_counted: u64,
    last_counted: u64,
    started: Instant,
    /// Why nothing runs, until it has been told.
    waiting: Option<String>,
    told_waiting: String,
}

enum Display {
    Bars { all: MultiProgress, trials: ProgressBar, best: ProgressBar, now: ProgressBar },
    Lines,
}

impl Progress {
    /// Begins to show a study.
    pub fn new(study: &v1::Study) -> Self {
        let display = if io::stderr().is_terminal() { bars(study) } else { Display::Lines };
        let counted = study.counts.unwrap_or_default().counted;
        Self {
            display,
            first_counted: counted,
            last_counted: counted,
            started: Instant::now(),
            waiting: None,
            told_waiting: String::new(),
        }
    }

    /// Shows what has changed.
    pub fn update(&mut self, update: &v1::StudyUpdate) {
        let Some(study) = &update.study else { return };
        self.tell_ended(study, update);
        self.note_waiting(update);
        let pace = self.pace(study);
        let Display::Bars { trials, best, now, .. } = &self.display else { return };
        trials.set_position(study.counts.unwrap_or_default().counted);
        trials.set_message(pace);
        best.set_message(best_text(study));
        now.set_message(now_text(study, update));
    }

    /// Takes the bars away.
    pub fn clear(&self) {
        if let Display::Bars { all, .. } = &self.display {
            // A terminal that cannot be cleared keeps its last lines.
            let _ = all.clear();
        }
    }

    fn tell_ended(&mut self, study: &v1::Study, update: &v1::StudyUpdate) {
        let counted = study.counts.unwrap_or_default().counted;
        let new = counted.saturating_sub(self.last_counted);
        self.last_counted = counted;
        let told = update.ended.len() as u64;
        for trial in &update.ended {
            match &self.display {
                Display::Lines => remark(&ended_line(trial, study)),
                // On a terminal the bars tell of successes; failures should not go by unseen.
                Display::Bars { all, .. } if trial.state == "failed" => {
                    let _ = all.println(ended_line(trial, study));
                }
                Display::Bars { .. } => {}
            }
        }
        if new > told && matches!(self.display, Display::Lines) {
            remark(&format!("and {} more: {}", new - told, counts_text(study)));
        }
    }

    /// Whether nothing runs for a reason that has not been told yet.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Says why nothing runs; called when it lasts. Bars show it all the time.
    pub fn tell_waiting(&mut self) {
        let Some(reason) = self.waiting.take() else { return };
        if matches!(self.display, Display::Lines) {
            remark(&format!("waiting: {}", visible(&reason)));
        }
        self.told_waiting = reason;
    }

    fn note_waiting(&mut self, update: &v1::StudyUpdate) {
        if update.waiting_for.is_empty() {
            self.waiting = None;
            self.told_waiting.clear();
        } else if update.waiting_for != self.told_waiting {
            self.waiting = Some(update.waiting_for.clone());
        }
    }

    fn pace(&self, study: &v1::Study) -> String {
        let counted = study.counts.unwrap_or_default().counted;
        let left = study.max_trials.checked_sub(counted).filter(|_| study.max_trials > 0);
        pace_text(counted.saturating_sub(self.first_counted), self.started.elapsed(), left)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn bars(study: &v1::Study) -> Display {
    let all = MultiProgress::new();
    let length = (study.max_trials > 0).then_some(study.max_trials);
    let shape = if length.is_some() { "{bar:32.cyan} {pos}/{len} trials  {msg}" } else { "{spinner} {pos} trials  {msg}" };
    let trials = all.add(ProgressBar::with_draw_target(length, indicatif::ProgressDrawTarget::stderr()));
    trials.set_style(style(shape));
    trials.enable_steady_tick(TICK);
    let line = || {
        let bar = all.add(ProgressBar::new_spinner());
        bar.set_style(style("{msg}"));
        bar
    };
    let (best, now) = (line(), line());
    Display::Bars { all, trials, best, now }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// One line about a trial that has ended.
fn ended_line(trial: &v1::Trial, study: &v1::Study) -> String {
    let took = if trial.started_us != 0 && trial.ended_us > trial.started_us {
        format!("  {}", span_text(trial.ended_us - trial.started_us))
    } else {
        String::new()
    };
    let values = values_text(trial, &study.objectives);
    let what = match trial.state.as_str() {
        // The end of a trial begins with its state.
        "failed" | "cancelled" if !trial.end.is_empty() => visible(&trial.end),
        state if values.is_empty() => state.to_owned(),
        state => format!("{state}  {values}"),
    };
    let best = study.best.as_ref().is_some_and(|best| best.number == trial.number && trial.state == "complete");
    let best = if best { "  (best so far)" } else { "" };
    format!("trial {} {what}{took}{best}", trial.number)
}

fn best_text(study: &v1::Study) -> String {
    let Some(best) = &study.best else { return "no complete trial yet".to_owned() };
    let shown = best.params.iter().take(MOST_PARAMETERS_SHOWN);
    let params: Vec<String> = shown.map(|p| format!("{} {}", visible(&p.name), short_parameter(p))).collect();
    let more = if best.params.len() > MOST_PARAMETERS_SHOWN { ", …" } else { "" };
    format!("best: trial {}, {}  ({}{more})", best.number, values_text(best, &study.objectives), params.join(", "))
}

fn short_parameter(parameter: &v1::Parameter) -> String {
    match &parameter.value {
        Some(v1::parameter::Value::Float(value)) => crate::output::number_text(*value),
        Some(_) | None => parameter_text(parameter),
    }
}

fn now_text(study: &v1::Study, update: &v1::StudyUpdate) -> String {
    if !update.waiting_for.is_empty() {
        return format!("waiting: {}", visible(&update.waiting_for));
    }
    let counts = study.counts.unwrap_or_default();
    let mut text = format!("{} running, {} pruned, {} failed", counts.running, counts.pruned, counts.failed);
    if update.workers != 1 {
        text += &format!(", {} workers", update.workers);
    }
    text
}

/// Trials per time, and how long the rest takes at this pace: `12/min, 3m 20s left`.
fn pace_text(done: u64, elapsed: Duration, left: Option<u64>) -> String {
    let seconds = elapsed.as_secs_f64();
    if done == 0 || seconds < 1.0 {
        return String::new();
    }
    let per_second = done as f64 / seconds;
    let rate = if per_second >= 1.0 { format!("{per_second:.1}/s") } else { format!("{:.1}/min", per_second * 60.0) };
    match left {
        Some(left) if left > 0 => format!("{rate}, {} left", span_text((left as f64 / per_second * 1e6) as i64)),
        Some(_) | None => rate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study() -> v1::Study {
        let objective = v1::Objective { metric: "loss".to_owned(), direction: "minimize".to_owned() };
        v1::Study { objectives: vec![objective], ..v1::Study::default() }
    }

    fn trial(state: &str) -> v1::Trial {
        v1::Trial { number: 7, state: state.to_owned(), started_us: 1_000_000, ended_us: 5_200_000, ..v1::Trial::default() }
    }

    #[test]
    fn an_ended_trial_is_one_line_with_its_value_or_its_failure() {
        let complete = v1::Trial { values: vec![0.25], ..trial("complete") };
        assert_eq!(ended_line(&complete, &study()), "trial 7 complete  loss 0.25  4.2s");
        let best = v1::Study { best: Some(complete.clone()), ..study() };
        assert_eq!(ended_line(&complete, &best), "trial 7 complete  loss 0.25  4.2s  (best so far)");
        let failed = v1::Trial { end: "failed: exit code 1\u{1b}".to_owned(), ..trial("failed") };
        assert_eq!(ended_line(&failed, &study()), "trial 7 failed: exit code 1\u{fffd}  4.2s");
    }

    #[test]
    fn the_pace_is_that_of_this_run() {
        assert_eq!(pace_text(0, Duration::from_secs(9), Some(5)), "");
        assert_eq!(pace_text(20, Duration::from_secs(10), Some(10)), "2.0/s, 5.0s left");
        assert_eq!(pace_text(1, Duration::from_secs(10), Some(20)), "6.0/min, 3m 20s left");
        assert_eq!(pace_text(1, Duration::from_secs(10), None), "6.0/min");
        assert_eq!(pace_text(1, Duration::from_secs(10), Some(0)), "6.0/min");
    }

    #[test]
    fn the_best_trial_is_shown_with_its_first_parameters() {
        assert_eq!(best_text(&study()), "no complete trial yet");
        let value = Some(v1::parameter::Value::Float(0.123_456_789));
        let params = (0..8).map(|at| v1::Parameter { name: format!("p{at}"), value: value.clone() }).collect();
        let best = v1::Trial { values: vec![0.5], params, ..trial("complete") };
        let text = best_text(&v1::Study { best: Some(best), ..study() });
        assert!(text.starts_with("best: trial 7, loss 0.5  (p0 0.123457, "), "{text}");
        assert!(text.ends_with("p5 0.123457, …)"), "{text}");
    }
}
