//! Where a coordinator listens, as people write it.

use std::{fmt, net::IpAddr, path::PathBuf};

use crate::errors::{Failure, Result};

/// The port that a coordinator listens on unless told otherwise.
pub const DEFAULT_PORT: u16 = 7171;

/// Where a coordinator listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A socket on this machine, in a folder of its owner's.
    Unix(PathBuf),
    /// A host and a port.
    Tcp {
        /// A name, or an address without brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Address {
    /// Reads `unix:PATH`, `HOST:PORT`, `HOST` or `[ADDRESS]:PORT`.
    ///
    /// # Errors
    /// The text is none of these.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || Failure::usage(format!("`{text}` is no address")).hint("write `HOST:PORT` or `unix:PATH`");
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(wrong()) } else { Ok(Self::Unix(path.into())) };
        }
        let (host, port) = split(text).ok_or_else(wrong)?;
        let valid = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || "/@?#%".contains(c));
        if !valid {
            return Err(wrong());
        }
        Ok(Self::Tcp { host: host.to_owned(), port })
    }

    /// Whether what is sent there stays on this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            Self::Tcp { host, .. } => host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        }
    }

    /// The address as a part of a URI.
    pub fn authority(&self) -> String {
        match self {
            Self::Unix(_) => "localhost".to_owned(),
            Self::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Tcp { host, port } => format!("{host}:{port}"),
        }
    }
}

/// Splits host and port; an address with colons needs brackets when a port follows.
fn split(text: &str) -> Option<(&str, u16)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        let port = if rest.is_empty() { Some(DEFAULT_PORT) } else { rest.strip_prefix(':')?.parse().ok() };
        return Some((host, port?));
    }
    if text.parse::<IpAddr>().is_ok() {
        return Some((text, DEFAULT_PORT));
    }
    match text.rsplit_once(':') {
        None => Some((text, DEFAULT_PORT)),
        Some((host, port)) if !host.contains(':') => Some((host, port.parse().ok()?)),
        Some(_) => None,
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Tcp { .. } => f.write_str(&self.authority()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_back() {
        for (text, written) in [
            ("unix:/run/hone.sock", "unix:/run/hone.sock"),
            ("unix:///run/hone.sock", "unix:/run/hone.sock"),
            ("trainer:7000", "trainer:7000"),
            ("trainer", "trainer:7171"),
            ("10.0.0.1", "10.0.0.1:7171"),
            ("::1", "[::1]:7171"),
            ("[::1]:80", "[::1]:80"),
            ("[fe80::1]", "[fe80::1]:7171"),
        ] {
            assert_eq!(Address::parse(text).unwrap().to_string(), written, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_way_out() {
        for text in
            ["", "unix:", ":7171", "host:", "host:99999", "host:x", "http://host:1", "a:b:1", "[::1", "user@host:1", "a b"]
        {
            let failure = Address::parse(text).unwrap_err();
            assert_eq!(failure.kind.exit_code(), 2, "{text}");
            assert!(!failure.hints.is_empty());
        }
    }

    #[test]
    fn only_loopback_and_sockets_are_local() {
        for (text, local) in [
            ("unix:/s", true),
            ("localhost:1", true),
            ("127.0.0.9:1", true),
            ("::1", true),
            ("10.0.0.1:1", false),
            ("host:1", false),
        ] {
            assert_eq!(Address::parse(text).unwrap().is_local(), local, "{text}");
        }
    }
}
