//! Random `kill -9` of coordinator, worker, or both, while studies of short trials run.
//!
//! Three witnesses outside Hone know what was acknowledged: a client that watches the studies and notes every trial
//! that it was shown as ended; a client that enqueues trials and notes the answers; and the trials themselves, which
//! write down that they start and end. At the end everything that they know has to be in the store, once.
//!
//! `HONE_KILLS` sets the number of kills (default 50), `HONE_CRASH_SEED` the seed.

mod ledger;
mod witness;

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use self::{ledger::check_study, witness::Witness};
use crate::support::{
    Hone, Place, Running, Study,
    client::Client,
    number, until,
    wait::{self, LONG},
};

/// Trials of one study.
const TRIALS: u64 = 40;
/// Trials at once.
const SLOTS: u32 = 4;
/// The longest time between two kills, in milliseconds.
const PAUSE_MS: u64 = 1_400;

/// Writes down its start, takes 20 to 260 ms, reports its parameter as its loss, and writes down its end.
const SCRIPT: &str = r#"
echo "start $HONE_TRIAL $HONE_ATTEMPT" >> "$1/witness-$HONE_STUDY"
sleep "0.$(printf %02d $((HONE_TRIAL * 7 % 24 + 2)))"
hone report loss="$2" || exit 1
echo "end $HONE_TRIAL $HONE_ATTEMPT" >> "$1/witness-$HONE_STUDY"
"#;

/// A coordinator and a worker that are killed and started again.
struct Fleet {
    hone: Hone,
    coordinator: Running,
    worker: Running,
}

impl Fleet {
    fn start(hone: &Hone) -> Fleet {
        Fleet { hone: hone.clone(), coordinator: hone.serve(), worker: hone.worker("worker", SLOTS) }
    }

    /// Kills one or both, and starts what was killed without waiting for it.
    fn kill(&mut self, target: u8) {
        if target != 0 {
            self.worker.kill_with_trials("worker");
        }
        if target != 1 {
            self.coordinator.kill();
            self.coordinator = self.hone.start(&["serve", "--listen", "127.0.0.1:0"]);
        }
        if target != 0 {
            self.worker = self.hone.worker("worker", SLOTS);
        }
    }
}

fn create(place: &Place, fleet: &mut Fleet, number: usize) -> String {
    let name = format!("crash-{number}");
    let study = Study::new(&name, TRIALS, SCRIPT).trial("crash_limit = 1000\nresources = { cpus = 1 }");
    let folder = study.write(place);
    fleet.hone.wait_until_held_by(&mut fleet.coordinator);
    fleet.hone.run(&["study", "create", &folder.display().to_string()]).ok();
    name
}

#[test]
fn random_kills_lose_nothing_and_count_nothing_twice() {
    let (kills, seed) = (number("HONE_KILLS", 50), number("HONE_CRASH_SEED", 1));
    let place = Place::new();
    let hone = Hone::new(&place);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut fleet = Fleet::start(&hone);
    let client = Client::new(&hone.socket());
    let mut studies = vec![create(&place, &mut fleet, 0)];
    let witness = Witness::start(&hone.socket());
    for _ in 0..kills {
        wait::outage(Duration::from_millis(random.random_range(0..PAUSE_MS)));
        if client.study("last").is_some_and(|study| study.state == "finished") {
            studies.push(create(&place, &mut fleet, studies.len()));
        }
        fleet.kill(random.random_range(0..3));
    }
    until("the last study is finished", LONG * 4, || client.study("last").filter(|study| study.state == "finished"));
    let seen = witness.stop();
    for study in &studies {
        check_study(&place, &hone, study, TRIALS, &seen);
    }
    place.wait_for_no_trials();
    drop(fleet);
    let verified = hone.run(&["store", "verify", "--deep"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    println!(
        "seed {seed}: {kills} kills, {} studies, {} results acknowledged, {} trials enqueued",
        studies.len(),
        seen.ended.len(),
        seen.enqueued.len()
    );
    assert!(seen.ended.len() as u64 >= studies.len() as u64 * TRIALS / 2, "the witness saw too little to prove anything");
}
