//! What lite keeps of a remote beside its database, in a folder of its own: files that programs read, each of mode 0600.

use std::{
    fs::{self, Permissions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::files::io;
use crate::model::{Code, Error, Location, Name, Remote, RemoteState, Result};

/// The password of the repository.
pub(super) const PASSWORD: &str = "password";
/// The keys of a bucket.
pub(super) const CREDENTIALS: &str = "credentials";
/// How OpenSSH reaches the machine.
pub(super) const SSH_CONFIG: &str = "ssh_config";
/// The keys by which the machine was known when the remote was added.
const KNOWN_HOSTS: &str = "known_hosts";
/// Which remote it is of.
const ABOUT: &str = "remote.json";
/// What the machine is called there.
pub(super) const ALIAS: &str = "remote";
/// Most bytes of one of them.
const MOST: u64 = 64 << 10;

/// What its folder tells of a remote: a lost database is rebuilt from there.
#[derive(Serialize, Deserialize)]
struct About {
    schema: u32,
    name: Name,
    location: String,
    created_at: Timestamp,
}

/// Version of its shape.
const SCHEMA: u32 = 1;

/// The folder of a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    folder: PathBuf,
    /// lite's own key, from there.
    key: PathBuf,
}

impl Home {
    /// That of a remote, in the folder of the database.
    pub fn of(state: &Path, remote: Uuid) -> Self {
        let folder = state.join("remotes").join(remote.to_string());
        // The programs are run in the folder: so no path of this machine has to be quoted for them.
        Self { folder, key: Path::new("../../ssh/id_ed25519").to_owned() }
    }

    /// The remotes that have a folder in that of the database.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn all(state: &Path) -> Result<Vec<Uuid>> {
        let at = state.join("remotes");
        let entries = match fs::read_dir(&at) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|e| io("read", &at, e))?,
        };
        let mut all = Vec::new();
        for entry in entries {
            let name = entry.map_err(|e| io("read", &at, e))?.file_name();
            all.extend(name.to_str().and_then(|name| Uuid::try_parse(name).ok()));
        }
        all.sort_unstable();
        Ok(all)
    }

    /// Writes which remote it is of.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn describe(&self, remote: &Remote) -> Result<()> {
        let (name, location) = (remote.name.clone(), remote.location.to_string());
        let about = About { schema: SCHEMA, name, location, created_at: remote.created_at };
        let text = serde_json::to_string_pretty(&about);
        self.write(ABOUT, &text.map_err(|e| Error::new(Code::Json, "cannot write what a remote is").cause(e))?)
    }

    /// Whether that is written.
    pub fn is_described(&self) -> bool {
        self.folder.join(ABOUT).exists()
    }

    /// The remote that it says it is of; none: it says nothing, as one that is being made, or that an earlier lite made.
    ///
    /// # Errors
    /// It cannot be read, or has not its form.
    pub fn described(&self, id: Uuid) -> Result<Option<Remote>> {
        if !self.is_described() {
            return Ok(None);
        }
        let damaged = |why: String| {
            let text = format!("`{}` does not tell of a remote", self.folder.join(ABOUT).display());
            Error::failed(Code::RemoteDamaged, text).cause(why)
        };
        let about: About = serde_json::from_str(&self.read(ABOUT)?).map_err(|e| damaged(e.to_string()))?;
        if about.schema != SCHEMA {
            return Err(damaged("a newer lite wrote it".to_owned()));
        }
        let location = Location::parse(&about.location)?;
        let state = RemoteState::Available;
        Ok(Some(Remote { id, name: about.name, location, state, created_at: about.created_at }))
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes it, for nobody else to look into, with the password.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn make(&self, password: &SecretString, credentials: Option<&SecretString>) -> Result<()> {
        for folder in self.folder.ancestors().take(2).collect::<Vec<_>>().into_iter().rev() {
            match fs::create_dir(folder).and_then(|()| fs::set_permissions(folder, Permissions::from_mode(0o700))) {
                Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(io("make", folder, e)),
                _ => {}
            }
        }
        self.write(PASSWORD, &format!("{}\n", password.expose_secret()))?;
        credentials.map_or(Ok(()), |keys| self.write(CREDENTIALS, keys.expose_secret()))
    }

    /// Removes it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove(&self) -> Result<()> {
        match fs::remove_dir_all(&self.folder) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(io("remove", &self.folder, e)),
            _ => Ok(()),
        }
    }

    /// The password.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn password(&self) -> Result<SecretString> {
        Ok(SecretString::from(self.read(PASSWORD)?.trim_end_matches('\n').to_owned()))
    }

    /// The keys by which the machine is known: type and key, a line each.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn host_keys(&self) -> Result<Vec<String>> {
        let alias = format!("{ALIAS} ");
        let text = self.read(KNOWN_HOSTS)?;
        Ok(text.lines().filter_map(|line| line.strip_prefix(&alias)).map(str::to_owned).collect())
    }

    /// Pins them, and writes how OpenSSH reaches the machine: by lite's own key, and by nothing of the user's or the system's.
    pub(super) fn pin(&self, location: &Location, keys: &[String]) -> Result<()> {
        let Location::Sftp { user, host, port, .. } = location else { return Ok(()) };
        let known: Vec<String> = keys.iter().map(|key| format!("{ALIAS} {key}\n")).collect();
        self.write(KNOWN_HOSTS, &known.concat())?;
        let options = [
            ("Host", ALIAS),
            ("HostName", host.as_str()),
            ("Port", &port.to_string()),
            ("User", user),
            ("IdentityFile", &self.key.display().to_string()),
            ("IdentitiesOnly", "yes"),
            ("IdentityAgent", "none"),
            ("UserKnownHostsFile", KNOWN_HOSTS),
            ("GlobalKnownHostsFile", "none"),
            ("HostKeyAlias", ALIAS),
            ("StrictHostKeyChecking", "yes"),
            ("UpdateHostKeys", "no"),
            ("PreferredAuthentications", "publickey"),
            ("BatchMode", "yes"),
            ("ForwardAgent", "no"),
            ("ForwardX11", "no"),
            ("ConnectTimeout", "10"),
            ("ServerAliveInterval", "15"),
            ("ServerAliveCountMax", "4"),
        ];
        let lines: Vec<String> = options.iter().map(|(name, value)| format!("{name} {value}\n")).collect();
        self.write(SSH_CONFIG, &lines.concat())
    }

    /// Whole, or not at all.
    fn write(&self, name: &str, text: &str) -> Result<()> {
        let failed = |e| io("write in", &self.folder, e);
        let private = Permissions::from_mode(0o600);
        let mut file = tempfile::Builder::new().permissions(private).tempfile_in(&self.folder).map_err(failed)?;
        file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
        file.persist(self.folder.join(name)).map(drop).map_err(|e| failed(e.error))
    }

    fn read(&self, name: &str) -> Result<String> {
        let at = self.folder.join(name);
        let failed = |e| Error::failed(Code::RemoteDamaged, format!("cannot read `{}`", at.display())).cause(e);
        let mut text = String::new();
        fs::File::open(&at).and_then(|file| file.take(MOST).read_to_string(&mut text)).map_err(failed)?;
        Ok(text)
    }
}
