//! What only root may set up: small and read-only file systems, network namespaces. Each is taken down when dropped.
//! A test that needs them fails without the rights, because a skipped test would read as a passed one.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

/// Runs a command of the system, which has to succeed.
#[track_caller]
pub fn system(words: &[&str]) {
    let output =
        Command::new(words[0]).args(&words[1..]).output().unwrap_or_else(|error| panic!("cannot run {words:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?} failed (these tests run as root on Linux): {said}");
}

/// A mounted file system in memory.
#[derive(Debug)]
pub struct Tmpfs {
    path: PathBuf,
}

impl Tmpfs {
    /// Mounts one of this size at a new folder.
    pub fn mount(path: &Path, size: &str) -> Tmpfs {
        std::fs::create_dir_all(path).expect("a folder to mount at");
        system(&["mount", "-t", "tmpfs", "-o", &format!("size={size},mode=700"), "hone-it", &path.to_string_lossy()]);
        Tmpfs { path: path.to_owned() }
    }

    /// From now on nobody can write to it.
    pub fn make_read_only(&self) {
        system(&["mount", "-o", "remount,ro", &self.path.to_string_lossy()]);
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: processes that are being killed may still have files open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.path).status();
    }
}

/// Another host as far as the network goes: a namespace, with one link to this one.
#[derive(Debug)]
pub struct Host {
    name: String,
    link: String,
    /// This side's address on the link.
    pub here: String,
}

impl Host {
    /// Makes a host. Addresses are from 198.18.0.0/15, which is set aside for tests of networks (RFC 2544).
    pub fn new() -> Host {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let subnet = (process.wrapping_mul(4) + number) % 16_384;
        let (third, fourth) = (subnet / 64, subnet % 64 * 4);
        let host = Host {
            name: format!("hone-it-{process}-{number}"),
            link: format!("hit{}x{number}", process % 1_000_000),
            here: format!("198.18.{third}.{}", fourth + 1),
        };
        host.set_up(&format!("198.18.{third}.{}", fourth + 2));
        host
    }

    fn set_up(&self, there: &str) {
        let Host { name, link, here } = self;
        let peer = format!("{link}p");
        system(&["ip", "netns", "add", name]);
        system(&["ip", "link", "add", link, "type", "veth", "peer", "name", &peer]);
        system(&["ip", "link", "set", &peer, "netns", name]);
        system(&["ip", "address", "add", &format!("{here}/30"), "dev", link]);
        system(&["ip", "link", "set", link, "up"]);
        system(&["ip", "-n", name, "address", "add", &format!("{there}/30"), "dev", &peer]);
        system(&["ip", "-n", name, "link", "set", &peer, "up"]);
        system(&["ip", "-n", name, "link", "set", "lo", "up"]);
    }

    /// Cuts the link, or mends it.
    pub fn set_link(&self, up: bool) {
        system(&["ip", "link", "set", &self.link, if up { "up" } else { "down" }]);
    }

    /// A command on that host that sees nothing in `hidden`: each becomes an empty folder of its own.
    pub fn command(&self, hidden: &[&Path], command: &[String]) -> Command {
        let mounts: Vec<String> = hidden.iter().map(|path| format!("mount -t tmpfs hone-it '{}' && ", path.display())).collect();
        let script = format!("{}exec \"$@\"", mounts.concat());
        let mut outer = Command::new("ip");
        outer.args(["netns", "exec", &self.name, "unshare", "--mount", "sh", "-c", &script, "sh"]).args(command);
        outer
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["link", "delete", &self.link]).status();
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}
