//! Logging in: the key lite itself uses, and the ssh command that verifies the injected host key.

use std::{
    fs,
    io::Write,
    net::Ipv4Addr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use secrecy::ExposeSecret;

use super::keys;
use crate::model::{Code, Error, Result};

/// lite's own login key of this host, injected into every instance beside the user's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginKey {
    /// The private key's file, mode 0600.
    pub file: PathBuf,
    /// `ssh-ed25519 AAAA…`.
    pub public: String,
}

/// Reads the login key in `state`, or makes it.
pub fn login_key(state: &Path) -> Result<LoginKey> {
    let dir = state.join("ssh");
    crate::store::create_private_dir(&dir)?;
    let (file, public_file) = (dir.join("id_ed25519"), dir.join("id_ed25519.pub"));
    let fail = |path: &Path, e: std::io::Error| {
        Error::new(Code::KeyUnusable, format!("cannot use `{}`", path.display())).cause(e)
    };
    if !public_file.exists() {
        let key = keys::new_host_key()?;
        // Two processes may come here at once: each file appears whole, the private one first, and only once.
        if write_new(&file, key.private.expose_secret()).map_err(|e| fail(&file, e))? {
            write_new(&public_file, &key.public).map_err(|e| fail(&public_file, e))?;
        } else if !public_file.exists() {
            let private = fs::read_to_string(&file).map_err(|e| fail(&file, e))?;
            write_new(&public_file, &keys::public_of(&private)?).map_err(|e| fail(&public_file, e))?;
        }
    }
    let public = fs::read_to_string(&public_file).map_err(|e| fail(&public_file, e))?;
    Ok(LoginKey { file, public: public.trim().to_owned() })
}

/// Writes a file of mode 0600 that must not exist yet; `false` if it does.
fn write_new(path: &Path, text: &str) -> std::io::Result<bool> {
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut temporary =
        tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600)).tempfile_in(dir)?;
    temporary.write_all(text.as_bytes())?;
    temporary.as_file().sync_all()?;
    match temporary.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(e) if e.error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) => Err(e.error),
    }
}

/// Where and as whom to log in.
#[derive(Debug, Clone)]
pub struct Login<'a> {
    /// Instance name: the alias its host key is known under.
    pub name: &'a str,
    /// Address.
    pub address: Ipv4Addr,
    /// Account.
    pub user: &'a str,
    /// The injected public host key.
    pub host_key: &'a str,
}

/// The ssh command: verifies the host key, never asks, uses lite's key and the user's agent.
pub fn command(state: &Path, login: &Login<'_>, remote: &[String]) -> Result<Command> {
    let key = login_key(state)?;
    let known = state.join("ssh").join(format!("known_hosts-{}", login.name));
    let line = format!("{} {}\n", login.name, login.host_key);
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&known)
        .and_then(|mut f| f.write_all(line.as_bytes()))
        .map_err(|e| Error::new(Code::KeyUnusable, format!("cannot write `{}`", known.display())).cause(e))?;
    let mut command = Command::new("ssh");
    let options = [
        format!("UserKnownHostsFile={}", known.display()),
        "GlobalKnownHostsFile=/dev/null".to_owned(),
        format!("HostKeyAlias={}", login.name),
        "StrictHostKeyChecking=yes".to_owned(),
        "UpdateHostKeys=no".to_owned(),
        "PasswordAuthentication=no".to_owned(),
        "KbdInteractiveAuthentication=no".to_owned(),
        "ConnectTimeout=10".to_owned(),
        "LogLevel=ERROR".to_owned(),
    ];
    command.args(options.iter().flat_map(|o| ["-o", o.as_str()]));
    command.arg("-i").arg(&key.file).arg("-l").arg(login.user).arg(login.address.to_string());
    if !remote.is_empty() {
        // ssh joins its arguments with spaces and hands them to a shell: quote, so that the words arrive as given.
        command.arg("--").arg(shell_words(remote)?);
    }
    Ok(command)
}

/// One word is taken as a shell command line, as ssh users expect; several are quoted so that each arrives whole.
fn shell_words(remote: &[String]) -> Result<String> {
    match remote {
        [line] => Ok(line.clone()),
        words => shlex::try_join(words.iter().map(String::as_str))
            .map_err(|e| Error::new(Code::InvalidCommand, "the command holds a NUL character").cause(e)),
    }
}
