//! The two steps of expectation maximisation, over flat arrays.
//!
//! Numbers per annotator lie by annotator, then by answer, then by true class, so that an answer adds one row.

use crate::answers::{Answer, Answers};

use super::choose::{deserves_matrix, price};
use super::confusion::{Confusion, FLOOR, normalise};
use super::{Fit, Kind, Smoothing};

/// An estimate under way.
#[derive(Clone)]
pub struct Em<'a> {
    answers: &'a Answers,
    known: &'a [Option<u32>],
    smoothing: Smoothing,
    kinds: Vec<Kind>,
    /// How many answers each annotator gave.
    given: Vec<u32>,
    /// By item, then by class.
    posteriors: Vec<f64>,
    prior: Vec<f64>,
    /// Expected counts.
    counts: Vec<f64>,
    /// Rates of answers.
    rates: Vec<f64>,
    /// Iterations made.
    iterations: u32,
    /// Whether it came to rest.
    is_converged: bool,
}

impl<'a> Em<'a> {
    /// Starts from the shares of votes.
    pub fn new(answers: &'a Answers, known: &'a [Option<u32>], smoothing: Smoothing, kinds: Vec<Kind>) -> Self {
        let classes = answers.classes() as usize;
        let cells = answers.annotators() as usize * classes * classes;
        let mut em = Self {
            answers,
            known,
            smoothing,
            kinds,
            given: answers.counts(),
            posteriors: crate::vote::shares(answers),
            prior: vec![1.0 / classes as f64; classes],
            counts: vec![0.0; cells],
            rates: vec![0.0; cells],
            iterations: 0,
            is_converged: false,
        };
        for (posterior, known) in em.posteriors.chunks_exact_mut(classes).zip(known) {
            known.inspect(|&class| set(posterior, class));
        }
        em
    }

    /// Iterates until nothing moves.
    pub fn run(&mut self, tolerance: f64, max_iterations: u32) {
        self.maximise();
        (self.iterations, self.is_converged) = (0, false);
        while self.iterations < max_iterations && !self.is_converged {
            self.is_converged = self.expect() <= tolerance;
            self.maximise();
            self.iterations += 1;
        }
    }

    /// The estimate with a whole matrix for those whose expected counts pay for it, if that changes anything.
    pub fn chosen(&self) -> Option<Self> {
        let tables = self.counts.chunks_exact(self.cells()).zip(&self.given);
        let kind = |(counts, &given)| if deserves_matrix(counts, self.classes(), given) { Kind::Full } else { Kind::OneCoin };
        let kinds: Vec<Kind> = tables.map(kind).collect();
        (kinds != self.kinds).then(|| Self { kinds, ..self.clone() })
    }

    /// The Bayesian information criterion; higher is better.
    pub fn criterion(&self) -> f64 {
        let prices = self.kinds.iter().zip(&self.given).map(|(&kind, &given)| price(kind, self.classes(), given));
        self.log_likelihood() - prices.sum::<f64>()
    }

    /// The one that the criterion likes better; this one if it likes both the same.
    pub fn or(self, other: Self) -> Self {
        if other.criterion() > self.criterion() { other } else { self }
    }

    /// Reads off the result.
    pub fn into_fit(mut self) -> Fit {
        let (classes, cells) = (self.classes(), self.cells());
        let log_posterior = self.log_likelihood() + self.log_density();
        let newcomer = self.newcomer();
        let confusion = |(annotator, rates): (usize, &[f64])| match self.given[annotator] {
            0 => newcomer.clone(),
            _ => Confusion::from_rates(classes as u32, transpose(rates, classes)),
        };
        let confusions = self.rates.chunks_exact(cells).enumerate().map(confusion).collect();
        let items = self.posteriors.chunks_exact_mut(classes).zip(self.answers.by_item()).zip(self.known);
        for ((posterior, _), _) in items.filter(|((_, item), known)| item.is_empty() && known.is_none()) {
            posterior.copy_from_slice(&self.prior);
        }
        let (prior, kinds, posteriors) = (self.prior, self.kinds, self.posteriors);
        let (iterations, is_converged) = (self.iterations, self.is_converged);
        Fit { prior, confusions, kinds, newcomer, posteriors, iterations, is_converged, log_posterior }
    }

    fn classes(&self) -> usize {
        self.prior.len()
    }

    fn cells(&self) -> usize {
        self.classes().pow(2)
    }

    /// Probabilities of classes from prior and rates; returns by how much the one that moved most has moved.
    fn expect(&mut self) -> f64 {
        let classes = self.classes();
        let steps = Steps::new(&self.prior, &self.rates);
        let mut weights = vec![0.0; classes];
        let mut moved: f64 = 0.0;
        for ((posterior, item), known) in self.posteriors.chunks_exact_mut(classes).zip(self.answers.by_item()).zip(self.known) {
            if item.is_empty() || known.is_some() {
                continue;
            }
            steps.weigh(item, &mut weights);
            normalise(&mut weights);
            for (old, &new) in posterior.iter_mut().zip(&weights) {
                moved = moved.max((new - *old).abs());
                *old = new;
            }
        }
        moved
    }

    /// Prior and rates from probabilities of classes.
    fn maximise(&mut self) {
        let (classes, cells) = (self.classes(), self.cells());
        let mut sizes = vec![0.0; classes];
        self.counts.fill(0.0);
        for (posterior, item) in self.posteriors.chunks_exact(classes).zip(self.answers.by_item()) {
            if item.is_empty() {
                continue;
            }
            add(&mut sizes, posterior);
            for answer in item {
                add(&mut self.counts[row(answer, classes)], posterior);
            }
        }
        self.prior = prior_of(&sizes, self.smoothing);
        let tables = self.rates.chunks_exact_mut(cells).zip(self.counts.chunks_exact(cells));
        for ((rates, counts), (kind, &given)) in tables.zip(self.kinds.iter().zip(&self.given)) {
            match kind {
                Kind::OneCoin => coin_rates(rates, hits(counts, classes), given, classes, self.smoothing),
                Kind::Full => matrix_rates(rates, counts, classes, self.smoothing),
            }
        }
    }

    /// One coin for all answers together.
    fn newcomer(&self) -> Confusion {
        let (classes, cells) = (self.classes(), self.cells());
        let hits = self.counts.chunks_exact(cells).map(|counts| hits(counts, classes)).sum();
        let mut rates = vec![0.0; cells];
        coin_rates(&mut rates, hits, self.answers.list().len() as u32, classes, self.smoothing);
        // One coin is symmetric.
        Confusion::from_rates(classes as u32, rates)
    }

    /// The logarithm of the answers' probability.
    fn log_likelihood(&self) -> f64 {
        let steps = Steps::new(&self.prior, &self.rates);
        let mut weights = vec![0.0; self.classes()];
        let mut sum = 0.0;
        for (item, known) in self.answers.by_item().zip(self.known).filter(|(item, _)| !item.is_empty()) {
            steps.weigh(item, &mut weights);
            sum += match known {
                Some(class) => weights[*class as usize],
                None => normalise(&mut weights),
            };
        }
        sum
    }

    /// The logarithm of the Dirichlet density, up to a constant.
    fn log_density(&self) -> f64 {
        let steps = Steps::new(&self.prior, &self.rates);
        let tables = steps.rates.chunks_exact(self.cells()).zip(&self.kinds);
        let annotators: f64 = tables.map(|(logs, &kind)| log_density(logs, kind, self.classes(), self.smoothing)).sum();
        self.smoothing.class * steps.prior.iter().sum::<f64>() + annotators
    }
}

/// Logarithms of prior and rates.
struct Steps {
    prior: Vec<f64>,
    rates: Vec<f64>,
}

impl Steps {
    fn new(prior: &[f64], rates: &[f64]) -> Self {
        // Rates of what was answered have their floor; what was not is never looked up.
        let logs = |rates: &[f64]| rates.iter().map(|rate| rate.max(f64::MIN_POSITIVE).ln()).collect();
        Self { prior: logs(prior), rates: logs(rates) }
    }

    /// The logarithm of the probability of each class together with an item's answers.
    fn weigh(&self, item: &[Answer], weights: &mut [f64]) {
        weights.copy_from_slice(&self.prior);
        for answer in item {
            add(weights, &self.rates[row(answer, weights.len())]);
        }
    }
}

/// Where the numbers that belong to an answer lie.
fn row(answer: &Answer, classes: usize) -> std::ops::Range<usize> {
    let start = (answer.annotator as usize * classes + answer.class as usize) * classes;
    start..start + classes
}

fn add(sums: &mut [f64], terms: &[f64]) {
    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
}

pub fn set(posterior: &mut [f64], class: u32) {
    posterior.fill(0.0);
    posterior[class as usize] = 1.0;
}

/// The prior of classes that so many items are expected to have.
pub fn prior_of(sizes: &[f64], smoothing: Smoothing) -> Vec<f64> {
    let total: f64 = sizes.iter().map(|size| size + smoothing.class).sum();
    if total <= 0.0 {
        return vec![1.0 / sizes.len() as f64; sizes.len()];
    }
    sizes.iter().map(|size| ((size + smoothing.class) / total).max(FLOOR)).collect()
}

/// Expected right answers of an annotator.
pub fn hits(counts: &[f64], classes: usize) -> f64 {
    (0..classes).map(|class| counts[class * (classes + 1)]).sum()
}

/// Fills in the rates of one coin.
pub fn coin_rates(rates: &mut [f64], hits: f64, given: u32, classes: usize, smoothing: Smoothing) {
    let total = f64::from(given) + smoothing.agree + smoothing.differ;
    let accuracy = if total > 0.0 { (hits + smoothing.agree) / total } else { 1.0 / classes as f64 };
    let wrong = (1.0 - accuracy) / (classes - 1) as f64;
    rates.fill(wrong.clamp(FLOOR, 1.0 - FLOOR));
    for class in 0..classes {
        rates[class * (classes + 1)] = accuracy.clamp(FLOOR, 1.0 - FLOOR);
    }
}

/// Fills in the rates of a whole matrix: each true class's rates sum to 1.
pub fn matrix_rates(rates: &mut [f64], counts: &[f64], classes: usize, smoothing: Smoothing) {
    let differ = smoothing.differ / (classes - 1) as f64;
    for (answer, (rates, counts)) in rates.chunks_exact_mut(classes).zip(counts.chunks_exact(classes)).enumerate() {
        // What was answered may always be answered again; what was not, only as far as the smoothing says.
        let least = if counts.iter().any(|&count| count > 0.0) { FLOOR } else { 0.0 };
        for (truth, (rate, count)) in rates.iter_mut().zip(counts).enumerate() {
            let added = if truth == answer { smoothing.agree } else { differ };
            *rate = (count + added).max(least);
        }
    }
    for truth in 0..classes {
        let cells = || (0..classes).map(|answer| answer * classes + truth);
        let total: f64 = cells().map(|cell| rates[cell]).sum();
        cells().for_each(|cell| rates[cell] = if total > 0.0 { rates[cell] / total } else { 1.0 / classes as f64 });
    }
}

/// The logarithm of the Dirichlet density of an annotator's rates, up to a constant.
fn log_density(logs: &[f64], kind: Kind, classes: usize, smoothing: Smoothing) -> f64 {
    let (agree, differ) = (smoothing.agree, smoothing.differ);
    match kind {
        Kind::OneCoin => agree * logs[0] + differ * logs[1],
        Kind::Full => {
            let diagonal = hits(logs, classes);
            let rest = logs.iter().sum::<f64>() - diagonal;
            agree * diagonal + differ / (classes - 1) as f64 * rest
        }
    }
}

fn transpose(table: &[f64], classes: usize) -> Vec<f64> {
    (0..classes).flat_map(|column| (0..classes).map(move |row| table[row * classes + column])).collect()
}
