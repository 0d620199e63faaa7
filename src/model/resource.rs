//! What a user can name and an operation can change.

use uuid::Uuid;

use super::{Error, Name, Record, Result, words};

words! {
    /// A kind of resource.
    ResourceKind;
    /// A virtual machine.
    Instance = "instance",
    /// A base image or a baked one. Images have a name space of their own, one for each host.
    Image = "image",
    /// An alarm.
    Alarm = "alarm",
    /// A contact.
    Contact = "contact",
    /// A static address.
    StaticIp = "static_ip",
    /// A network of libvirt's. Operations are about it; its name is libvirt's.
    Network = "network",
    /// A load balancer.
    LoadBalancer = "load_balancer",
    /// A snapshot of an instance.
    Snapshot = "snapshot",
    /// A disk that instances are given.
    Disk = "disk",
    /// A place outside this host that snapshots are copied to.
    Remote = "remote",
    /// A public key that instances are made with.
    KeyPair = "key_pair",
}

impl ResourceKind {
    /// The kind with its article, as a sentence needs it: `an instance`.
    pub fn with_article(self) -> &'static str {
        match self {
            Self::Instance => "an instance",
            Self::Image => "an image",
            Self::Alarm => "an alarm",
            Self::Contact => "a contact",
            Self::StaticIp => "a static address",
            Self::Network => "a network",
            Self::LoadBalancer => "a load balancer",
            Self::Snapshot => "a snapshot",
            Self::Disk => "a disk",
            Self::Remote => "a remote",
            Self::KeyPair => "a key pair",
        }
    }
}

/// What an operation changes. It keeps its name here after it is gone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceRef {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its id; of an instance that is the uuid of the domain.
    pub id: Uuid,
    /// Its name when the operation began.
    pub name: String,
}

impl ResourceRef {
    /// An instance.
    pub fn instance(record: &Record) -> Self {
        Self { kind: ResourceKind::Instance, id: record.uuid, name: record.name.to_string() }
    }

    /// The id, if it is an instance.
    pub fn instance_id(&self) -> Option<Uuid> {
        (self.kind == ResourceKind::Instance).then_some(self.id)
    }
}

impl std::fmt::Display for ResourceRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.name)
    }
}

/// The id of a host: one libvirt connection and what belongs to it. Follows the rule of names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(String);

impl HostId {
    /// The host of a lite that knows one host alone.
    pub fn local() -> Self {
        Self("local".to_owned())
    }

    /// Parses an id.
    ///
    /// # Errors
    /// [`super::Code::InvalidName`].
    pub fn parse(text: &str) -> Result<Self> {
        Name::parse(text)
            .map(|name| Self(name.into()))
            .map_err(|e: Error| e.within(format!("`{}` is no host", super::escaped(text))))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for HostId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}
