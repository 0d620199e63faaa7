//! Copies that lie outside this host: a repository of restic's, which deduplicates, encrypts and checks them. It is run as a program, in
//! the folder that lite keeps of the remote, with nothing of the user's environment.

mod home;
mod host_key;
mod kept;
mod process;
mod receive;

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    path::Path,
    process::Command,
    sync::atomic::AtomicBool,
    time::Duration,
};

pub use home::Home;
pub use host_key::fingerprint;
pub use kept::{Kept, Tags};
use process::{Ended, Flow, drive};
pub use receive::{Received, receive_image};

use super::{
    files::io,
    tools::{self, Need, PATH},
};
use crate::model::{Code, Error, Location, Result, escaped};

/// How long a question may take.
const QUESTION: Duration = Duration::from_secs(300);
/// How long no byte may go through while a copy is on its way; its end is written by then, too.
const COPY: Duration = Duration::from_secs(900);
/// How long it may take to look through all that is kept, or to take room back.
const WHOLE: Duration = Duration::from_secs(6 * 3600);

/// What restic makes in a folder.
const PARTS: [&str; 6] = ["config", "data", "index", "keys", "locks", "snapshots"];

/// What is at the place of a remote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Nothing: a repository can be made there.
    Nothing,
    /// A repository.
    Repository,
    /// It cannot be told without the password.
    Unknown,
}

/// A repository.
pub struct Repository<'a> {
    home: Home,
    location: Location,
    cancel: &'a AtomicBool,
}

impl<'a> Repository<'a> {
    /// The repository of a remote. Nothing is asked yet.
    ///
    /// # Errors
    /// Refused where restic is not installed.
    pub fn new(home: Home, location: Location, cancel: &'a AtomicBool) -> Result<Self> {
        let mut needs = vec![Need("restic", "restic"), Need("setpriv", "util-linux")];
        if matches!(location, Location::Sftp { .. }) {
            needs.extend(["ssh", "ssh-keyscan", "sftp"].map(|program| Need(program, "openssh-client")));
        }
        tools::require(&needs)?;
        Ok(Self { home, location, cancel })
    }

    /// Keeps by which keys its machine is known, from now on.
    ///
    /// # Errors
    /// The machine shows none.
    pub fn pin(&self) -> Result<()> {
        let Location::Sftp { host, port, .. } = &self.location else { return Ok(()) };
        self.home.pin(&self.location, &host_key::shown(host, *port, self.cancel)?)
    }

    /// Refused where its machine is not reached, or shows another key than it did.
    ///
    /// # Errors
    /// [`Code::RemoteUnreachable`], [`Code::HostKeyChanged`].
    pub fn check_machine(&self) -> Result<()> {
        match &self.location {
            Location::Sftp { host, port, .. } => {
                host_key::check(host, &self.home.host_keys()?, &host_key::shown(host, *port, self.cancel)?)
            }
            Location::Folder(folder) if !folder.is_dir() => {
                let text = format!("there is no folder `{}`: is what it lies on mounted?", folder.display());
                Err(Error::new(Code::RemoteUnreachable, text))
            }
            Location::Folder(_) | Location::S3 { .. } => Ok(()),
        }
    }

    /// What is at its place.
    ///
    /// # Errors
    /// Refused: something else is there, or who asks is not let in.
    pub fn presence(&self) -> Result<Presence> {
        match &self.location {
            Location::Folder(folder) => presence_in(folder),
            Location::Sftp { path, .. } => {
                if self.is_there(&format!("{path}/config"))? {
                    return Ok(Presence::Repository);
                }
                // One whose making was cut off has no configuration yet.
                match self.is_there(&format!("{path}/*"))? && !self.is_there(&format!("{path}/snapshots"))? {
                    true => Err(not_empty(&self.location.to_string())),
                    false => Ok(Presence::Nothing),
                }
            }
            Location::S3 { .. } => Ok(Presence::Unknown),
        }
    }

    /// Whether the machine has a file; `*` stands for any.
    fn is_there(&self, path: &str) -> Result<bool> {
        let mut command = tools::command("sftp");
        command.env_clear().env("PATH", PATH).current_dir(self.home.folder());
        command.args(["-q", "-F", home::SSH_CONFIG, "-b", "-", home::ALIAS]);
        // A path has no character that sftp reads otherwise.
        let question = format!("ls -1 {path}\n");
        let ended = drive(&mut command, Flow::In(&mut question.as_bytes()), QUESTION, self.cancel)?;
        match ended.code() {
            0 => Ok(true),
            1 => Ok(false),
            _ => {
                let error = ended.failure(&format!("`{}` does not let lite in", self.location));
                Err(Error { code: Code::RemoteRefused, class: Code::RemoteRefused.class(), ..error })
            }
        }
    }

    /// Makes the repository.
    ///
    /// # Errors
    /// What restic says.
    pub fn init(&self) -> Result<()> {
        self.ask(&["init"], QUESTION, "cannot make a repository there").map(drop)
    }

    /// Whether the password opens it.
    ///
    /// # Errors
    /// What restic says: it tells a wrong password from no answer in words alone.
    pub fn open(&self) -> Result<()> {
        self.ask(&["cat", "config"], QUESTION, "the repository does not open").map(drop)
    }

    /// Takes away what [`Repository::init`] made in a folder of this machine that was empty before.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn take_away(&self) -> Result<()> {
        let Location::Folder(folder) = &self.location else { return Ok(()) };
        for part in PARTS.map(|part| folder.join(part)) {
            let removed = if part.is_dir() { fs::remove_dir_all(&part) } else { fs::remove_file(&part) };
            match removed {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(io("remove", &part, e)),
                _ => {}
            }
        }
        // One that holds something else stays.
        let _ = fs::remove_dir(folder);
        Ok(())
    }

    /// All that lite keeps there: what is whole alone.
    ///
    /// # Errors
    /// What restic says, or more than lite reads.
    pub fn kept(&self) -> Result<Vec<Kept>> {
        let args = ["snapshots", "--json", "--tag", Tags::MARK];
        kept::read(&self.ask(&args, QUESTION, "the repository does not tell what it keeps")?)
    }

    /// Keeps bytes under a name; nothing is there before they all are.
    ///
    /// # Errors
    /// What gives the bytes fails, or restic does.
    pub fn keep(&self, name: &str, tags: &Tags, bytes: &mut dyn Read) -> Result<()> {
        let mut command = self.command();
        command.args(["--quiet", "backup", "--json", "--host", "lite", "--stdin", "--stdin-filename", name]);
        command.args(["--tag", &tags.text()]);
        let ended = drive(&mut command, Flow::In(bytes), COPY, self.cancel)?;
        self.succeeded(ended, "the copy did not get there whole").map(drop)
    }

    /// Gives the bytes that are kept under a name.
    ///
    /// # Errors
    /// What takes the bytes fails, or restic does.
    pub fn give(&self, kept: &Kept, name: &str, to: &mut dyn Write) -> Result<()> {
        let mut command = self.command();
        command.args(["--quiet", "dump", &kept.id, &format!("/{name}")]);
        let ended = drive(&mut command, Flow::Out(to), COPY, self.cancel)?;
        self.succeeded(ended, "the copy did not come back whole").map(drop)
    }

    /// Lets go of what is kept. Its room is taken back by [`Repository::prune`] alone.
    ///
    /// # Errors
    /// What restic says.
    pub fn forget(&self, kept: &[&Kept]) -> Result<()> {
        if kept.is_empty() {
            return Ok(());
        }
        let args: Vec<&str> = std::iter::once("forget").chain(kept.iter().map(|one| one.id.as_str())).collect();
        self.ask(&args, QUESTION, "the repository does not let go of what was there").map(drop)
    }

    /// Takes back the room of what was let go of. restic writes anew before it removes: what is cut off leaves all that is kept whole.
    ///
    /// # Errors
    /// What restic says; somebody else works with the repository.
    pub fn prune(&self) -> Result<()> {
        self.ask(&["prune"], WHOLE, "the room of what was let go of is not taken back").map(drop)
    }

    /// Takes back the locks of runs that are dead: of this machine at once, of others after half an hour.
    ///
    /// # Errors
    /// What restic says.
    pub fn unlock(&self) -> Result<()> {
        self.ask(&["unlock"], QUESTION, "the locks of runs that died stay").map(drop)
    }

    /// Checks the repository, and with `data` every byte in it.
    ///
    /// # Errors
    /// [`Code::RemoteDamaged`].
    pub fn check(&self, data: bool) -> Result<()> {
        let args: &[&str] = if data { &["check", "--read-data"] } else { &["check"] };
        let checked = self.ask(args, WHOLE, "the repository is damaged");
        checked.map(drop).map_err(|e| match e.code {
            Code::RemoteFailed => Error { code: Code::RemoteDamaged, ..e },
            _ => e,
        })
    }

    fn ask(&self, args: &[&str], idle: Duration, failure: &str) -> Result<Vec<u8>> {
        let mut command = self.command();
        let ended = drive(command.arg("--quiet").args(args), Flow::None, idle, self.cancel)?;
        self.succeeded(ended, failure)
    }

    fn succeeded(&self, ended: Ended, failure: &str) -> Result<Vec<u8>> {
        if ended.status.success() {
            return Ok(ended.answer);
        }
        Err(ended.failure(&format!("{}: {failure}", self.location)))
    }

    /// restic, which is told to end when this thread dies.
    fn command(&self) -> Command {
        let mut command = tools::command("setpriv");
        command.env_clear().env("PATH", PATH).env("LC_ALL", "C.UTF-8").current_dir(self.home.folder());
        command.args(["--pdeathsig", "INT", "restic", "--cache-dir", "cache", "--password-file", home::PASSWORD]);
        match &self.location {
            Location::Folder(folder) => command.arg("--repo").arg(folder),
            Location::Sftp { path, .. } => {
                let ssh = format!("sftp.command=ssh -F {} {} -s sftp", home::SSH_CONFIG, home::ALIAS);
                command.arg("--repo").arg(format!("sftp:{}:{path}", home::ALIAS)).args(["--option", &ssh])
            }
            Location::S3 { server, path } => {
                // Where bytes do not leave the machine, nobody can listen.
                let plain =
                    server.split(':').next().is_some_and(|host| host == "localhost" || host.starts_with("127."));
                let scheme = if plain { "http" } else { "https" };
                command.arg("--repo").arg(format!("s3:{scheme}://{server}/{path}"));
                command.env("AWS_SHARED_CREDENTIALS_FILE", home::CREDENTIALS)
            }
        };
        command
    }
}

/// Whether a folder, as far as it is there, lies in another one, or is it.
pub fn lies_in(folder: &Path, other: &Path) -> bool {
    let real = |path: &Path| {
        let there = path.ancestors().find_map(|part| Some((part, part.canonicalize().ok()?)));
        there
            .map_or_else(|| path.to_owned(), |(part, real)| real.join(path.strip_prefix(part).unwrap_or(Path::new(""))))
    };
    real(folder).components().collect::<Vec<_>>().starts_with(&real(other).components().collect::<Vec<_>>())
}

fn presence_in(folder: &Path) -> Result<Presence> {
    let unreadable =
        |e| Error::new(Code::RemoteUnreachable, format!("cannot look into `{}`", folder.display())).cause(e);
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => {
            return match folder.parent().is_some_and(Path::is_dir) {
                true => Ok(Presence::Nothing),
                false => Err(unreadable(e).hint("make the folder that it is to lie in, or mount what that is on")),
            };
        }
        entries => entries.map_err(unreadable)?,
    };
    let mut names = Vec::new();
    for entry in entries.take(16) {
        names.push(entry.map_err(unreadable)?.file_name());
    }
    match () {
        // One whose making was cut off has no configuration yet.
        () if names.iter().all(|name| name != "config" && PARTS.iter().any(|part| name == part)) => {
            Ok(Presence::Nothing)
        }
        () if PARTS.iter().all(|part| names.iter().any(|name| name == part)) => Ok(Presence::Repository),
        () => Err(not_empty(&folder.display().to_string())),
    }
}

fn not_empty(place: &str) -> Error {
    Error::new(Code::RemoteNotEmpty, format!("`{}` holds something else than a repository of restic's", escaped(place)))
        .hint("name a folder that is empty, or not there yet")
}
