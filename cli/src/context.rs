//! What the options come to: typed text, files and the environment resolved once, before anything is done.

use std::{
    fmt, fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use crate::{
    args::Common,
    connect::Address,
    errors::{Failure, Result},
    output::{Look, remark},
};

/// What commands need to know.
#[derive(Debug)]
pub struct Context {
    /// Folder of the store.
    pub data: PathBuf,
    /// The coordinator that was named; `None`: whoever holds the store.
    pub server: Option<Address>,
    /// What is shown to a named coordinator.
    pub credentials: Credentials,
    /// What standard output allows.
    pub look: Look,
    /// What was typed to name the place, for lines to type next: ` --data DIR`, or empty.
    pub typed_place: String,
}

/// How to convince a coordinator, and to be convinced by it.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Shown with every call.
    pub token: Option<Token>,
    /// Where the token came from, if from a file.
    pub token_file: Option<PathBuf>,
    /// The authority that must vouch for the coordinator, PEM.
    pub authority: Option<String>,
    /// Do without encryption.
    pub plaintext: bool,
}

impl Credentials {
    /// What the token's file holds now, for programs that outlive a token.
    pub fn token_of_file(&self) -> Option<Token> {
        let text = fs::read_to_string(self.token_file.as_deref()?).ok()?;
        Token::new(&text)
    }
}

/// A credential; never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes a credential from the text of a variable or file; `None` when it is empty.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The credential itself, to be sent and never written down.
    pub fn secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The variables that matter, read once.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `XDG_STATE_HOME`
    pub state_home: Option<PathBuf>,
    /// `HOME`
    pub home: Option<PathBuf>,
    /// `HONE_TOKEN`
    pub token: Option<Token>,
}

impl Environment {
    /// Reads the variables of this process.
    pub fn read() -> Self {
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            state_home: path("XDG_STATE_HOME").filter(|path| path.is_absolute()),
            home: path("HOME"),
            token: std::env::var("HONE_TOKEN").ok().and_then(|text| Token::new(&text)),
        }
    }
}

impl Context {
    /// Resolves the common options.
    ///
    /// # Errors
    /// An address that is none, a file that cannot be read, no place for data.
    pub fn resolve(common: &Common, environment: &Environment) -> Result<Self> {
        let server = common.server.as_deref().filter(|text| !text.is_empty()).map(Address::parse).transpose()?;
        Ok(Self {
            data: data_folder(common, environment)?,
            server,
            credentials: credentials(common, environment)?,
            look: Look::of_stdout(common.color),
            typed_place: typed_place(common),
        })
    }
}

/// The options that name the place, unless the environment does and will again.
fn typed_place(common: &Common) -> String {
    let typed = |variable: &str| std::env::var_os(variable).is_none();
    let data = common.data.as_ref().filter(|_| typed("HONE_DATA")).map(|path| format!(" --data {}", path.display()));
    let server = common.server.as_ref().filter(|_| typed("HONE_SERVER")).map(|server| format!(" --server {server}"));
    data.into_iter().chain(server).collect()
}

fn data_folder(common: &Common, environment: &Environment) -> Result<PathBuf> {
    let typed = common.data.clone().filter(|path| !path.as_os_str().is_empty());
    let folder = typed.or_else(|| default_data_folder(environment)).ok_or_else(|| {
        Failure::usage("there is no place for data: neither `HOME` nor `XDG_STATE_HOME` is set")
            .hint("name a folder with `--data`")
    })?;
    // A worker and its trials run elsewhere: the path has to mean the same there.
    std::path::absolute(&folder).map_err(|error| Failure::file("find", &folder, &error))
}

/// Where the platform keeps what programs must not lose.
fn default_data_folder(environment: &Environment) -> Option<PathBuf> {
    if let Some(state) = &environment.state_home {
        return Some(state.join("hone"));
    }
    let home = environment.home.as_ref()?;
    let state = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/state" };
    Some(home.join(state).join("hone"))
}

fn credentials(common: &Common, environment: &Environment) -> Result<Credentials> {
    let authority = common.ca.as_deref().filter(|path| !path.as_os_str().is_empty());
    let authority = authority.map(|path| fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error)));
    Ok(Credentials {
        token: token(common.token_file.as_deref(), environment)?,
        token_file: common.token_file.clone(),
        authority: authority.transpose()?,
        plaintext: common.insecure_plaintext,
    })
}

/// Takes the credential from the file that was named, else from the environment.
///
/// # Errors
/// The file cannot be read, or is empty.
pub fn token(file: Option<&Path>, environment: &Environment) -> Result<Option<Token>> {
    let Some(path) = file else { return Ok(environment.token.clone()) };
    let text = fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
    if open_to_others(path).unwrap_or(false) {
        remark(&format!("warning: others on this machine can read `{0}`; `chmod 600 {0}` keeps it secret", path.display()));
    }
    let token = Token::new(&text).ok_or_else(|| Failure::usage(format!("`{}` holds no token", path.display())))?;
    Ok(Some(token))
}

fn open_to_others(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o004 != 0)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Cli;

    fn resolved(line: &[&str], environment: &Environment) -> Result<Context> {
        let words = ["hone"].iter().chain(line).chain(&["study", "ls"]);
        let cli = Cli::try_parse_from(words).unwrap();
        Context::resolve(&cli.common, environment)
    }

    fn environment() -> Environment {
        Environment { state_home: None, home: Some("/home/ada".into()), token: Token::new(" from-environment\n") }
    }

    #[test]
    fn data_lies_in_the_state_folder_unless_named() {
        let context = resolved(&["--data", "/data"], &environment()).unwrap();
        assert_eq!(context.data, Path::new("/data"));
        let context = resolved(&[], &Environment { state_home: Some("/state".into()), ..environment() }).unwrap();
        assert_eq!(context.data, Path::new("/state/hone"));
        let nowhere = resolved(&[], &Environment::default()).unwrap_err();
        assert_eq!(nowhere.kind.exit_code(), 2);
        assert!(nowhere.to_string().contains("--data"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn data_lies_below_home_where_no_state_folder_is_named() {
        assert_eq!(resolved(&[], &environment()).unwrap().data, Path::new("/home/ada/.local/state/hone"));
    }

    #[test]
    fn a_relative_data_folder_is_made_absolute() {
        assert!(resolved(&["--data", "here"], &environment()).unwrap().data.is_absolute());
    }

    #[test]
    fn a_token_file_wins_over_the_environment_and_must_not_be_empty() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "from-file\n").unwrap();
        let token = |path: Option<&Path>| token(path, &environment());
        assert_eq!(token(Some(&path)).unwrap(), Token::new("from-file"));
        assert_eq!(token(None).unwrap(), Token::new("from-environment"));
        fs::write(&path, " \n").unwrap();
        assert_eq!(token(Some(&path)).unwrap_err().kind.exit_code(), 2);
        assert_eq!(token(Some(Path::new("/nonexistent"))).unwrap_err().kind.exit_code(), 2);
    }

    #[test]
    fn a_token_is_never_shown() {
        let context = resolved(&[], &environment()).unwrap();
        let shown = format!("{context:?}");
        assert!(!shown.contains("from-environment"), "{shown}");
    }
}
