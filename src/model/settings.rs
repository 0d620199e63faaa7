//! What the operator decided: resolved from the configuration file and the environment at the edge.

use std::{path::PathBuf, time::Duration};

use super::{Code, Error, Host, Result, Serving, escaped, words};

words! {
    /// How the connection to a mail server is protected.
    MailSecurity;
    /// TLS from the first byte (RFC 8314).
    Tls = "tls",
    /// TLS after `STARTTLS` (RFC 3207); without it nothing is sent.
    Starttls = "starttls",
    /// Not at all: for a server on this machine.
    None = "none",
}

/// The server that takes mail to contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// Who logs in; none: nobody does.
    pub user: Option<String>,
    /// The file that holds the password.
    pub password_file: Option<PathBuf>,
    /// The sender's address.
    pub from: String,
}

/// Where the process keeps and finds things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// `state.db`, locks: `/var/lib/lite` (`LITE_STATE_DIR`).
    pub state: PathBuf,
    /// Folders of blueprints and bundles that add to or replace the embedded ones, later ones win:
    /// `/etc/lite/blueprints`, `~/.config/lite/blueprints` (`LITE_BLUEPRINTS`, separated by `:`, replaces both).
    pub blueprints: Vec<PathBuf>,
}

/// Who issues the certificates of domains (RFC 8555).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acme {
    /// The address of its directory: Let's Encrypt's (`LITE_ACME_DIRECTORY`).
    pub directory: String,
    /// The mail address that it may write to; none: it has none (`LITE_ACME_CONTACT`).
    pub contact: Option<String>,
    /// Certificates in PEM that its server is known by; none: those of this system (`LITE_ACME_CA`).
    pub ca: Option<PathBuf>,
}

impl Acme {
    /// The directory of Let's Encrypt.
    pub const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
}

impl Default for Acme {
    fn default() -> Self {
        Self { directory: Self::LETS_ENCRYPT.to_owned(), contact: None, ca: None }
    }
}

/// What the Lightsail API of this host says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Api {
    /// The regions that clients may name (`LITE_REGIONS`).
    pub regions: Vec<String>,
    /// Resources on a page of a list (`LITE_PAGE_SIZE`).
    pub page_size: usize,
}

impl Default for Api {
    fn default() -> Self {
        // A region that AWS has not, so that nobody reaches AWS by mistake.
        Self { regions: vec!["home-1".to_owned()], page_size: 100 }
    }
}

impl Api {
    /// Most regions.
    const MOST: usize = 32;
    /// Longest name of a region.
    const LONGEST: usize = 32;
    /// Most resources on a page.
    const PAGE: usize = 1000;

    /// Reads names of regions with `:` between them: clients make host names of them.
    ///
    /// # Errors
    /// One is none, or twice.
    pub fn parse_regions(text: &str) -> Result<Vec<String>> {
        let bad =
            |what: &str, form: &str| Error::new(Code::InvalidSettings, format!("`{}` is not {form}", escaped(what)));
        let regions: Vec<String> = text.split(':').map(str::to_owned).take(Self::MOST + 1).collect();
        let plain = |name: &str| {
            let inside = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            (1..=Self::LONGEST).contains(&name.len())
                && name.bytes().all(inside)
                && !name.starts_with('-')
                && !name.ends_with('-')
        };
        if let Some(wrong) = regions.iter().find(|name| !plain(name)) {
            return Err(bad(wrong, "a region such as `home-1` or `us-east-1`"));
        }
        let twice = regions.iter().enumerate().any(|(n, name)| regions[..n].contains(name));
        if twice || regions.len() > Self::MOST {
            return Err(bad(text, &format!("a list of up to {} regions, each once", Self::MOST)));
        }
        Ok(regions)
    }

    /// Reads a number of resources.
    ///
    /// # Errors
    /// It is none, or out of bounds.
    pub fn parse_page_size(text: &str) -> Result<usize> {
        let number = text
            .parse()
            .ok()
            .filter(|size| (1..=Self::PAGE).contains(size) && text.bytes().all(|b| b.is_ascii_digit()));
        number.ok_or_else(|| {
            let form = format!("a number from 1 to {}", Self::PAGE);
            Error::new(Code::InvalidSettings, format!("`{}` is not {form}", escaped(text)))
        })
    }
}

/// Everything configurable. File `/etc/lite/config.toml` (`LITE_CONFIG`), each key overridden by `LITE_<KEY>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The host that instances are made on.
    pub host: Host,
    /// Where Debian packages come from for `image build` (`LITE_MIRROR`); default the distribution's public mirror.
    pub mirror: String,
    /// Webhooks may go to the machine of this process: for tests, and for a receiver beside lite (`LITE_LOOPBACK_WEBHOOKS=yes`).
    pub loopback_webhooks: bool,
    /// How long a deleted instance is kept; zero: it is not.
    pub keep_deleted: Duration,
    /// The watcher verifies automatic snapshots, once a week for each instance.
    pub verify_snapshots: bool,
    /// The server that takes mail to contacts; none: no mail is sent.
    pub mail: Option<MailServer>,
    /// Who issues certificates.
    pub acme: Acme,
    /// The console.
    pub serve: Serving,
    /// The Lightsail API.
    pub api: Api,
    /// Folders of the process.
    pub paths: Paths,
}
