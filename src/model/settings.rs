//! What the operator decided: resolved from the configuration file and the environment at the edge.

use std::{path::PathBuf, time::Duration};

use super::{Host, Serving, words};

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
    /// Folders of the process.
    pub paths: Paths,
}
