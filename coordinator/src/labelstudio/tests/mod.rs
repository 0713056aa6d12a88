//! The connector without a server: what is written, what is read, and what follows from what is here and there.

mod annotations;
mod calls;
mod forms;
mod planning;

use std::sync::Arc;

use hone_studies::{
    AnnotatorId, BlobId, Command, Core, LabelRequestId, Now, Reply,
    file::parse_labels,
    label::{
        Channel, Label, LabelCommand, LabelProject, LabelReply, LabelRequest, LabelSpec, NewRequest, Prediction, SampleData,
        Submission,
    },
};

/// A spec from the text of a file.
fn spec(text: &str) -> LabelSpec {
    parse_labels(text, "p.toml").unwrap()
}

const CLASSES: &str = r#"
name = "reviews"
[form]
kind = "classes"
classes = ["cat", "dog"]
[show]
text = "body"
[answers]
overlap = 2
blind = 0.0
[label_studio]
"#;

/// A core with one label project.
struct World {
    core: Core,
}

impl World {
    fn of(text: &str) -> World {
        let mut world = World { core: Core::recover(Default::default(), Now::default(), hone_studies::Timings::DEFAULT) };
        world.command(LabelCommand::CreateProject { spec: Arc::new(spec(text)), text: text.to_owned(), request: None });
        world
    }

    fn project(&self) -> &Arc<LabelProject> {
        self.core.state.labels.projects().next().unwrap()
    }

    fn request(&self, id: u64) -> &LabelRequest {
        self.project().request(LabelRequestId(id)).unwrap()
    }

    fn command(&mut self, command: LabelCommand) -> LabelReply {
        match self.core.handle(Now { wall: 5, mono: 5 }, Command::Label(command)).unwrap().0 {
            Reply::Label(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    /// Asks for samples with these priorities, each predicted to be the second class.
    fn ask(&mut self, priorities: &[f64]) {
        let first = self.project().requests().count();
        let data = SampleData { blob: BlobId([0; 32]), offset: 0, length: 0 };
        let prediction = Some(Prediction { label: Label::Class(1), confidence: 0.75, source: "study-7".into() });
        let new = |(at, priority): (usize, &f64)| NewRequest {
            sample: format!("s{}", first + at).into(),
            data,
            priority: *priority,
            prediction: prediction.clone(),
            control: false,
            gold: None,
        };
        let samples = priorities.iter().enumerate().map(new).collect();
        let (project, source) = (self.project().id, "test".to_owned());
        self.command(LabelCommand::Ask { project, source, blob: BlobId([0; 32]), files: Vec::new(), samples, request: None });
    }

    fn join(&mut self, name: &str) -> AnnotatorId {
        match self.command(LabelCommand::Join { name: name.to_owned(), channel: Channel::LabelStudio }) {
            LabelReply::Annotator(id) => id,
            other => panic!("{other:?}"),
        }
    }

    fn submit(&mut self, request: u64, name: &str, class: u32, channel: Channel, external: &str) {
        let annotator = self.join(name);
        let (request, label, external) = (LabelRequestId(request), Label::Class(class), external.to_owned());
        let submission = Submission { request, annotator, label, took_ms: 1, channel, external, shown: None, asked_by: None };
        self.command(LabelCommand::Submit(Box::new(submission)));
    }
}
