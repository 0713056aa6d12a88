//! Study files for tests: the parts that matter are written out, the rest has defaults.

use std::path::PathBuf;

use super::Place;

/// A study whose trials are shell scripts.
#[derive(Clone, Debug)]
pub struct Study {
    pub name: String,
    /// Lines of `[search]`.
    pub search: String,
    /// Lines of `[space]`.
    pub space: String,
    /// Further lines of `[trial]`.
    pub trial: String,
    /// Run by `sh`; `$1` is the folder of the test, then come `arguments`.
    pub script: String,
    /// Further elements of the command, each in quotes and after a comma.
    pub arguments: String,
}

impl Study {
    /// A study of this many trials with the parameter `x` of 0 to 1, which is `$2`, and the metric `loss`.
    pub fn new(name: &str, max_trials: u64, script: &str) -> Study {
        Study {
            name: name.to_owned(),
            search: format!("sampler = \"random\"\nseed = 1\nmax_trials = {max_trials}"),
            space: "x = { float = [0, 1] }".to_owned(),
            trial: String::new(),
            script: script.to_owned(),
            arguments: ", \"{params.x}\"".to_owned(),
        }
    }

    /// Adds lines to `[search]`.
    pub fn search(mut self, lines: &str) -> Study {
        self.search += &format!("\n{lines}");
        self
    }

    /// Adds lines to `[trial]`.
    pub fn trial(mut self, lines: &str) -> Study {
        self.trial += &format!("\n{lines}");
        self
    }

    /// The file's text.
    pub fn text(&self, place: &Place) -> String {
        let Study { name, search, space, trial, arguments, .. } = self;
        let folder = place.root().display();
        format!(
            "name = \"{name}\"\n[objective]\nmetric = \"loss\"\ndirection = \"minimize\"\n[search]\n{search}\n[space]\n{space}\n\
             [trial]\ncommand = [\"sh\", \"{{source}}/trial.sh\", \"{folder}\"{arguments}]\nmetrics = \"step {{step}}: {{name}}={{value}}\"\n{trial}\n"
        )
    }

    /// Writes the study into a folder of its own and returns the folder.
    pub fn write(&self, place: &Place) -> PathBuf {
        place.write(&format!("studies/{}/trial.sh", self.name), &self.script);
        place.write(&format!("studies/{}/study.toml", self.name), self.text(place));
        place.path(format!("studies/{}", self.name))
    }
}
