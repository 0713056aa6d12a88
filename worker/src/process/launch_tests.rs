use std::{fs, io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};

use super::*;

/// What a started program has left.
struct Seen {
    pid: i32,
    code: Option<i32>,
    output: String,
    errors: String,
}

fn launch(program: &str, arguments: &[&str]) -> Launch {
    let path = std::env::var_os("PATH").expect("a path");
    Launch {
        program: program.into(),
        arguments: arguments.iter().map(Into::into).collect(),
        environment: [("PATH".into(), path)].into(),
        folder: "/".into(),
    }
}

fn run(launch: &Launch) -> io::Result<Seen> {
    let (pid, pipes) = Launcher::open().expect("a launcher").launch(launch)?;
    let text = |descriptor: OwnedFd| {
        let mut text = String::new();
        File::from(descriptor).read_to_string(&mut text).expect("text");
        text
    };
    let (output, errors) = (text(pipes.output), text(pipes.errors));
    let ended = rustix::process::waitpid(Pid::from_raw(pid), WaitOptions::empty()).expect("its end");
    Ok(Seen { pid, code: ended.and_then(|(_, status)| status.exit_status()), output, errors })
}

fn error(launch: &Launch) -> Option<i32> {
    run(launch).err().expect("an error").raw_os_error()
}

fn program_at(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn with_path(launch: Launch, folders: &[&Path]) -> Launch {
    let path = std::env::join_paths(folders).expect("a path");
    Launch { environment: [("PATH".into(), path)].into(), ..launch }
}

#[test]
fn output_errors_and_exit_code_arrive_and_input_is_empty() {
    let seen = run(&launch("sh", &["-c", "cat; echo out; echo err >&2; exit 7"])).expect("a run");
    assert_eq!((seen.code, seen.output.as_str(), seen.errors.as_str()), (Some(7), "out\n", "err\n"));
}

#[test]
fn the_environment_and_the_folder_are_the_given_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let environment = [("ONLY".into(), "one = 1".into())].into();
    let seen = run(&Launch { environment, folder: folder.path().to_owned(), ..launch("/bin/sh", &["-c", "env; pwd -P"]) });
    let text = seen.expect("a run").output;
    let place = folder.path().canonicalize().expect("a path");
    assert!(text.contains("ONLY=one = 1\n") && !text.contains("CARGO"), "{text}");
    assert!(text.ends_with(&format!("{}\n", place.display())), "{text}");
}

#[test]
fn it_leads_a_group_of_its_own() {
    let seen = run(&launch("sh", &["-c", "cut -d' ' -f5 /proc/$$/stat"])).expect("a run");
    assert_eq!(seen.output.trim(), seen.pid.to_string());
}

#[test]
fn no_signal_is_blocked_ignored_or_handled() {
    // Rust ignores SIGPIPE, which a plain exec would hand on; the other two are what a careless starter leaves.
    // SAFETY: ignoring a signal installs no handler.
    let former = unsafe { libc::signal(libc::SIGUSR2, libc::SIG_IGN) };
    let blocked = SignalsBlocked::all().expect("blocked");
    let seen = run(&launch("cat", &["/proc/self/status"])).expect("a run");
    drop(blocked);
    // SAFETY: puts back what was there.
    unsafe { libc::signal(libc::SIGUSR2, former) };
    for name in ["SigBlk", "SigIgn", "SigCgt"] {
        assert!(seen.output.contains(&format!("{name}:\t0000000000000000\n")), "{}", seen.output);
    }
}

#[test]
fn the_mask_of_the_starting_thread_is_as_before() {
    let mask = || {
        let status = fs::read_to_string("/proc/thread-self/status").expect("a status");
        status.lines().find(|line| line.starts_with("SigBlk")).map(str::to_owned)
    };
    let before = mask();
    run(&launch("true", &[])).expect("a run");
    error(&launch("no-such-program", &[]));
    assert_eq!(mask(), before);
}

#[test]
fn no_descriptor_of_the_worker_reaches_it() {
    // Whoever started this process may have left some open for everybody, and these are handed on.
    let is_inherited = |number: &RawFd| {
        let info = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:\t"));
        flags.and_then(|flags| i32::from_str_radix(flags, 8).ok()).is_some_and(|flags| flags & libc::O_CLOEXEC == 0)
    };
    let seen = run(&launch("ls", &["/proc/self/fd"])).expect("a run");
    let numbers = seen.output.lines().map(|line| line.parse::<RawFd>().expect("a number"));
    // The folder that `ls` reads is its own.
    let found: Vec<RawFd> = numbers.filter(|number| *number > 2).collect();
    let surplus = found.iter().filter(|number| !is_inherited(number)).count();
    assert!(surplus <= 1, "{found:?}");
}

#[test]
fn what_cannot_be_executed_is_told_by_its_number() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = folder.path().join("plain");
    program_at(&plain, "text", 0o644);
    let absolute = plain.to_str().expect("a name");
    assert_eq!(error(&launch("no-such-program", &[])), Some(libc::ENOENT));
    assert_eq!(error(&launch("", &[])), Some(libc::ENOENT));
    assert_eq!(error(&launch("/no/such/program", &[])), Some(libc::ENOENT));
    assert_eq!(error(&launch(absolute, &[])), Some(libc::EACCES));
    assert_eq!(error(&launch("/", &[])), Some(libc::EACCES));
    assert_eq!(error(&Launch { folder: "/no/such/folder".into(), ..launch("true", &[]) }), Some(libc::ENOENT));
    let program = run(&launch("tr\0ue", &[])).err().expect("an error");
    assert_eq!(program.kind(), io::ErrorKind::InvalidInput);
}

#[test]
fn the_path_is_searched_as_a_shell_does() {
    let (first, second) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    program_at(&first.path().join("tool"), "#!/bin/sh\necho first", 0o644);
    let folders = [Path::new("/no/such/folder"), first.path(), second.path()];
    // What may not be executed is passed over, and is the reason when there is nothing else.
    assert_eq!(error(&with_path(launch("tool", &[]), &folders)), Some(libc::EACCES));
    program_at(&second.path().join("tool"), "#!/bin/sh\necho second", 0o755);
    assert_eq!(run(&with_path(launch("tool", &[]), &folders)).expect("a run").output, "second\n");
    // Relative names are looked for in the working directory.
    let inside = Launch { folder: second.path().to_owned(), ..launch("./tool", &[]) };
    assert_eq!(run(&inside).expect("a run").output, "second\n");
    let no_path = Launch { environment: BTreeMap::new(), ..launch("echo", &["found"]) };
    assert_eq!(run(&no_path).expect("a run").output, "found\n");
}

#[test]
fn a_script_without_a_first_line_is_run_by_the_shell() {
    let folder = tempfile::tempdir().expect("a folder");
    program_at(&folder.path().join("script"), "echo \"$0 $1 $2\"", 0o755);
    let seen = run(&with_path(launch("script", &["one", "two"]), &[folder.path()])).expect("a run");
    assert_eq!(seen.output, format!("{} one two\n", folder.path().join("script").display()));
}

#[test]
fn a_megabyte_of_arguments_and_variables_arrives() {
    let word = "x".repeat(100_000);
    let mut big = launch("sh", &["-c", "echo $# $BIG7"]);
    big.arguments.extend(std::iter::repeat_n(OsString::from(&word), 6));
    for number in 0..5 {
        big.environment.insert(format!("V{number}").into(), (&word).into());
    }
    big.environment.insert("BIG7".into(), "seven".into());
    assert_eq!(run(&big).expect("a run").output, "5 seven\n");
    big.arguments.push("x".repeat(1 << 22).into());
    assert_eq!(error(&big), Some(libc::E2BIG));
}

#[test]
fn descriptors_in_the_place_of_the_standard_ones_are_moved() {
    let file = File::open("/dev/null").expect("a file");
    let number = file.as_raw_fd();
    assert_eq!(above_standard(file.into()).expect("a descriptor").as_raw_fd(), number);
    let low = rustix::io::fcntl_dupfd_cloexec(std::io::stdin(), 0).expect("a descriptor");
    assert!(above_standard(low).expect("a descriptor").as_raw_fd() > 2);
}
