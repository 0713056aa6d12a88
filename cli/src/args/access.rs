//! `hone label invite`, `sessions`, `revoke`: who may come to the page.

use clap::{Args, Subcommand};

use super::{ListFormat, ShowFormat};

#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// Let an annotator in: prints a link for their browser that works once, or a token for their programs
    #[command(
        after_help = "Examples:\n    hone label invite ada\n    hone label invite ada --project reviews --session 30d\n    \
                            hone label invite ada --token"
    )]
    Invite(InviteArgs),
    /// List who may come in: invites that wait, sessions, tokens
    #[command(after_help = "Examples:\n    hone label sessions\n    hone label sessions --output json")]
    Sessions {
        #[command(flatten)]
        format: ListFormat,
    },
    /// Take back an invite, a session or a token, or all of an annotator
    #[command(after_help = "Examples:\n    hone label revoke k7m2qd5a\n    hone label revoke ada")]
    Revoke {
        /// Its id in `hone label sessions`, or the annotator's name
        what: String,
    },
}

#[derive(Debug, Args)]
pub struct InviteArgs {
    /// Name of the annotator
    pub name: String,
    /// Only this project; may be given several times [default: all, also later ones]
    #[arg(short, long, value_name = "PROJECT")]
    pub project: Vec<String>,
    /// How long the link may be used, or the token is good [default: 24h, a token 30d]
    #[arg(long, value_name = "TIME")]
    pub expires: Option<String>,
    /// How long they may stay once they have come in
    #[arg(long, value_name = "TIME", default_value = "12h", conflicts_with = "token")]
    pub session: String,
    /// A token for programs, instead of a link for a browser
    #[arg(long)]
    pub token: bool,
    #[command(flatten)]
    pub format: ShowFormat,
}
