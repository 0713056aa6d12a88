//! What the journal does when there is no room: once on a small file system of its own, once under
//! a limit on the size of files, which needs no rights.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::testing::{fill, open, payload, read_back};
use super::{Journal, JournalError, SledJournal};

/// Tells the child process where to work; set by [`under_a_file_size_limit`] alone.
const CHILD_DIR: &str = "HONE_TEST_LIMITED_DIR";
/// Largest file that the child may write, bytes.
const LIMIT_BYTES: u64 = 12 << 20;

/// Commits until the journal refuses; the head that was acknowledged last.
fn fill_up(journal: &mut SledJournal) -> u64 {
    for _ in 0..5_000 {
        let number = journal.head().sequence + 1;
        let acknowledged = journal.head();
        match journal.append(&[vec![payload(number, 8_000)]]) {
            Ok(head) => assert_eq!(head.sequence, number),
            Err(JournalError::Full { .. }) => {
                assert_eq!(journal.head(), acknowledged);
                return acknowledged.sequence;
            }
            Err(other) => panic!("a full disk is not named: {other}"),
        }
    }
    panic!("the disk did not become full");
}

/// Fills the disk, makes room, goes on; nothing acknowledged is lost on the way.
fn fill_free_and_go_on(dir: &Path, make_room: impl FnOnce()) {
    let mut journal = open(dir).unwrap();
    let acknowledged = fill_up(&mut journal);
    let refused = journal.append(&[vec![payload(acknowledged + 1, 10)]]);
    assert!(matches!(refused, Err(JournalError::Poisoned { .. })));
    match journal.reopen() {
        Err(error) => assert!(error.may_reopen(), "{error}"),
        Ok(head) => assert!(head.sequence >= acknowledged),
    }
    make_room();
    let head = journal.reopen().unwrap();
    assert!(head.sequence >= acknowledged, "{} of {acknowledged}", head.sequence);
    let events = read_back(&mut journal).unwrap();
    assert_eq!(events.len() as u64, head.sequence);
    let head = fill(&mut journal, 20, 8_000);
    drop(journal);
    let mut journal = open(dir).unwrap();
    assert_eq!(journal.head(), head);
    read_back(&mut journal).unwrap();
}

/// A file system of its own, unmounted when dropped.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    fn mount(megabytes: u32) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).output();
        mount.is_ok_and(|output| output.status.success()).then_some(Self(dir))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

#[test]
fn a_full_file_system_loses_nothing_and_work_goes_on_after_room_is_made() {
    let Some(tmpfs) = Tmpfs::mount(40) else {
        // No right to mount: the same story runs under a limit instead.
        under_a_file_size_limit();
        return;
    };
    for round in 0..12_u64 {
        let filler = tmpfs.0.path().join("filler");
        let bytes = (20 << 20) + round * 333_333;
        fs::write(&filler, vec![1; bytes as usize]).unwrap();
        let dir = tmpfs.0.path().join(format!("store-{round}"));
        fill_free_and_go_on(&dir, || fs::remove_file(&filler).unwrap());
        fs::remove_dir_all(&dir).unwrap();
    }
}

/// Runs [`limited_child`] in a process whose files cannot grow beyond [`LIMIT_BYTES`].
fn under_a_file_size_limit() {
    let dir = tempfile::tempdir().unwrap();
    let script = format!("ulimit -S -f {}; trap '' XFSZ; exec \"$0\" \"$@\"", LIMIT_BYTES / 512);
    let mut child = Command::new("sh");
    child.args(["-c", &script]).arg(std::env::current_exe().unwrap());
    child.args(["--exact", "journal::full_tests::limited_child"]).env(CHILD_DIR, dir.path());
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    assert!(dir.path().join("went on").exists(), "{text}");
}

#[test]
fn a_file_size_limit_loses_nothing_and_work_goes_on_after_it_is_lifted() {
    under_a_file_size_limit();
}

/// Does nothing unless started by [`under_a_file_size_limit`].
#[test]
fn limited_child() {
    let Some(dir) = std::env::var_os(CHILD_DIR).map(PathBuf::from) else {
        return;
    };
    let lift = || {
        let maximum = getrlimit(Resource::Fsize).maximum;
        setrlimit(Resource::Fsize, Rlimit { current: maximum, maximum }).unwrap();
    };
    fill_free_and_go_on(&dir.join("store"), lift);
    fs::write(dir.join("went on"), b"").unwrap();
}
