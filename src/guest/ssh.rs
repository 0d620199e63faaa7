//! Logging in: the key lite itself uses, and OpenSSH's commands, which verify the injected host key.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::Write,
    net::Ipv4Addr,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::OpenOptionsExt,
    },
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
    own_key(state, "id_ed25519")
}

/// The same of a key of lite's own by the name of its file.
pub(super) fn own_key(state: &Path, name: &str) -> Result<LoginKey> {
    let dir = state.join("ssh");
    crate::store::create_private_dir(&dir)?;
    let (file, public_file) = (dir.join(name), dir.join(format!("{name}.pub")));
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

/// A private key of lite's own.
pub(super) fn private_key(file: &Path) -> Result<ssh_key::PrivateKey> {
    let unusable = || Error::new(Code::KeyUnusable, format!("cannot use `{}`", file.display()));
    let text = fs::read_to_string(file).map_err(|e| unusable().cause(e))?;
    ssh_key::PrivateKey::from_openssh(text).map_err(|e| unusable().cause(e))
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Instance name: the alias its host key is known under.
    pub name: String,
    /// Address.
    pub address: Ipv4Addr,
    /// Account.
    pub user: String,
    /// The injected public host key.
    pub host_key: String,
}

/// What is copied, and which way. Paths in the instance are as scp takes them: relative to the account's home, with patterns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transfer {
    /// Files and folders of this machine, to a path in the instance.
    To(Vec<PathBuf>, OsString),
    /// Paths in the instance, to a file or folder of this machine.
    From(Vec<OsString>, PathBuf),
}

/// The ssh command that opens a shell, or runs `remote`.
pub fn command(state: &Path, login: &Login, remote: &[String]) -> Result<Command> {
    let mut command = client("ssh", state, login)?;
    command.arg("-l").arg(&login.user).arg(login.address.to_string());
    if !remote.is_empty() {
        // ssh joins its arguments with spaces and hands them to a shell: quote, so that the words arrive as given.
        command.arg("--").arg(shell_words(remote)?);
    }
    Ok(command)
}

/// The ssh command that runs these words, each as it is given, without a terminal. It ends where the guest falls silent for a minute.
pub fn exactly(state: &Path, login: &Login, words: &[String]) -> Result<Command> {
    let mut command = client("ssh", state, login)?;
    command.args(ALIVE).args(["-o", "LogLevel=ERROR", "-T", "-l"]).arg(&login.user).arg(login.address.to_string());
    command.arg("--").arg(quoted(words)?);
    Ok(command)
}

/// Ends where the guest falls silent for a minute.
const ALIVE: [&str; 4] = ["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"];

/// The scp command that copies files and folders. Shows its progress where its stdout is a terminal.
pub fn copy(state: &Path, login: &Login, transfer: &Transfer) -> Result<Command> {
    let mut command = client("scp", state, login)?;
    command.args(ALIVE).args(["-r", "--"]);
    let there = |path: &OsStr| {
        let mut word = OsString::from(format!("{}@{}:", login.user, login.address));
        word.push(path);
        word
    };
    match transfer {
        Transfer::To(files, path) => command.args(files.iter().map(|f| local(f))).arg(there(path)),
        Transfer::From(paths, file) => command.args(paths.iter().map(|p| there(p))).arg(local(file)),
    };
    Ok(command)
}

/// OpenSSH's `program` with the options that both have: lite's key alone, the instance's host key alone, and nothing of the
/// user's or the system's configuration, agent or variables, so that it connects the same way for everybody.
fn client(program: &str, state: &Path, login: &Login) -> Result<Command> {
    let key = login_key(state)?;
    let known = state.join("ssh").join(format!("known_hosts-{}", login.name));
    let line = format!("{} {}\n", login.name, login.host_key);
    // Written the first time alone: on a full disk the second log-in works.
    if !fs::read(&known).is_ok_and(|there| there == line.as_bytes()) {
        fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&known)
            .and_then(|mut f| f.write_all(line.as_bytes()))
            .map_err(|e| Error::new(Code::KeyUnusable, format!("cannot write `{}`", known.display())).cause(e))?;
    }
    let mut command = Command::new(program);
    command.args(["-F", "none"]);
    let options = [
        option("IdentityFile", &key.file),
        "IdentitiesOnly=yes".into(),
        "IdentityAgent=none".into(),
        option("UserKnownHostsFile", &known),
        "GlobalKnownHostsFile=none".into(),
        format!("HostKeyAlias={}", login.name).into(),
        "StrictHostKeyChecking=yes".into(),
        "UpdateHostKeys=no".into(),
        "PreferredAuthentications=publickey".into(),
        "ForwardAgent=no".into(),
        "ForwardX11=no".into(),
        "ConnectTimeout=10".into(),
    ];
    command.args(options.iter().flat_map(|o| [OsStr::new("-o"), o]));
    Ok(command)
}

/// `NAME="FILE"`, in which ssh takes spaces, quotes and `%` of the file's path as they are.
fn option(name: &str, file: &Path) -> OsString {
    let mut bytes = format!("{name}=\"").into_bytes();
    for byte in file.as_os_str().as_bytes() {
        match byte {
            b'%' => bytes.extend(b"%%"),
            b'"' | b'\\' => bytes.extend([b'\\', *byte]),
            _ => bytes.push(*byte),
        }
    }
    bytes.push(b'"');
    OsString::from_vec(bytes)
}

/// A path that scp takes for one of this machine: a colon before the first slash would make a host of it.
fn local(path: &Path) -> PathBuf {
    if path.is_absolute() { path.to_owned() } else { Path::new(".").join(path) }
}

/// One word is taken as a shell command line, as ssh users expect; several are quoted so that each arrives whole.
fn shell_words(remote: &[String]) -> Result<String> {
    match remote {
        [line] => Ok(line.clone()),
        words => quoted(words),
    }
}

/// Words as a shell reads them again.
fn quoted(words: &[String]) -> Result<String> {
    shlex::try_join(words.iter().map(String::as_str))
        .map_err(|e| Error::new(Code::InvalidCommand, "the command holds a NUL character").cause(e))
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::{Login, Transfer, command, copy};

    /// The words of a command, with the state folder left out.
    fn words(command: &std::process::Command, state: &Path) -> Vec<String> {
        let state = format!("{}/", state.display());
        command.get_args().map(|a| a.to_string_lossy().replace(&state, "")).collect()
    }

    const OPTIONS: [&str; 26] = [
        "-F",
        "none",
        "-o",
        "IdentityFile=\"ssh/id_ed25519\"",
        "-o",
        "IdentitiesOnly=yes",
        "-o",
        "IdentityAgent=none",
        "-o",
        "UserKnownHostsFile=\"ssh/known_hosts-web\"",
        "-o",
        "GlobalKnownHostsFile=none",
        "-o",
        "HostKeyAlias=web",
        "-o",
        "StrictHostKeyChecking=yes",
        "-o",
        "UpdateHostKeys=no",
        "-o",
        "PreferredAuthentications=publickey",
        "-o",
        "ForwardAgent=no",
        "-o",
        "ForwardX11=no",
        "-o",
        "ConnectTimeout=10",
    ];

    #[test]
    fn nothing_around_lite_decides_how_it_logs_in() {
        let state = tempfile::tempdir().expect("a folder");
        let login = Login {
            name: "web".to_owned(),
            address: std::net::Ipv4Addr::new(192, 168, 150, 10),
            user: "debian".to_owned(),
            host_key: "ssh-ed25519 AAAA".to_owned(),
        };
        let shell = command(state.path(), &login, &[]).expect("a command");
        assert_eq!(words(&shell, state.path()), [&OPTIONS[..], &["-l", "debian", "192.168.150.10"]].concat());
        let remote = ["echo".to_owned(), "a b".to_owned()];
        let run = command(state.path(), &login, &remote).expect("a command");
        assert_eq!(words(&run, state.path())[26..], ["-l", "debian", "192.168.150.10", "--", "echo 'a b'"]);

        let files = vec![PathBuf::from("-a:b"), PathBuf::from("/c:d")];
        let to = copy(state.path(), &login, &Transfer::To(files, "/tmp/e f".into())).expect("a command");
        let alive = ["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4", "-r", "--"];
        let to = words(&to, state.path());
        assert_eq!(to[..32], [&OPTIONS[..], &alive].concat());
        assert_eq!(to[32..], ["./-a:b", "/c:d", "debian@192.168.150.10:/tmp/e f"]);
        let from = copy(state.path(), &login, &Transfer::From(vec!["x".into()], ".".into())).expect("a command");
        assert_eq!(words(&from, state.path())[32..], ["debian@192.168.150.10:x", "./."]);
        let known = std::fs::read_to_string(state.path().join("ssh/known_hosts-web")).expect("read");
        assert_eq!(known, "web ssh-ed25519 AAAA\n");
    }
}
