//! Runs the writer under the recording shim and reads what it recorded.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One recorded call that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// A new file.
    Create(PathBuf),
    /// A new folder.
    MakeFolder(PathBuf),
    /// Bytes at an offset of a file.
    Write(PathBuf, u64, Vec<u8>),
    /// A new length of a file.
    Truncate(PathBuf, u64),
    /// A sync of a file or folder.
    Sync(PathBuf),
    /// A new name for a file or folder.
    Rename(PathBuf, PathBuf),
    /// A removed file or folder.
    Remove(PathBuf),
}

/// Compiles the shim; the tests of this folder need a C compiler.
fn compile(into: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crash_images/shim.c");
    let library = into.join("shim.so");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut command = Command::new(compiler);
    command.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).args(["-ldl", "-lpthread"]);
    let output = command.output().expect("a C compiler, `cc` or `$CC`, is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

/// Starts the test `writer` of this program with `settings`, recording everything below `dir`.
pub fn run(writer: &str, settings: &[(&str, String)], dir: &Path, work: &Path) -> Vec<Operation> {
    let log = work.join("log");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", writer, "--nocapture"]).envs(settings.iter().cloned());
    command.env("LD_PRELOAD", compile(work)).env("HONE_RECORD_DIR", dir).env("HONE_RECORD_LOG", &log);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}\n{errors}");
    parse(&std::fs::read(log).unwrap())
}

fn parse(mut log: &[u8]) -> Vec<Operation> {
    let mut operations = Vec::new();
    while !log.is_empty() {
        let kind = take(&mut log, 1)[0];
        let value = u64::from_le_bytes(take(&mut log, 8).try_into().unwrap());
        let lengths = [(); 3].map(|()| u32::from_le_bytes(take(&mut log, 4).try_into().unwrap()));
        let [path, second, data] = lengths.map(|length| take(&mut log, length as usize).to_vec());
        let [path, second] = [path, second].map(|text| PathBuf::from(String::from_utf8(text).unwrap()));
        operations.push(match kind {
            b'c' => Operation::Create(path),
            b'm' => Operation::MakeFolder(path),
            b'w' => Operation::Write(path, value, data),
            b't' => Operation::Truncate(path, value),
            b's' => Operation::Sync(path),
            b'r' => Operation::Rename(path, second),
            b'u' => Operation::Remove(path),
            other => panic!("an unknown record {other}"),
        });
    }
    operations
}

fn take<'a>(log: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (first, rest) = log.split_at(length);
    *log = rest;
    first
}
