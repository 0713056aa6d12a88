//! What an operator's options come to: names, the address of links, the policy for the content.

use std::{collections::BTreeSet, net::IpAddr, path::PathBuf, sync::Arc};

use axum::http::{HeaderValue, Uri, uri::Authority};
use rustls::ServerConfig;

use super::Config;
use crate::security::{Gatekeeper, SecurityError, own_browser_config, with_own_names};

/// Why the page cannot be served as it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// Links would carry their secret over the network for everybody to read.
    #[error("the page's links and sessions would go over `{0}` without encryption; use https, or type `--insecure-page`")]
    Plain(String),
    #[error("`{0}` is no address of a page; write it as `https://labels.example.org`")]
    Url(String),
    #[error("`{0}` is no site; write it as `https://images.example.org`")]
    ImageSite(String),
    #[error(transparent)]
    Security(#[from] SecurityError),
}

/// How the page is served, worked out.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Under which address annotators reach the page; without a slash at its end.
    pub url: String,
    /// How that address calls the host, for the check where a call comes from.
    pub authority: String,
    /// Names under which browsers may ask for the page; numeric addresses may always.
    pub names: BTreeSet<String>,
    /// Whether links are https: then the cookie is for https alone.
    pub secure: bool,
    /// Whether the listener encrypts.
    pub encrypts: bool,
    /// The beginning of the store's id.
    pub store: String,
    /// Name of the cookie: another one for every store, since browsers share cookies between ports.
    pub cookie: String,
    /// `Content-Security-Policy` of the page.
    pub policy: HeaderValue,
}

impl Settings {
    /// Works out the settings for an address that is bound. `names` are further names of this host.
    ///
    /// # Errors
    /// [`PageError`]: the page cannot be served like that.
    pub(crate) fn new(
        config: &Config,
        bound: std::net::SocketAddr,
        names: &[String],
        store: &str,
    ) -> Result<Settings, PageError> {
        let encrypts = encrypts(config);
        let own = own_url(bound, names, encrypts);
        let url = config.url.as_deref().map_or(own, |url| url.trim_end_matches('/').to_owned());
        let (scheme, authority) = site_of(&url).ok_or_else(|| PageError::Url(url.clone()))?;
        let secure = scheme == "https";
        if !secure && !config.insecure && !is_this_host(authority.host()) {
            return Err(PageError::Plain(url));
        }
        let mut names: BTreeSet<String> = with_own_names(names).into_iter().map(|name| name.to_ascii_lowercase()).collect();
        names.insert(bare(authority.host()));
        let store: String = store.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
        let cookie = if secure { format!("__Host-hone-{store}") } else { format!("hone-{store}") };
        let authority = authority.as_str().to_ascii_lowercase();
        Ok(Settings { url, authority, names, secure, encrypts, store, cookie, policy: policy(&config.image_sites)? })
    }
}

/// Whether the listener itself encrypts: beyond this host always, unless that was ruled out by name.
pub(super) fn encrypts(config: &Config) -> bool {
    config.certificate.is_some() || (!config.address.ip().is_loopback() && !config.insecure)
}

/// What the listener encrypts with.
pub(super) fn tls(certificate: Option<&(PathBuf, PathBuf)>, gatekeeper: &Gatekeeper) -> Result<Arc<ServerConfig>, PageError> {
    match certificate {
        Some((certificate, key)) => Ok(own_browser_config(certificate, key)?),
        None => Ok(gatekeeper.browser_config()),
    }
}

/// The address of the listener, by the name under which other hosts know this one.
fn own_url(bound: std::net::SocketAddr, names: &[String], encrypts: bool) -> String {
    let host = match (names.first(), bound.ip().is_unspecified(), bound.ip()) {
        (Some(name), _, _) if !bound.ip().is_loopback() => name.clone(),
        (_, true, _) => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        (_, false, IpAddr::V6(address)) => format!("[{address}]"),
        (_, false, IpAddr::V4(address)) => address.to_string(),
    };
    format!("{}://{host}:{}", if encrypts { "https" } else { "http" }, bound.port())
}

/// Scheme and authority of an address without a path.
fn site_of(url: &str) -> Option<(&str, Authority)> {
    let uri: Uri = url.parse().ok()?;
    let plain = uri.path().trim_matches('/').is_empty() && uri.query().is_none() && !url.contains(['@', '#', '?', ';', ',', ' ']);
    let (scheme, _) = url.split_once("://")?;
    let authority = uri.authority().cloned()?;
    (plain && matches!(scheme, "http" | "https")).then_some((scheme, authority))
}

fn is_this_host(host: &str) -> bool {
    let host = bare(host);
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// A host as it stands in an address, in lower case and without the brackets of IPv6.
pub(super) fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}

/// Scripts, styles and calls of the page alone; pictures of the page, of samples, and of sites that the operator names.
fn policy(image_sites: &[String]) -> Result<HeaderValue, PageError> {
    let mut images = String::from("'self' data:");
    for site in image_sites {
        let site = site.trim_end_matches('/');
        site_of(site).ok_or_else(|| PageError::ImageSite(site.to_owned()))?;
        images.push(' ');
        images.push_str(site);
    }
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src {images}; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    );
    HeaderValue::from_str(&policy).map_err(|_| PageError::ImageSite(image_sites.join(" ")))
}
