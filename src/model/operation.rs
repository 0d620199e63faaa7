//! What is written of a change: its kind, who asked for it, and how it stands.

use std::net::IpAddr;

use super::words;

words! {
    /// What an operation does.
    OperationKind;
    /// Makes an instance.
    Create = "create",
    /// Removes an instance, or keeps it for a while as a deleted one.
    Delete = "delete",
    /// Brings a deleted instance back.
    Undelete = "undelete",
    /// Removes a deleted instance for good.
    Purge = "purge",
    /// Starts an instance.
    Start = "start",
    /// Stops an instance.
    Stop = "stop",
    /// Reboots an instance.
    Reboot = "reboot",
    /// The watcher starts an instance again that is wanted up.
    Restart = "restart",
    /// The watcher resets an instance that does not answer.
    Reset = "reset",
    /// Replaces the tags of an instance.
    Tag = "tag",
    /// Changes what the firewall of an instance lets in.
    Firewall = "firewall",
    /// Lets ports of the host lead to an instance.
    Publish = "publish",
    /// Takes such ports away.
    Unpublish = "unpublish",
    /// Lets a static address lead to an instance.
    AttachStaticIp = "attach",
    /// Lets it lead nowhere.
    DetachStaticIp = "detach",
    /// Has a network forward packets in another mode.
    MoveNetwork = "move",
    /// Makes a load balancer.
    CreateLoadBalancer = "lb-create",
    /// Puts instances behind a load balancer.
    AttachTargets = "lb-attach",
    /// Takes instances from behind a load balancer, once their visitors are gone.
    DetachTargets = "lb-detach",
    /// Removes a load balancer.
    DeleteLoadBalancer = "lb-delete",
    /// Makes a disk.
    CreateDisk = "disk-create",
    /// Gives a disk to an instance.
    AttachDisk = "disk-attach",
    /// Takes a disk off an instance.
    DetachDisk = "disk-detach",
    /// Makes a disk larger.
    ResizeDisk = "disk-resize",
    /// Removes a disk.
    DeleteDisk = "disk-delete",
    /// Gives an instance another bundle.
    Resize = "resize",
    /// Makes a snapshot of an instance.
    CreateSnapshot = "snapshot-create",
    /// Makes a snapshot of a disk.
    CreateDiskSnapshot = "disk-snapshot",
    /// Removes a snapshot.
    DeleteSnapshot = "snapshot-delete",
    /// Boots a snapshot in a machine that is thrown away, to see whether it is whole.
    VerifySnapshot = "snapshot-verify",
    /// Gives an instance the disk of one of its snapshots.
    Restore = "restore",
    /// Brings what runs in an instance to today's versions, or the instance back to how it was.
    Upgrade = "upgrade",
    /// Writes a snapshot, or the disk of a stopped instance, into a file that leaves the host.
    Export = "export",
    /// Adds a remote.
    AddRemote = "remote-add",
    /// Removes a remote.
    RemoveRemote = "remote-remove",
    /// Copies a snapshot to a remote.
    PushSnapshot = "snapshot-push",
    /// Deletes snapshots in a remote.
    DeleteOffSite = "remote-delete",
    /// Brings a snapshot back from a remote.
    FetchSnapshot = "remote-restore",
    /// Puts the domain of an instance back as it was recorded.
    Repair = "repair",
    /// Makes an image with a blueprint installed.
    Bake = "bake",
    /// Saves the memory of a machine for others to go on from.
    Warm = "warm",
    /// Makes an image of a distribution's packages.
    Build = "build",
    /// Downloads an image.
    Pull = "pull",
    /// Brings an image of the operator's own.
    Import = "import",
    /// Removes an older version of an image.
    Prune = "prune",
    /// Removes an image.
    Remove = "remove",
}

impl OperationKind {
    /// Whether an instance runs anew after it.
    pub fn starts(self) -> bool {
        matches!(
            self,
            Self::Create | Self::Start | Self::Reboot | Self::Restart | Self::Restore | Self::Resize | Self::Upgrade
        )
    }
}

words! {
    /// How an operation stands.
    OperationState;
    /// Under way, or its owner died.
    Started = "started",
    /// Done.
    Succeeded = "succeeded",
    /// Failed and undone.
    Failed = "failed",
    /// An undo failed: a person or `lite repair` has to finish it.
    NeedsAttention = "needs-attention",
}

impl OperationState {
    /// Under way, cut off, or waiting for a person.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Started | Self::NeedsAttention)
    }
}

words! {
    /// How far a step is.
    StepState;
    /// About to be done, or done and not yet recorded.
    Intent = "intent",
    /// Done.
    Done = "done",
    /// Undone.
    Undone = "undone",
}

words! {
    /// The way a change was asked for.
    Via, InvalidVia, "a way that changes are asked for by";
    /// A command.
    Cli = "cli",
    /// The watcher decided it.
    Watcher = "watcher",
    /// A page of the console.
    Console = "console",
    /// A request of the API.
    Api = "api",
}

/// Who asked for a change, and by which way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Requester {
    /// The account.
    pub actor: String,
    /// The way.
    pub via: Via,
    /// From where, where that was over a network.
    pub address: Option<IpAddr>,
}

impl Requester {
    /// The account that may do everything.
    pub fn root(via: Via) -> Self {
        Self { actor: "root".to_owned(), via, address: None }
    }
}

/// How far the operation under way has come. What is not known is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// The stage it is in.
    pub stage: Option<String>,
    /// What it is doing there.
    pub note: Option<String>,
    /// How many bytes of it are done.
    pub done: Option<u64>,
    /// Of how many.
    pub total: Option<u64>,
}
