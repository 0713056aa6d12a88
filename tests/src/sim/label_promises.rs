//! What those who label were promised: no answer is lost, doubled or invented.

use std::collections::{BTreeMap, BTreeSet};

use hone_studies::{
    AnnotatorId, AnswerId, LabelRequestId, RequestId,
    label::{Answer, Label, LabelRequest, Labels},
};

use super::labelling::Said;

/// What people have sent, and what they were answered.
#[derive(Debug, Default)]
pub struct LabelPromises {
    /// Every answer that was ever sent.
    sent: BTreeSet<(LabelRequestId, AnnotatorId, u32)>,
    /// What an acknowledged answer may be: the class that was acknowledged last, and those sent since.
    classes: BTreeMap<AnswerId, BTreeSet<u32>>,
    /// Which answer somebody's sending became.
    names: BTreeMap<RequestId, AnswerId>,
    /// The newest answer of an annotator to a request, as far as they know.
    newest: BTreeMap<(LabelRequestId, AnnotatorId), AnswerId>,
    /// Answers that somebody wanted to count no more.
    withdrawn: BTreeSet<AnswerId>,
    /// Annotators who wanted an answer back that they may not know the name of.
    taken_back: BTreeSet<(LabelRequestId, AnnotatorId)>,
    batches: BTreeMap<u32, u32>,
}

impl LabelPromises {
    pub fn says(&mut self, said: Said) {
        self.sent.insert((said.request, said.annotator, said.class));
        let newest = self.newest.get(&(said.request, said.annotator));
        if let Some(classes) = newest.and_then(|answer| self.classes.get_mut(answer)) {
            classes.insert(said.class);
        }
    }

    /// The answer that this sending became.
    pub fn acknowledged(&mut self, said: Said, answer: AnswerId) -> AnswerId {
        self.classes.insert(answer, [said.class].into());
        self.newest.insert((said.request, said.annotator), answer);
        *self.names.entry(said.by).or_insert(answer)
    }

    pub fn takes_back(&mut self, request: LabelRequestId, annotator: AnnotatorId) {
        self.taken_back.insert((request, annotator));
    }

    pub fn may_be_withdrawn(&mut self, answer: AnswerId) {
        self.withdrawn.insert(answer);
    }

    /// How many requests a batch has made.
    pub fn batch_asked(&mut self, batch: u32, new: u32) -> u32 {
        *self.batches.entry(batch).or_insert(new)
    }

    /// Which promises a state does not keep.
    pub fn broken(&self, labels: &Labels) -> Vec<String> {
        let mut broken = Vec::new();
        let requests = labels.projects().flat_map(|project| project.requests());
        let answers: BTreeMap<AnswerId, (&LabelRequest, &Answer)> =
            requests.flat_map(|request| request.answers.iter().map(move |answer| (answer.id, (request, answer)))).collect();
        for (id, classes) in &self.classes {
            match answers.get(id) {
                None => broken.push(format!("answer {id} was acknowledged and is gone")),
                Some((_, answer)) if !class_of(&answer.label).is_some_and(|class| classes.contains(&class)) => {
                    broken.push(format!("answer {id} should be one of {classes:?} and is {:?}", answer.label));
                }
                Some(_) => {}
            }
        }
        let mut senders = BTreeSet::new();
        for (request, answer) in answers.values() {
            broken.extend(self.invented(request, answer));
            let again = answer.asked_by.is_some_and(|by| !senders.insert(by));
            broken.extend(again.then(|| format!("answer {} was sent once and is there twice", answer.id)));
        }
        broken
    }

    /// Whether there is something of an answer that nobody has sent.
    fn invented(&self, request: &LabelRequest, answer: &Answer) -> Option<String> {
        let labels = answer.former.iter().map(|(_, label)| label).chain([&answer.label]);
        let unknown = labels.filter_map(class_of).find(|class| !self.sent.contains(&(request.id, answer.annotator, *class)));
        if let Some(class) = unknown {
            return Some(format!("answer {} says {class}, which annotator {} never sent", answer.id, answer.annotator));
        }
        let wanted = self.withdrawn.contains(&answer.id) || self.taken_back.contains(&(request.id, answer.annotator));
        (!answer.counts() && !wanted).then(|| format!("answer {} counts no more, and nobody wanted that", answer.id))
    }
}

fn class_of(label: &Label) -> Option<u32> {
    match label {
        Label::Class(class) => Some(*class),
        Label::Classes(_) | Label::Boxes(_) | Label::Spans(_) | Label::Number(_) | Label::Pair(_) => None,
    }
}
