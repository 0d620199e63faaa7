//! Next steps, as data: words, and commands among them that each front end spells its own way.

use std::{fmt, ops::Deref};

use serde::{Serialize, Serializer};

use super::words;

words! {
    /// A command that a hint may name.
    Verb;
    /// The command that was given, whichever it is.
    Again = "…",
    /// Makes an instance.
    Create = "create",
    /// Runs a command in a machine of its own.
    Run = "run",
    /// Deletes instances.
    Delete = "delete",
    /// Brings a deleted instance back.
    Undelete = "undelete",
    /// Lifts the protection of instances.
    Unprotect = "unprotect",
    /// Starts instances.
    Start = "start",
    /// Stops instances.
    Stop = "stop",
    /// Gives an instance another bundle.
    Resize = "resize",
    /// Shows instances.
    Show = "show",
    /// Lists instances.
    List = "list",
    /// Logs in to an instance.
    Ssh = "ssh",
    /// Opens the console of an instance.
    Console = "console",
    /// Shows what an instance wrote.
    Logs = "logs",
    /// Shows the passwords of an instance.
    Secrets = "secrets",
    /// Shows and changes what is let in.
    Firewall = "firewall",
    /// Takes published ports away.
    Unpublish = "unpublish",
    /// Lists the static addresses.
    IpList = "ip list",
    /// Lets a static address lead nowhere.
    IpDetach = "ip detach",
    /// Lists the load balancers.
    LbList = "lb list",
    /// Shows load balancers.
    LbShow = "lb show",
    /// Puts instances behind a load balancer.
    LbAttach = "lb attach",
    /// Deletes a load balancer.
    LbDelete = "lb delete",
    /// Makes a disk.
    DiskCreate = "disk create",
    /// Lists the disks.
    DiskList = "disk list",
    /// Shows a disk.
    DiskShow = "disk show",
    /// Deletes disks.
    DiskDelete = "disk delete",
    /// Takes a disk off its instance.
    DiskDetach = "disk detach",
    /// Makes a snapshot of an instance.
    SnapshotCreate = "snapshot create",
    /// Lists the snapshots.
    SnapshotList = "snapshot list",
    /// Shows a snapshot.
    SnapshotShow = "snapshot show",
    /// Deletes snapshots.
    SnapshotDelete = "snapshot delete",
    /// Adds a remote.
    RemoteAdd = "remote add",
    /// Lists the remotes.
    RemoteList = "remote list",
    /// Shows a remote.
    RemoteShow = "remote show",
    /// Lists the snapshots in a remote.
    RemoteSnapshots = "remote snapshots",
    /// Brings a snapshot back from a remote.
    RemoteRestore = "remote restore",
    /// Checks what a remote holds.
    RemoteCheck = "remote check",
    /// Forgets a remote.
    RemoteRemove = "remote remove",
    /// Gives an instance the disk of one of its snapshots.
    Restore = "restore",
    /// Brings what runs in an instance to today's versions.
    Upgrade = "upgrade",
    /// Shows and changes tags.
    Tag = "tag",
    /// Lists the bundles.
    Bundles = "bundles",
    /// Lists the blueprints.
    Blueprints = "blueprints",
    /// Shows blueprints.
    BlueprintsShow = "blueprints show",
    /// Checks blueprint files.
    BlueprintsCheck = "blueprints check",
    /// Tests blueprints.
    BlueprintsTest = "blueprints test",
    /// Lists the images.
    ImageList = "image list",
    /// Builds images.
    ImageBuild = "image build",
    /// Downloads images.
    ImagePull = "image pull",
    /// Imports an image.
    ImageImport = "image import",
    /// Bakes an image.
    ImageBake = "image bake",
    /// Removes images.
    ImageRemove = "image remove",
    /// Lists the alarms.
    AlarmList = "alarm list",
    /// Lists the contacts.
    ContactList = "contact list",
    /// Removes contacts.
    ContactRemove = "contact remove",
    /// Lists what was sent to contacts.
    ContactDeliveries = "contact deliveries",
    /// Sends a test message to a contact.
    ContactTest = "contact test",
    /// Gives the code of a contact back.
    ContactVerify = "contact verify",
    /// Sends a message again.
    ContactRedeliver = "contact redeliver",
    /// Watches the instances.
    Watch = "watch",
    /// Serves the console and the API.
    Serve = "serve",
    /// Lists the users.
    UserList = "user list",
    /// Shows a user.
    UserShow = "user show",
    /// Lets a user in again.
    UserEnable = "user enable",
    /// Ends the sessions of a user.
    UserLogout = "user logout",
    /// Makes, confirms or removes the second factor of a user.
    UserSecondFactor = "user second-factor",
    /// Lists the keys of the API.
    KeyList = "key list",
    /// Lists the operations.
    Operations = "operations",
    /// Shows operations.
    OperationsShow = "operations show",
    /// Finishes what was cut off, and puts right what disagrees.
    Repair = "repair",
    /// Removes what no instance owns.
    Gc = "gc",
    /// Checks the host.
    Doctor = "doctor",
}

/// A command with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What to do.
    pub verb: Verb,
    /// With what: names, ids and flags of the command line.
    pub arguments: Vec<String>,
    /// It needs root, and whoever is told is not root.
    pub as_root: bool,
}

impl Action {
    /// A command with its arguments.
    pub fn new(verb: Verb, arguments: &[&dyn fmt::Display]) -> Self {
        Self { verb, arguments: arguments.iter().map(ToString::to_string).collect(), as_root: false }
    }

    /// The same command as root.
    #[must_use]
    pub fn as_root(self) -> Self {
        Self { as_root: true, ..self }
    }

    /// The command as the command line spells it: `lite start web`, `sudo lite start web`.
    pub fn command(&self) -> String {
        let sudo = self.as_root.then_some("sudo");
        let words = sudo.into_iter().chain(["lite", self.verb.as_str()]);
        words.chain(self.arguments.iter().map(String::as_str)).collect::<Vec<_>>().join(" ")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Action(Action),
}

/// A next step. Reads as text in the spelling of the command line; [`Hint::spelled`] spells it for another front end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hint {
    parts: Vec<Part>,
    text: String,
}

impl Hint {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds words.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        self.text.push_str(&text);
        self.parts.push(Part::Text(text));
        self
    }

    /// Adds a command without arguments.
    #[must_use]
    pub fn run(self, verb: Verb) -> Self {
        self.run_with(verb, &[])
    }

    /// Adds a command with arguments.
    #[must_use]
    pub fn run_with(self, verb: Verb, arguments: &[&dyn fmt::Display]) -> Self {
        self.action(Action::new(verb, arguments))
    }

    /// Adds a command that needs root.
    #[must_use]
    pub fn run_as_root(self, verb: Verb, arguments: &[&dyn fmt::Display]) -> Self {
        self.action(Action::new(verb, arguments).as_root())
    }

    /// What to do where only root may: the same again as root.
    pub fn again_as_root() -> Self {
        Self::from("run lite as root (").run_as_root(Verb::Again, &[]).text(")")
    }

    /// The same, or another folder by this setting.
    pub fn again_as_root_or(setting: &str) -> Self {
        Self::again_as_root().text(format!(", or choose another folder with `{setting}`"))
    }

    /// Adds a command.
    #[must_use]
    pub fn action(mut self, action: Action) -> Self {
        self.text.push_str(&format!("`{}`", action.command()));
        self.parts.push(Part::Action(action));
        self
    }

    /// Adds another one's words and commands.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.text.push_str(&other.text);
        self.parts.extend(other.parts);
        self
    }

    /// The commands in it, in order.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.parts.iter().filter_map(|part| match part {
            Part::Action(action) => Some(action),
            Part::Text(_) => None,
        })
    }

    /// The hint with each command spelled by `spell`; none if one of them cannot be spelled.
    pub fn spelled(&self, spell: impl Fn(&Action) -> Option<String>) -> Option<String> {
        let part = |part: &Part| match part {
            Part::Text(text) => Some(text.clone()),
            Part::Action(action) => spell(action),
        };
        self.parts.iter().map(part).collect()
    }
}

/// A command alone, to copy: it stands without marks around it.
impl From<Action> for Hint {
    fn from(action: Action) -> Self {
        Self { text: action.command(), parts: vec![Part::Action(action)] }
    }
}

/// In documents of the command line: its text.
impl Serialize for Hint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl Deref for Hint {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl From<String> for Hint {
    fn from(text: String) -> Self {
        Self::new().text(text)
    }
}

impl From<&str> for Hint {
    fn from(text: &str) -> Self {
        Self::new().text(text)
    }
}

impl PartialEq<str> for Hint {
    fn eq(&self, text: &str) -> bool {
        self.text == text
    }
}

impl PartialEq<&str> for Hint {
    fn eq(&self, text: &&str) -> bool {
        self.text == *text
    }
}

impl PartialEq<String> for Hint {
    fn eq(&self, text: &String) -> bool {
        self.text == *text
    }
}

#[cfg(test)]
mod tests {
    use super::{Action, Hint, Verb};

    #[test]
    fn a_hint_is_spelled_by_each_front_end() {
        let hint = Hint::from("pull the plug: ").run_with(Verb::Stop, &[&"web", &"--force"]).text(" (data is lost)");
        assert_eq!(hint, "pull the plug: `lite stop web --force` (data is lost)");
        let link = |action: &Action| Some(format!("<{}>", action.arguments[0]));
        assert_eq!(hint.spelled(link).as_deref(), Some("pull the plug: <web> (data is lost)"));
        assert_eq!(hint.spelled(|_| None), None);
        let root = Hint::again_as_root_or("LITE_STATE_DIR");
        assert_eq!(root, "run lite as root (`sudo lite …`), or choose another folder with `LITE_STATE_DIR`");
        let bare = Hint::from(Action::new(Verb::Doctor, &[&"--fix"]).as_root());
        assert_eq!((bare == "sudo lite doctor --fix", bare.actions().count()), (true, 1));
        assert_eq!(Hint::from("wait").spelled(|_| None).as_deref(), Some("wait"));
    }
}
