//! Addresses of servers, with the path below which they lie.

use http::Uri;

/// Why a text is no address that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AddressError {
    /// It is none; what was given, without a slash at its end.
    NotOne(String),
    /// It holds a password, which others could see. It is not repeated.
    Secret,
}

/// Reads an address: `http` or `https`, a host, perhaps a path; no query and no credentials.
///
/// # Errors
/// It is none, or holds a password.
pub(crate) fn parse_address(text: &str) -> Result<String, AddressError> {
    let address = text.trim().trim_end_matches('/');
    let bad = || AddressError::NotOne(address.to_owned());
    // Before the address is shown in a message.
    let authority = address.split("://").nth(1).unwrap_or(address).split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Err(AddressError::Secret);
    }
    let uri: Uri = address.parse().map_err(|_| bad())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https"));
    if !known || uri.host().is_none_or(str::is_empty) || uri.query().is_some() {
        return Err(bad());
    }
    Ok(address.to_owned())
}
