//! Programs that tests run: this test binary again, with one of these by name.

use std::io::{Read as _, Write as _};

use hone_worker::{
    process::{
        guard::Guard,
        spawn::{self, Launch},
    },
    report::{self, Verdict},
};

/// The command that runs the helper of this name.
pub fn command(name: &str) -> Vec<String> {
    let own = std::env::current_exe().expect("this binary");
    let own = own.to_str().expect("a name").to_owned();
    vec![own, "--ignored".to_owned(), "--exact".to_owned(), "--nocapture".to_owned(), format!("helpers::{name}")]
}

/// As a trial's program.
pub fn trial(name: &str) -> hone_proto::worker::Program {
    let command = command(name);
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    crate::bench::program(&words)
}

#[test]
#[ignore = "a program that other tests run"]
fn guard() {
    hone_worker::guard_main();
}

/// Reports three steps, stops when told to.
#[test]
#[ignore = "a program that other tests run"]
fn reporter() {
    for step in 1..=3 {
        let metrics = [("loss".to_owned(), 1.0 / step as f64), ("odd".to_owned(), f64::NAN)];
        if report::report(Some(step), &metrics).expect("a verdict") == Verdict::Prune {
            println!("pruned at {step}");
            return;
        }
    }
}

/// Writes a checkpoint and fails; finds it again and succeeds.
#[test]
#[ignore = "a program that other tests run"]
fn saver() {
    let folder = std::path::PathBuf::from(std::env::var_os("HONE_CHECKPOINT").expect("a folder"));
    let file = folder.join("deep").join("state");
    if let Ok(state) = std::fs::read_to_string(&file) {
        println!("resumed from {state}");
        return;
    }
    assert!(report::checkpoint(None).is_err(), "there is nothing to keep yet");
    std::fs::create_dir_all(folder.join("deep")).expect("a folder");
    std::fs::write(&file, "step 5").expect("a file");
    report::checkpoint(Some(5)).expect("kept");
    // What is written after that belongs to the next one.
    std::fs::write(&file, "step 6, torn").expect("a file");
    std::process::exit(9);
}

/// Stands for a worker: a guard, a trial in its group and one that left it. Waits to be killed.
#[test]
#[ignore = "a program that other tests run"]
fn doomed_worker() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let guard: Vec<_> = command("guard").into_iter().map(Into::into).collect();
        let mut guard = Guard::start(&guard, "doomed").expect("a guard");
        let text = "trap '' TERM; setsid sleep 600 & echo $!; sleep 600 & echo $!; wait";
        let (leader, pipes) = spawn::spawn(shell(text)).await.expect("a trial");
        guard.add(leader.pid(), leader.start_ticks()).expect("a guard");
        println!("pid {}", leader.pid());
        let mut output = std::fs::File::from(pipes.output);
        let mut byte = [0];
        let mut line = String::new();
        while output.read(&mut byte).expect("output") == 1 {
            line.push(char::from(byte[0]));
            if byte[0] == b'\n' {
                print!("pid {line}");
                std::io::stdout().flush().expect("written");
                line.clear();
            }
        }
    });
}

/// Stands for a worker without a guard. Waits to be killed.
#[test]
#[ignore = "a program that other tests run"]
fn unguarded_worker() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (mut leader, _pipes) = spawn::spawn(shell("trap '' TERM HUP; while :; do sleep 1; done")).await.expect("a trial");
        println!("pid {}", leader.pid());
        leader.wait().await.expect("its end");
    });
}

fn shell(text: &str) -> Launch {
    let variables = [("HONE_WORKER_MARK", "doomed:7-1:")];
    Launch {
        program: "sh".into(),
        arguments: vec!["-c".into(), text.into()],
        environment: variables.map(|(name, value)| (name.into(), value.into())).into(),
        folder: "/".into(),
    }
}
