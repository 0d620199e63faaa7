//! Remotes: places outside this host that snapshots are copied to.

use std::{
    fmt,
    path::{Component, Path, PathBuf},
};

use jiff::Timestamp;
use uuid::Uuid;

use super::{Code, Error, Name, ResourceKind, ResourceRef, Result, escaped, words};

/// What stands for what can be given.
const FORMS: &str =
    "use `sftp://USER@HOST/FOLDER`, `s3://SERVER/BUCKET/FOLDER`, or the absolute path of a folder that is mounted here";

/// Where a remote is. No secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder of this machine: another disk, or one of another machine that is mounted.
    Folder(PathBuf),
    /// A folder of a machine that is logged in to.
    Sftp {
        /// The account.
        user: String,
        /// Name or address of the machine.
        host: String,
        /// Its port.
        port: u16,
        /// The folder there, absolute.
        path: String,
    },
    /// A bucket.
    S3 {
        /// Name or address of the server, with a port where it has one of its own.
        server: String,
        /// The bucket, and the folder in it.
        path: String,
    },
}

impl Location {
    /// Parses what a user typed.
    ///
    /// # Errors
    /// Refused: another scheme, a password, a relative path, and what a name, a port or a path cannot be.
    pub fn parse(text: &str) -> Result<Self> {
        if let Some(rest) = text.strip_prefix("sftp://") {
            return Self::sftp(rest);
        }
        if let Some(rest) = text.strip_prefix("s3://") {
            return Self::s3(rest);
        }
        if text.contains("://") {
            return Err(invalid(text, "its scheme is none of lite's"));
        }
        Self::folder(text)
    }

    fn folder(text: &str) -> Result<Self> {
        let path = Path::new(text);
        let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
        if !path.is_absolute() || !plain || text.len() > 1024 || text.chars().any(char::is_control) {
            return Err(invalid(text, "it is no absolute path, or one with `..` in it"));
        }
        if path.parent().is_none() {
            return Err(invalid(text, "it is the root of the file system"));
        }
        Ok(Self::Folder(path.components().collect()))
    }

    fn sftp(rest: &str) -> Result<Self> {
        let text = format!("sftp://{rest}");
        // A password is neither taken nor shown.
        let (login, place) = rest.split_once('@').ok_or_else(|| invalid(&text, "it names no account"))?;
        if login.contains(':') || place.contains('@') {
            return Err(Error::new(Code::InvalidRemote, "the address holds a password, which would be seen by all")
                .hint("leave it away: lite logs in by its own key, which `remote add` names"));
        }
        let user = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        if login.is_empty() || login.len() > 64 || login.starts_with('-') || !login.bytes().all(user) {
            return Err(invalid(&text, "its account is none"));
        }
        let (server, path) = place.split_once('/').ok_or_else(|| invalid(&text, "it names no folder"))?;
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0)),
            None => (server, Some(22)),
        };
        let port = port.ok_or_else(|| invalid(&text, "its port is none"))?;
        check_host(&text, host)?;
        check_path(&text, path)?;
        Ok(Self::Sftp { user: login.to_owned(), host: host.to_owned(), port, path: format!("/{path}") })
    }

    fn s3(rest: &str) -> Result<Self> {
        let text = format!("s3://{rest}");
        if rest.contains('@') {
            return Err(Error::new(Code::InvalidRemote, "the address holds a key, which would be seen by all")
                .hint("leave it away, and name a file with `--credentials-file`"));
        }
        let (server, path) = rest.split_once('/').ok_or_else(|| invalid(&text, "it names no bucket"))?;
        let (host, port) = match server.rsplit_once(':') {
            Some((host, port)) => (host, port.parse::<u16>().is_ok_and(|port| port != 0)),
            None => (server, true),
        };
        if !port {
            return Err(invalid(&text, "its port is none"));
        }
        check_host(&text, host)?;
        check_path(&text, path)?;
        let bucket = path.split('/').next().unwrap_or_default();
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
        if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(allowed) {
            return Err(invalid(&text, "its bucket has 3 to 63 of a-z, 0-9, `.` and `-`"));
        }
        Ok(Self::S3 { server: server.to_owned(), path: path.to_owned() })
    }

    /// What kind it is of.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Folder(_) => Scheme::Folder,
            Self::Sftp { .. } => Scheme::Sftp,
            Self::S3 { .. } => Scheme::S3,
        }
    }
}

/// As it was typed.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Sftp { user, host, port: 22, path } => write!(f, "sftp://{user}@{host}{path}"),
            Self::Sftp { user, host, port, path } => write!(f, "sftp://{user}@{host}:{port}{path}"),
            Self::S3 { server, path } => write!(f, "s3://{server}/{path}"),
        }
    }
}

fn invalid(text: &str, why: &str) -> Error {
    Error::new(Code::InvalidRemote, format!("`{}` is no place for a remote: {why}", escaped(text))).hint(FORMS)
}

/// A name in DNS, or an IPv4 address.
fn check_host(text: &str, host: &str) -> Result<()> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
    };
    match host.len() <= 253 && host.split('.').all(label) {
        true => Ok(()),
        false => Err(invalid(text, "its server is no name and no IPv4 address")),
    }
}

/// What follows the first `/`: no more than one between two parts, and nothing that a shell, or a list of files, reads otherwise.
fn check_path(text: &str, path: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-+=,".contains(&b);
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && part.bytes().all(allowed);
    match path.len() <= 512 && path.split('/').all(part) {
        true => Ok(()),
        false => Err(invalid(text, "its path has parts of letters, digits and `._-+=,`, none of them `..`")),
    }
}

words! {
    /// A kind of remote.
    Scheme;
    /// A folder of this machine.
    Folder = "folder",
    /// A folder of another machine.
    Sftp = "sftp",
    /// A bucket.
    S3 = "s3",
}

words! {
    /// How far the life of a remote has come.
    RemoteState;
    /// Being added.
    Adding = "adding",
    /// There.
    Available = "available",
    /// Being removed.
    Removing = "removing",
}

/// A remote. No secrets: these are files beside the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: Name,
    /// Where it is.
    pub location: Location,
    /// How far its life has come.
    pub state: RemoteState,
    /// When it was added.
    pub created_at: Timestamp,
}

impl From<&Remote> for ResourceRef {
    fn from(remote: &Remote) -> Self {
        Self { kind: ResourceKind::Remote, id: remote.id, name: remote.name.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_place_is_shown_as_it_was_typed() {
        for text in [
            "/mnt/usb/lite",
            "sftp://backup@nas.example.org/srv/lite",
            "sftp://backup@192.0.2.7:2222/lite",
            "s3://s3.example.org/my-bucket",
            "s3://127.0.0.1:9000/my-bucket/lite/a",
        ] {
            assert_eq!(Location::parse(text).map(|place| place.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(Location::parse("/mnt//usb/"), Ok(Location::Folder("/mnt/usb".into())));
        assert_eq!(Location::parse("sftp://a@b:22/c").map(|place| place.to_string()), Ok("sftp://a@b/c".to_owned()));
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "",
            "far",
            "../far",
            "/",
            "/mnt/../etc",
            "/mnt/a\nb",
            "http://example.org/a",
            "rest:http://example.org/a",
            "sftp:backup@nas:/srv",
            "sftp://nas/srv",
            "sftp://backup@nas",
            "sftp://backup@nas/",
            "sftp://backup@nas/../etc",
            "sftp://backup@nas/~/a",
            "sftp://backup@nas/a b",
            "sftp://backup@nas/a*",
            "sftp://-oProxyCommand@nas/a",
            "sftp://backup@-oProxyCommand=a/a",
            "sftp://backup@nas:0/a",
            "sftp://backup@nas:65536/a",
            "s3://server",
            "s3://server/",
            "s3://server/UPPER",
            "s3://server:x/bucket",
        ] {
            let error = Location::parse(text).expect_err(text);
            assert_eq!((error.code, error.exit_code(), error.hints.len()), (Code::InvalidRemote, 2, 1), "{text}");
        }
    }

    #[test]
    fn a_password_is_refused_and_not_shown() {
        for text in ["sftp://backup:hunter2@nas/a", "sftp://backup@hunter2@nas/a", "s3://key:hunter2@server/bucket"] {
            let error = Location::parse(text).expect_err(text);
            assert_eq!((error.code, error.exit_code()), (Code::InvalidRemote, 2));
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }
}
