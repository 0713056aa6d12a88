//! The `hone` under test: the one beside the test program, unless `HONE_BINARY` names another.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// The path of `hone`; built first where there is none.
pub fn hone() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| env::var_os("HONE_BINARY").map_or_else(beside_the_tests, PathBuf::from))
}

/// `target/PROFILE/hone`: this program is `target/PROFILE/deps/it-…`.
fn beside_the_tests() -> PathBuf {
    let program = env::current_exe().expect("the path of this program");
    let profile = program.ancestors().nth(2).expect("target/PROFILE/deps/it").to_owned();
    let hone = profile.join("hone");
    if !hone.exists() {
        build(&profile);
    }
    assert!(hone.exists(), "there is no `{}`; build it with `cargo build -p hone-cli`", hone.display());
    hone
}

fn build(profile: &Path) {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--package", "hone-cli"]).current_dir(repository());
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo");
    assert!(status.success(), "`hone` cannot be built");
}

/// The root of the checkout.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}
