//! `hone init`: a study to start from.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::{
    args::{InitArgs, Template},
    errors::{Failure, Kind, Result},
    output::print,
};

/// A file of a template.
#[derive(Clone, Copy, Debug)]
struct Part {
    name: &'static str,
    bytes: &'static [u8],
    executable: bool,
}

macro_rules! part {
    ($folder:literal, $name:literal, $executable:literal) => {
        Part {
            name: $name,
            bytes: include_bytes!(concat!("../../studies/examples/", $folder, "/", $name)),
            executable: $executable,
        }
    };
}

const PYTHON: &[Part] = &[
    part!("python", "study.toml", false),
    part!("python", "train.py", true),
    part!("python", "wine.csv", false),
    part!("python", "NOTICE", false),
    part!("python", ".honeignore", false),
];

const SHELL: &[Part] = &[part!("shell", "study.toml", false), part!("shell", "descend.sh", true)];

/// Writes the template and says what comes next.
///
/// # Errors
/// The folder has something in it, or cannot be written.
pub fn command(args: &InitArgs) -> Result<()> {
    let directory = &args.directory;
    let parts = match args.template {
        Template::Python => PYTHON,
        Template::Shell => SHELL,
    };
    make_empty(directory)?;
    for part in parts {
        write(directory, part).map_err(|error| Failure::file("write", &directory.join(part.name), &error))?;
    }
    let shown = directory.display();
    print(&format!(
        "wrote a study into {shown}\n\n\
         next:\n    hone run {shown} --dry-run    what it searches\n    hone run {shown}\n"
    ))
}

fn make_empty(directory: &Path) -> Result<()> {
    fs::create_dir_all(directory).map_err(|error| Failure::file("make", directory, &error))?;
    let mut entries = fs::read_dir(directory).map_err(|error| Failure::file("read", directory, &error))?;
    if entries.next().is_some() {
        let message = format!("`{}` is not empty", directory.display());
        return Err(Failure::new(Kind::Refused, message).hint("name a folder that does not exist yet"));
    }
    Ok(())
}

fn write(directory: &Path, part: &Part) -> io::Result<()> {
    let mode = if part.executable { 0o755 } else { 0o644 };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(directory.join(part.name))?;
    match part.name {
        "study.toml" => file.write_all(named_after(directory, part.bytes).as_bytes()),
        _ => file.write_all(part.bytes),
    }
}

/// Leaves the name out of the study file: a study without one is called like its folder.
fn named_after(directory: &Path, bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let folder = directory.canonicalize().ok();
    let name = folder.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in lines.iter_mut().filter(|line| line.starts_with("name = ")) {
        *line = format!("name = {}", toml_edit::Value::from(name.clone().unwrap_or_default()));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn initialised(template: Template) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        command(&InitArgs { template, directory: folder.path().join("my \"study\"") }).unwrap();
        folder
    }

    #[test]
    fn every_template_is_a_study_called_like_its_folder() {
        for template in [Template::Python, Template::Shell] {
            let folder = initialised(template);
            let path = folder.path().join("my \"study\"").join("study.toml");
            let spec = hone_studies::file::parse(&fs::read_to_string(path).unwrap(), "study.toml").unwrap();
            assert_eq!(spec.name, "my \"study\"");
        }
    }

    #[test]
    fn a_folder_that_is_not_empty_is_left_alone() {
        let folder = initialised(Template::Shell);
        let again = InitArgs { template: Template::Python, directory: folder.path().join("my \"study\"") };
        assert_eq!(command(&again).unwrap_err().kind.exit_code(), 4);
        assert!(!again.directory.join("train.py").exists());
    }
}
