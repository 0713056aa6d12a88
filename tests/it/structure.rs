//! What the documents promise about the shape of the repository.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

use crate::support::{Hone, Place, binary::repository};

/// Who may use whom; as in `ARCHITECTURE.md`.
fn allowed() -> BTreeMap<&'static str, Vec<&'static str>> {
    let core = ["hone-consensus", "hone-search", "hone-studies"];
    BTreeMap::from([
        ("hone-consensus", vec![]),
        ("hone-search", vec![]),
        ("hone-bench", vec!["hone-search"]),
        ("hone-studies", vec!["hone-consensus", "hone-search"]),
        ("hone-proto", vec![]),
        ("hone-data", vec![]),
        ("hone-coordinator", [&core[..], &["hone-data", "hone-proto"]].concat()),
        ("hone-worker", vec!["hone-data", "hone-proto"]),
        ("hone-cli", [&core[..], &["hone-coordinator", "hone-worker", "hone-data", "hone-proto"]].concat()),
        ("hone-tests", [&core[..], &["hone-cli", "hone-coordinator", "hone-worker", "hone-data", "hone-proto"]].concat()),
    ])
}

/// What cargo says of the workspace.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--locked"])
        .current_dir(repository())
        .output()
        .expect("cargo metadata");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// `cargo run` refuses to choose among several programs, and the README's first command is one.
#[test]
fn there_is_one_program_to_run() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    let defaults = metadata["workspace_default_members"].as_array().expect("default members");
    let targets = packages.iter().filter(|package| defaults.contains(&package["id"])).flat_map(|package| {
        let targets = package["targets"].as_array().expect("targets");
        targets.iter().filter(|target| target["kind"][0] == "bin")
    });
    let programs: Vec<&str> = targets.filter_map(|target| target["name"].as_str()).collect();
    assert_eq!(programs, ["hone"]);
}

#[test]
fn dependencies_run_one_way() {
    let metadata = metadata();
    let allowed = allowed();
    let packages = metadata["packages"].as_array().expect("packages");
    assert_eq!(packages.len(), allowed.len(), "a crate is missing in this test or in `ARCHITECTURE.md`");
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        let may_use = allowed.get(name).unwrap_or_else(|| panic!("`{name}` is not in `ARCHITECTURE.md`"));
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let used = dependency["name"].as_str().expect("a name");
            // Tests of a crate may use what they like.
            let is_ours = used.starts_with("hone-") && dependency["kind"].is_null();
            assert!(!is_ours || may_use.contains(&used), "`{name}` must not depend on `{used}`");
        }
    }
}

fn documents() -> Vec<PathBuf> {
    let root = repository();
    let mut found = vec![root.join("README.md"), root.join("ARCHITECTURE.md")];
    let mut folders = vec![root.join("docs"), root.join("studies/examples")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// Targets of `[text](target)` that are files.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.filter(|target| !target.contains("://") && !target.starts_with('#') && !target.contains(' '));
    files.map(|target| target.split('#').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap_or_else(|error| panic!("`{}`: {error}", document.display()));
        let folder = document.parent().unwrap_or(Path::new("/"));
        for link in links(&text) {
            assert!(folder.join(&link).exists(), "`{}` links to `{link}`, which is not there", document.display());
        }
    }
}

/// Commands of `hone`, as words: read from the help texts, group by group.
fn commands(hone: &Hone, group: &[String]) -> BTreeSet<Vec<String>> {
    let help = hone.run(&[group, &["--help".to_owned()]].concat()).ok();
    let Some(list) = help.split("Commands:\n").nth(1) else { return BTreeSet::new() };
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    let names = lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names
        .flat_map(|name| {
            let command = [group, &[name.to_owned()]].concat();
            let below = commands(hone, &command);
            below.into_iter().chain([command])
        })
        .collect()
}

/// As names of commands are, and options are not.
fn is_a_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.chars().all(|at| at.is_ascii_lowercase() || at == '-')
}

/// What a document calls `hone …`, in code or in text, up to the first word that is no command's.
fn mentioned(text: &str, known: &BTreeSet<Vec<String>>) -> Vec<(String, bool)> {
    let uses = text.split('`').skip(1).step_by(2).filter(|code| code.starts_with("hone "));
    uses.map(|code| {
        let words: Vec<String> = code.split_whitespace().skip(1).take_while(|word| is_a_word(word)).map(str::to_owned).collect();
        let is_known = words.is_empty() || (1..=words.len()).any(|length| known.contains(&words[..length]));
        (code.to_owned(), is_known)
    })
    .collect()
}

#[test]
fn every_command_in_the_documents_exists_and_every_command_is_documented() {
    let place = Place::new();
    let known = commands(&Hone::new(&place), &[]);
    assert!(known.len() > 25, "the help texts list {known:?}");
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document").replace("```", "");
        for (code, is_known) in mentioned(&text, &known) {
            assert!(is_known, "`{}` speaks of `{code}`, which is no command", document.display());
        }
    }
    let page = fs::read_to_string(repository().join("docs/cli.md")).expect("docs/cli.md");
    for command in known {
        assert!(is_documented(&page, &command), "`docs/cli.md` does not have `hone {}`", command.join(" "));
    }
}

/// Written out, or in short beside another one of its group: `hone study pause STUDY`, `resume STUDY`.
fn is_documented(page: &str, command: &[String]) -> bool {
    let (name, group) = command.split_last().expect("a name");
    let (whole, group) = (format!("hone {}", command.join(" ")), format!("`hone {}", group.join(" ")));
    let in_short = |line: &str| line.contains(&group) && line.contains(&format!("`{name}"));
    page.contains(&whole) || page.lines().any(in_short)
}
