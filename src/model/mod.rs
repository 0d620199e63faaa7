//! Plain types that cannot hold a bad value. No effects, no dependencies on other rooms.

mod alarm;
mod auto_snapshot;
mod class;
mod code;
mod definition;
mod disk;
mod dns;
mod drift;
mod error;
mod event;
mod firewall;
mod forward;
mod hint;
mod host;
pub mod hosts_file;
mod instance;
mod load_balancer;
mod metric;
mod money;
mod name;
mod net;
mod observer;
mod operation;
mod overcommit;
mod point;
mod proxy;
mod publication;
mod recipient;
mod resource;
mod ruleset;
mod settings;
mod site;
mod size;
mod snapshot;
mod static_ip;
mod subject;
mod tap;
mod template;
mod text;
mod words;

pub use alarm::{
    AlarmSettings, AlarmState, Comparator, Condition, MAX_WINDOW_MINUTES, Missing, Notify, Statistic, Threshold,
};
pub use auto_snapshot::AutoSnapshot;
pub use class::Class;
pub use code::Code;
pub use definition::{
    DhcpEntry, DiskSource, DnsEntry, DomainDefinition, InterfaceDefinition, InterfaceSource, IpDefinition,
    LiveDefinition, LiveDisk, MetadataElement, Mirror, NetworkDefinition,
};
pub use disk::{Disk, DiskAttachment, DiskState, MountPoint};
pub use dns::{DOMAIN, DnsName, TimeZone};
pub use drift::Drift;
pub use error::{Error, Result, escaped, nearest};
pub use event::{Event, EventData, EventKind};
pub use firewall::{MOST_RULES, Rule, Rules, Service, source};
pub use forward::ForwardMode;
pub use hint::{Action, Hint, Verb};
pub use host::{Accel, Folders, Host, Subnet6, is_unique_local};
pub use instance::{DesiredState, Instance, InstanceState, Kept, NetworkMode, Phase, Record, Tag};
pub use load_balancer::{HealthPath, LoadBalancer, Target, TargetState};
pub use metric::{Metric, MetricType, Unit};
pub use money::{Currency, Money, StoragePrices};
pub use name::Name;
pub use net::{DhcpHost, DnsHost, Mac, Port, Protocol, is_machines};
pub use observer::{Observer, Stage, Unobserved, WithinStage};
pub use operation::{OperationKind, OperationState, Progress, Requester, StepState, Via};
pub use overcommit::{DiskUsage, Overcommit, Ratio};
pub use point::Point;
pub use proxy::{ProxyConfiguration, ProxyCounters, ProxyFile, ProxyServer, ProxyStatistics};
pub use publication::{PortPair, Publication};
pub use recipient::Recipient;
pub use resource::{HostId, ResourceKind, ResourceRef};
pub use ruleset::{LoadedTable, Ruleset};
pub use settings::{Acme, MailSecurity, MailServer, Paths, Settings};
pub use site::{ApplicationUrl, Certificate, CertificateState, Domain, Site, is_behind_router};
pub use size::Size;
pub use snapshot::{Consistency, Snapshot, SnapshotState, StoredSnapshot};
pub use static_ip::StaticIp;
pub use subject::{EventInstance, EventLoadBalancer, Subject};
pub use tap::Tap;
pub use template::check_template;
pub use text::{hex, is_hidden, visible};
pub use words::Word;
pub(crate) use words::{unknown_word, words};
