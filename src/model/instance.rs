//! What lite knows of an instance.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    AutoSnapshot, Code, Currency, DiskAttachment, Error, Hint, Mac, Money, Name, Port, Publication, Result, Rule,
    Rules, Site, Size, Verb, escaped, words,
};

words! {
    /// What the user wants the instance to be: the state it is brought back to.
    DesiredState;
    /// Up.
    Running = "running",
    /// Down.
    Stopped = "stopped",
}

words! {
    /// The state a user sees in `lite list`.
    InstanceState;
    /// A create is at work.
    Creating = "creating",
    /// A delete is at work.
    Deleting = "deleting",
    /// Up.
    Running = "running",
    /// On its way down.
    Stopping = "stopping",
    /// Down.
    Stopped = "stopped",
    /// Deleted, and kept for a while.
    Kept = "kept",
    /// Its QEMU process does not answer.
    Unresponsive = "unresponsive",
    /// Paused, by a person or by an I/O error.
    Paused = "paused",
    /// Off, while a snapshot of its disk is made.
    Snapshotting = "snapshotting",
    /// Went down by a crash or a guest panic.
    Crashed = "crashed",
    /// Set-up failed; kept for its logs.
    Failed = "failed",
    /// Its domain was changed by hand and is not what lite recorded.
    Drifted = "drifted",
    /// Its domain is gone from the host.
    Lost = "lost",
    /// The host could not be asked.
    Unknown = "unknown",
}

/// How an instance reaches the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// The NAT network of ours.
    Nat,
    /// A bridge of the host's; the address comes from the LAN.
    Bridge(String),
}

impl NetworkMode {
    /// Parses `nat` or `bridge:NAME` (a Linux interface name, at most 15 of `a-z A-Z 0-9 . _ -`).
    pub fn parse(text: &str) -> Result<Self> {
        let shaped = |n: &str| {
            (1..=15).contains(&n.len())
                && !n.starts_with(['-', '.'])
                && n.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        match text.strip_prefix("bridge:") {
            None if text == "nat" => Ok(Self::Nat),
            Some(bridge) if shaped(bridge) => Ok(Self::Bridge(bridge.to_owned())),
            _ => Err(Error::new(Code::InvalidNetwork, format!("`{}` is not a network", escaped(text)))
                .hint("use `nat`, or `bridge:NAME` with the name of a bridge of this host, such as `bridge:br0`")),
        }
    }
}

/// A label of the user's: `key=value`, or `key` alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag {
    /// 1 to 128 printable ASCII characters without `=` and `,`.
    pub key: String,
    /// 0 to 256 printable ASCII characters.
    pub value: String,
}

impl Tag {
    /// Parses `key=value` or `key`.
    pub fn parse(text: &str) -> Result<Self> {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        let printable = |t: &str| t.bytes().all(|b| (b' '..=b'~').contains(&b));
        if key.is_empty()
            || key.len() > 128
            || value.len() > 256
            || !printable(key)
            || !printable(value)
            || key.contains(',')
            || key.trim() != key
        {
            return Err(Error::new(Code::InvalidTag, format!("`{}` is not a tag", escaped(text)))
                .hint("a tag is `key=value` or `key`: printable ASCII, the key 1 to 128 characters without `=` and `,`, the value at most 256"));
        }
        if key == AutoSnapshot::PUSH_TAG {
            Name::parse(value)?;
        }
        if key == AutoSnapshot::TAG {
            AutoSnapshot::parse(value)?;
        }
        Ok(Self { key: key.to_owned(), value: value.to_owned() })
    }

    /// The tag of an instance that is not to be deleted.
    pub fn protection() -> Self {
        Self { key: "protected".to_owned(), value: String::new() }
    }

    /// The tag of an instance that is snapshotted every day.
    pub fn automatic(auto: AutoSnapshot) -> Self {
        Self { key: AutoSnapshot::TAG.to_owned(), value: auto.to_string() }
    }

    /// The tag of an instance whose automatic snapshots are copied to a remote.
    pub fn pushed(remote: Name) -> Self {
        Self { key: AutoSnapshot::PUSH_TAG.to_owned(), value: remote.into() }
    }

    /// When an instance of these tags is snapshotted by itself; none: it is not.
    pub fn auto_snapshot(tags: &[Self]) -> Option<AutoSnapshot> {
        let tag = tags.iter().find(|tag| tag.key == AutoSnapshot::TAG)?;
        AutoSnapshot::parse(&tag.value).ok()
    }

    /// The remote to which automatic snapshots of an instance of these tags are copied; none: to none.
    pub fn pushed_to(tags: &[Self]) -> Option<Name> {
        let tag = tags.iter().find(|tag| tag.key == AutoSnapshot::PUSH_TAG)?;
        Name::parse(&tag.value).ok()
    }

    /// Whether the tag has copies of its instance made in a remote, which is a thing of the whole host.
    pub fn pushes(&self) -> bool {
        self.key == AutoSnapshot::PUSH_TAG
    }

    /// Whether lite does something because of the tag.
    pub fn is_reserved(&self) -> bool {
        self.protects() || self.pushes() || self.key == AutoSnapshot::TAG
    }

    /// Whether the tag keeps its instance from being deleted, whatever its value is.
    pub fn protects(&self) -> bool {
        self.key == "protected"
    }
}

impl std::fmt::Display for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.value.as_str() {
            "" => f.pad(&self.key),
            value => f.pad(&format!("{}={value}", self.key)),
        }
    }
}

/// The part of an instance that is written into the domain's metadata, from which a lost database is rebuilt. No secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The name; also the domain's, unless the instance is deleted and kept.
    pub name: Name,
    /// The name by which its disks and logs are called, if an undelete gave it another: libvirt cannot rename a volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_as: Option<Name>,
    /// cloud-init's id of the instance, if an undelete gave it another address; none: the instance's id. cloud-init sets an
    /// address for a new id alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed_id: Option<Uuid>,
    /// The number of its root disk, if a restore gave it another: libvirt cannot rename a volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_disk: Option<u32>,
    /// The snapshot that its root disk still lies on; none: on the image alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lies_on: Option<Uuid>,
    /// The id; also the domain's uuid.
    pub uuid: Uuid,
    /// Blueprint id.
    pub blueprint: String,
    /// Blueprint version at create.
    pub blueprint_version: String,
    /// Base image id, such as `debian-13`.
    pub base: String,
    /// SHA-256 of the image the root disk lies on, hexadecimal.
    pub image_digest: String,
    /// Bundle id.
    pub bundle: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory.
    pub memory: Size,
    /// Root disk.
    pub disk: Size,
    /// Scratch disk; none: the instance has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scratch_disk: Option<Size>,
    /// Disks that it was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disks: Vec<DiskAttachment>,
    /// Transfer a month.
    pub transfer: Size,
    /// Price a month agreed at create; kept when the bundle file changes.
    pub price: Money,
    /// Its currency.
    pub currency: Currency,
    /// Hardware address.
    pub mac: Mac,
    /// Its own address; none on a bridge where none was stated.
    pub address: Option<Ipv4Addr>,
    /// Its own IPv6 address; none where its network had no IPv6 when it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address6: Option<Ipv6Addr>,
    /// Network.
    pub network: NetworkMode,
    /// Ports that its blueprint opened at create.
    pub ports: Vec<Port>,
    /// What is let in; none: a record that an earlier lite wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firewall: Option<Rules>,
    /// Ports of the host that lead to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<Publication>,
    /// Domains that lead to it, the one that was published first before the others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<Site>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// When create was asked for, RFC 3339, UTC.
    pub created_at: jiff::Timestamp,
    /// How the API was asked for it; none: it was asked for otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// It lets in whom lite's own authority of SSH certifies; not where an earlier lite made it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trusts_authority: bool,
    /// It is deleted, or is about to be, and is kept for a while; none: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
}

/// The words by which the API was asked for an instance. It tells them again: a client that finds others makes the instance anew.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Asked {
    /// The blueprint.
    pub blueprint: String,
    /// The bundle.
    pub bundle: String,
    /// The key pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_pair: Option<String>,
    /// Which kinds of addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addresses: Option<String>,
}

/// What is remembered of a deleted instance that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// When it goes for good, RFC 3339, UTC.
    pub until: jiff::Timestamp,
    /// How far its life had come, and will have come again if it is brought back.
    pub phase: Phase,
    /// Whether it was wanted running.
    pub running: bool,
}

impl Record {
    /// The name that the domain of a kept instance has: its own name is free.
    pub fn kept_name(&self) -> String {
        format!("kept-{}", self.uuid.simple())
    }

    /// How a deleted instance that is kept is brought back.
    pub fn way_back(&self) -> Hint {
        let until = self.kept.map(|kept| kept.until.strftime(" until %F %T UTC").to_string()).unwrap_or_default();
        let hint = Hint::from(format!("it was deleted, and is kept{until}: "));
        hint.run_with(Verb::Undelete, &[&self.name]).text(" brings it back")
    }

    /// cloud-init's id of the instance.
    pub fn instance_id(&self) -> Uuid {
        self.seed_id.unwrap_or(self.uuid)
    }

    /// When it is snapshotted by itself; none: it is not.
    pub fn auto_snapshot(&self) -> Option<AutoSnapshot> {
        Tag::auto_snapshot(&self.tags)
    }

    /// The remote to which its automatic snapshots are copied; none: to none.
    pub fn pushed_to(&self) -> Option<Name> {
        Tag::pushed_to(&self.tags)
    }

    /// How it has a disk that it was given; none: it has not.
    pub fn attachment(&self, disk: Uuid) -> Option<&DiskAttachment> {
        self.disks.iter().find(|one| one.disk == disk)
    }

    /// What is let in: as it was changed last, or else what the instance began with.
    pub fn rules(&self) -> Rules {
        self.firewall.clone().unwrap_or_else(|| Rule::first(&self.ports))
    }
}

/// A stored instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// What is also in the domain's metadata.
    pub record: Record,
    /// What the user wants.
    pub desired_state: DesiredState,
    /// Result of the set-up: `creating`, `ready`, `failed`, `deleting`.
    pub phase: Phase,
    /// Why it failed, if it did: one sentence.
    pub failure: Option<String>,
}

impl Instance {
    /// Whether it is not to be deleted.
    pub fn is_protected(&self) -> bool {
        self.record.tags.iter().any(Tag::protects)
    }
}

words! {
    /// How far an instance's life has come.
    Phase;
    /// Being made; not yet known to answer.
    Creating = "creating",
    /// Its application answered once.
    Ready = "ready",
    /// Started, but nobody waited for the application (`--no-wait`).
    Unverified = "started",
    /// Its set-up failed.
    Failed = "failed",
    /// Being removed.
    Deleting = "deleting",
    /// Thrown away when the image it bakes is packed; in no listing.
    Baking = "baking",
    /// Deleted, and kept for a while; in no listing but that of the deleted.
    Kept = "kept",
}

impl Phase {
    /// Coming or going: what the host holds of it is not what it is to be.
    pub fn is_passing(self) -> bool {
        matches!(self, Self::Creating | Self::Deleting | Self::Baking | Self::Kept)
    }
}
