//! How an operation tells what it is doing: one interface for every front end.

use super::Hint;

/// A stage of an operation, as a user sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The host is checked.
    Host,
    /// The image is chosen, or made.
    Image,
    /// Disk, seed, address and filter are made.
    Disk,
    /// The domain runs and the guest's first words came.
    Boot,
    /// The guest has its address.
    Address,
    /// cloud-init and the blueprint's scripts run.
    CloudInit,
    /// The application is asked until it answers.
    Application,
    /// An upgrade: the part runs in the guest.
    Upgrade,
    /// A bake: the install part runs.
    Install,
    /// A bake: what belongs to one machine alone is taken off the disk, and the machine goes down.
    Seal,
    /// A bake: the disk becomes an image.
    Pack,
    /// Saved memory: a machine goes on from it, to see whether it can.
    Trial,
    /// Another process works on the same image.
    Waiting,
    /// An image is downloaded.
    Download,
    /// A file is copied into the pool.
    Copying,
    /// An image is built: packages are installed.
    Packages,
    /// An image is built: cloud-init and the boot loader are prepared.
    FirstBoot,
    /// An image is built: the disk is made of the files.
    MakeDisk,
    /// A disk becomes a compressed image.
    Compressing,
    /// An image is checked before it is kept.
    Checking,
    /// A test of a blueprint: all its documents are rendered.
    Render,
    /// A test of a blueprint: what listens is compared with `ports`.
    Ports,
    /// A job waits until there is room for its machine.
    Queue,
    /// A job: what it left is brought here.
    Output,
    /// What is not needed any more is removed.
    Remove,
}

impl Stage {
    /// The word shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Image => "image",
            Self::Disk => "disk",
            Self::Boot => "boot",
            Self::Address => "address",
            Self::CloudInit => "cloud-init",
            Self::Application => "application",
            Self::Upgrade => "upgrade",
            Self::Install => "install",
            Self::Seal => "seal",
            Self::Pack => "pack",
            Self::Trial => "trial",
            Self::Waiting => "waiting for another process",
            Self::Download => "download",
            Self::Copying => "copying",
            Self::Packages => "installing packages",
            Self::FirstBoot => "preparing the first boot",
            Self::MakeDisk => "making the disk",
            Self::Compressing => "compressing",
            Self::Checking => "checking",
            Self::Render => "render",
            Self::Ports => "ports",
            Self::Queue => "queue",
            Self::Output => "output",
            Self::Remove => "remove",
        }
    }
}

/// Who watches an operation. All calls come from the thread that runs the operation.
pub trait Observer: Send {
    /// A stage begins; one that still runs is done.
    fn begin(&mut self, stage: Stage);
    /// What the running stage is doing.
    fn note(&mut self, text: &str);
    /// How many bytes of the running stage are done, of how many where that is known.
    fn bytes(&mut self, done: u64, total: Option<u64>);
    /// The running stage is done.
    fn finish(&mut self);
    /// The running stage failed.
    fn fail(&mut self);
    /// How things go, in a sentence, beside the stages.
    fn status(&mut self, text: &str);
    /// What only somebody who looks for it needs to know.
    fn detail(&mut self, _text: &str) {}
    /// Something the user should know that is no failure, and what to do about it.
    fn warn(&mut self, warning: &Hint);
}

/// An observer that does not look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn begin(&mut self, _: Stage) {}
    fn note(&mut self, _: &str) {}
    fn bytes(&mut self, _: u64, _: Option<u64>) {}
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, _: &str) {}
    fn warn(&mut self, _: &Hint) {}
}

/// Shows work with stages of its own as notes of the stage that runs: an image made in the middle of a create.
pub struct WithinStage<'a>(pub &'a mut dyn Observer);

impl Observer for WithinStage<'_> {
    fn begin(&mut self, stage: Stage) {
        self.0.note(stage.as_str());
    }
    fn note(&mut self, text: &str) {
        self.0.note(text);
    }
    fn bytes(&mut self, done: u64, total: Option<u64>) {
        self.0.bytes(done, total);
    }
    fn finish(&mut self) {}
    fn fail(&mut self) {}
    fn status(&mut self, text: &str) {
        self.0.status(text);
    }
    fn detail(&mut self, text: &str) {
        self.0.detail(text);
    }
    fn warn(&mut self, warning: &Hint) {
        self.0.warn(warning);
    }
}
