//! What is asked for of a create.

use std::{net::Ipv4Addr, time::Duration};

use ipnet::Ipv4Net;

use crate::{
    app::files::Attachment,
    model::{Asked, DnsName, Name, NetworkMode, Tag, TimeZone},
};

/// An instance to make.
#[derive(Clone)]
pub struct Create {
    /// Id of the blueprint; that of the snapshot's instance, where there is one.
    pub blueprint: String,
    /// The snapshot whose disk it is to have; none: one made of the blueprint.
    pub from_snapshot: Option<Name>,
    /// Id of the bundle; none: the smallest that fits the blueprint.
    pub bundle: Option<String>,
    /// Its name; none: the blueprint's and the first free number.
    pub name: Option<Name>,
    /// The operating system below an application; none: the blueprint's.
    pub base: Option<String>,
    /// Parameters of the blueprint and the values for them.
    pub parameters: Vec<(String, String)>,
    /// Public SSH keys that may log in.
    pub ssh_keys: Vec<Attachment>,
    /// A `#cloud-config` or `#!` file, run after the blueprint's own parts.
    pub user_data: Option<Attachment>,
    /// The guest's name in DNS, such as `mail.example.org`; none: its name alone.
    pub fqdn: Option<DnsName>,
    /// The guest's time zone, such as `Europe/Berlin`; none: UTC.
    pub timezone: Option<TimeZone>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Network.
    pub network: NetworkMode,
    /// Its address on the bridge, with the prefix of its network, and the router there; none: what the network gives it.
    pub address: Option<(Ipv4Net, Ipv4Addr)>,
    /// Take an image in which the blueprint is installed already, where there is one.
    pub use_baked: bool,
    /// Go on from the memory of a machine of this kind, where there is any.
    pub use_warm: bool,
    /// How the API was asked for it, which it tells again.
    pub asked: Option<Asked>,
    /// The caller's own id of this request: asked twice, made once.
    pub request_id: Option<String>,
    /// Wait while something else works on the same instance.
    pub wait: bool,
    /// How long the application may take until it answers.
    pub timeout: Duration,
    /// Return when the application answers, not once the machine runs.
    pub until_ready: bool,
}

impl Create {
    /// One as the command line makes it of a blueprint alone.
    pub fn of(blueprint: String, timeout: Duration) -> Self {
        Self {
            blueprint,
            from_snapshot: None,
            bundle: None,
            name: None,
            base: None,
            parameters: Vec::new(),
            ssh_keys: Vec::new(),
            user_data: None,
            fqdn: None,
            timezone: None,
            tags: Vec::new(),
            network: NetworkMode::Nat,
            address: None,
            use_baked: true,
            use_warm: true,
            asked: None,
            request_id: None,
            wait: false,
            timeout,
            until_ready: true,
        }
    }
}
