//! A worker on another host: nothing is shared but a network link, over which only TLS goes.

use std::path::PathBuf;

use crate::support::{Hone, Place, Running, Study, binary, client::Client, system::Host, until, wait::LONG};

/// Writes lines for a while, leaves a file, and reports.
const SCRIPT: &str = r#"
done=$(cat "$HONE_CHECKPOINT/done" 2>/dev/null || echo 0)
echo "begins at $done"
env | grep hone1 && echo "it sees the token"
step=$((done + 1))
while [ $step -le 10 ]; do
    echo "step $step: loss=$2"
    echo $step > "$HONE_CHECKPOINT/new" && mv "$HONE_CHECKPOINT/new" "$HONE_CHECKPOINT/done"
    hone checkpoint --step $step
    sleep 0.3
    step=$((step + 1))
done
head -c 300000 /dev/zero > "$HONE_OUTPUT/model.bin"
echo "ended on its own"
"#;

/// A coordinator on this host, other hosts, and a token that lets them join.
struct Site {
    // Ended before the place looks whether anything is left.
    coordinator: Running,
    hone: Hone,
    address: String,
    place: Place,
}

impl Site {
    fn new(host: &Host, hone: impl FnOnce(Hone) -> Hone) -> Site {
        let place = Place::new();
        let hone = hone(Hone::new(&place));
        let coordinator = hone.serve_with(&["--listen", &format!("{}:0", host.here)]);
        let contact: serde_json::Value =
            serde_json::from_slice(&std::fs::read(hone.data().join("coordinator.json")).expect("a file")).expect("JSON");
        let address = contact["address"].as_str().expect("an address").to_owned();
        place.write("token", hone.run(&["token", "create"]).ok());
        Site { coordinator, hone, address, place }
    }

    /// A worker on `host`, whose folder and everything of the coordinator's exists on one side only.
    fn worker(&self, host: &Host, name: &str) -> Running {
        let folder = self.place.path(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let token = std::fs::read_to_string(self.place.path("token")).expect("the token");
        let words = ["worker", "--join", &self.address, "--name", name, "--slots", "1", "--folder"];
        let mut line = vec![binary::hone().display().to_string()];
        line.extend(words.iter().map(ToString::to_string).chain([folder.display().to_string()]));
        let studies = self.place.path("studies");
        std::fs::create_dir_all(&studies).expect("a folder");
        let mut command = host.command(&[self.hone.data(), &studies, &folder], &line);
        self.hone.prepare(&mut command);
        command.env("HONE_TOKEN", token.trim()).env_remove("HONE_DATA");
        Running::start(command, self.place.root())
    }

    fn wait_for_a_trial(&self, study: &str, worker: &mut Running) {
        until("a trial runs", LONG, || {
            assert!(worker.is_running(), "the worker ended\n{}", worker.all_output());
            let running = self.hone.run(&["trial", "ls", study, "--state", "running", "--output", "json"]).json();
            (running.as_array()?.len() == 1).then_some(())
        });
    }

    fn create(&self, study: &Study) {
        let folder: PathBuf = study.write(&self.place);
        self.hone.run(&["study", "create", &folder.display().to_string()]).ok();
    }
}

#[test]
fn a_worker_that_shares_no_folder_joins_over_tls_and_everything_travels() {
    let host = Host::new();
    let site = Site::new(&host, |hone| hone);
    let mut worker = site.worker(&host, "far");
    site.create(&Study::new("far", 2, SCRIPT));
    site.wait_for_a_trial("far", &mut worker);
    let mut log = site.hone.start(&["trial", "logs", "far/0", "--follow"]);
    log.wait_for_line("step 3:");
    assert!(log.is_running(), "the log ended before its trial");
    let followed = log.wait(LONG).ok();
    assert!(followed.contains("begins at 0") && followed.ends_with("ended on its own\n"), "{followed}");
    assert!(!followed.contains("token"), "{followed}");
    Client::new(&site.hone.socket()).wait_until_finished("far", LONG);
    site.hone.run(&["trial", "outputs", "far/1", "--to", "fetched"]).ok();
    let fetched = std::fs::read(site.place.path("fetched/model.bin")).expect("an output");
    assert_eq!(fetched, vec![0; 300_000]);
    let kept = site.hone.run(&["trial", "logs", "far/0"]).ok();
    assert_eq!(kept, followed, "the log that is kept is the one that was followed");
}

#[test]
fn a_host_that_is_cut_off_costs_its_attempt_and_another_continues() {
    let first = Host::new();
    let site = Site::new(&first, |hone| hone.with("HONE_LEASE_MS", 3_000));
    let mut cut_off = site.worker(&first, "cut-off");
    site.create(&Study::new("cut", 1, &SCRIPT.replace("-le 10", "-le 30")));
    site.wait_for_a_trial("cut", &mut cut_off);
    let mut log = site.hone.start(&["trial", "logs", "cut/0", "--follow"]);
    log.wait_for_line("step 5:");
    first.set_link(false);
    let _other = site.hone.worker("other", 1);
    Client::new(&site.hone.socket()).wait_until_finished("cut", LONG);
    let trial = site.hone.run(&["trial", "show", "cut/0", "--output", "json"]).json();
    assert_eq!(trial["attempts"][0]["end"], "lost", "{trial}");
    assert_eq!(trial["attempts"][1]["worker_name"], "other", "{trial}");
    assert_eq!(trial["attempts"][1]["end"], "finished", "{trial}");
    let begin = site.hone.run(&["trial", "logs", "cut/0"]).ok();
    let from: u64 = begin.lines().find_map(|line| line.strip_prefix("begins at ")?.parse().ok()).expect("its beginning");
    assert!(from >= 4, "it began at {from} and not at the last checkpoint");
}

#[test]
fn a_token_that_is_not_ours_lets_nobody_in() {
    let host = Host::new();
    let site = Site::new(&host, |hone| hone);
    let real = std::fs::read_to_string(site.place.path("token")).expect("the token");
    let real = real.trim();
    let changed = if real.ends_with('a') { "b" } else { "a" };
    site.place.write("token", format!("{}{changed}", &real[..real.len() - 1]));
    let refused = site.worker(&host, "stranger").wait(LONG);
    assert_eq!(refused.code, 7, "{refused:?}");
    assert!(refused.stderr.contains("token"), "{}", refused.stderr);
    assert!(!refused.stderr.contains(real), "the token is written down");
    let workers = site.hone.run(&["worker", "ls", "--all", "--output", "json"]).json();
    assert_eq!(workers.as_array().map(Vec::len), Some(0), "{workers}");
    assert!(!site.coordinator.all_output().contains(real), "the token is written down");
}
