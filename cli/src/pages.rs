//! `hone completion` and `hone man`, made from the definition of the commands.

use std::fs;

use clap::CommandFactory;

use crate::{
    args::{Cli, CompletionArgs, ManArgs},
    errors::{Failure, Result},
    output::{print_bytes, print_line},
};

/// Writes a completion script to standard output.
///
/// # Errors
/// Standard output is closed or cannot be written.
pub fn completion(args: &CompletionArgs) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "hone", &mut script);
    print_bytes(&script)
}

/// Writes one page per command into a folder.
///
/// # Errors
/// The folder cannot be made or written.
pub fn man(args: &ManArgs) -> Result<()> {
    let directory = &args.directory;
    let write = fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(Cli::command(), directory));
    write.map_err(|error| Failure::file("write the pages into", directory, &error))?;
    print_line(&format!("wrote the manual pages into {}", directory.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_visible_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        man(&ManArgs { directory: folder.path().join("man1") }).unwrap();
        let page = |name: &str| folder.path().join("man1").join(name).exists();
        assert!(page("hone.1") && page("hone-run.1") && page("hone-study-export.1"));
        assert!(!page("hone-__guard.1"));
    }
}
