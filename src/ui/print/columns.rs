//! The columns of `lite list`.

use super::{health_tone, leads_text, or_dash, ports_text, price_cell, state_tone, tags_text, toned};
use crate::{
    model::{Code, Error, Result, escaped, nearest},
    ui::{Cell, Column},
    view::{ListRow, network_text, time_text},
};

macro_rules! columns {
    ($($(#[$doc:meta])* $variant:ident $name:literal $head:literal),* $(,)?) => {
        /// A column of `lite list --columns`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ListColumn { $($(#[$doc])* $variant),* }

        impl ListColumn {
            /// Every column, by the name the flag knows.
            pub const ALL: &'static [(&'static str, Self)] = &[$(($name, Self::$variant)),*];

            fn head(self) -> &'static str {
                match self { $(Self::$variant => $head),* }
            }
        }
    };
}

columns! {
    /// Name.
    Name "name" "NAME",
    /// State.
    State "state" "STATE",
    /// Health.
    Health "health" "HEALTH",
    /// Blueprint id.
    Blueprint "blueprint" "BLUEPRINT",
    /// Bundle id.
    Bundle "bundle" "BUNDLE",
    /// Address.
    Address "address" "ADDRESS",
    /// Its IPv6 address.
    Address6 "address6" "IPV6 ADDRESS",
    /// The static address that leads to it.
    StaticAddress "static_address" "STATIC ADDRESS",
    /// Price a month; its heading names the currency where there is only one.
    Price "price" "PRICE/MONTH",
    /// Base image id.
    Base "base" "BASE",
    /// Virtual CPUs.
    Vcpus "vcpus" "VCPU",
    /// Memory.
    Memory "memory" "MEMORY",
    /// Root disk.
    Disk "disk" "DISK",
    /// Network.
    Network "network" "NETWORK",
    /// Open ports.
    Ports "ports" "PORTS",
    /// Domains and ports of the host that lead to it.
    Published "published" "PUBLISHED",
    /// The job that it is the machine of.
    Job "job" "JOB",
    /// When its newest snapshot was asked for.
    Snapshot "snapshot" "LAST SNAPSHOT",
    /// Tags.
    Tags "tags" "TAGS",
    /// When it was made.
    Created "created" "CREATED",
    /// Blueprint version at create.
    Version "version" "VERSION",
    /// Digest of the image below its disk.
    Image "image" "IMAGE",
    /// Id.
    Uuid "uuid" "UUID",
}

impl ListColumn {
    /// The columns shown when none are asked for.
    pub const DEFAULT: [Self; 7] =
        [Self::Name, Self::State, Self::Health, Self::Blueprint, Self::Bundle, Self::Address, Self::Price];

    /// Parses the name of a column; the nearest is named if there is none.
    pub fn parse(text: &str) -> Result<Self> {
        let names = || Self::ALL.iter().map(|(name, _)| *name);
        if let Some((_, column)) = Self::ALL.iter().find(|(name, _)| *name == text) {
            return Ok(*column);
        }
        let mut error = Error::new(Code::UnknownColumn, format!("there is no column `{}`", escaped(text)));
        if let Some(near) = nearest(text, names()) {
            error = error.hint(format!("did you mean `{near}`?"));
        }
        Err(error.hint(format!("the columns are {}", names().collect::<Vec<_>>().join(", "))))
    }

    pub(super) fn column(self, currency: Option<&str>) -> Column {
        match (self, currency) {
            (Self::Price, Some(currency)) => Column::right(format!("{currency}/MONTH")),
            (Self::Price, None) => Column::right(self.head()),
            _ => Column::left(self.head()),
        }
    }

    pub(super) fn cell(self, row: &ListRow, currency: Option<&str>) -> Cell {
        match self {
            Self::Name => Cell::from(&row.name),
            Self::State => toned(row.state, state_tone(row.state)),
            Self::Health => toned(or_dash(row.health.as_ref()), health_tone(row.health.as_deref())),
            Self::Blueprint => Cell::from(&row.blueprint),
            Self::Bundle => Cell::from(&row.bundle),
            Self::Address => Cell::from(or_dash(row.address)),
            Self::Address6 => Cell::from(or_dash(row.address6)),
            Self::StaticAddress => Cell::from(or_dash(row.static_address)),
            Self::Price => price_cell(row.price, &row.currency, currency),
            Self::Base => Cell::from(&row.base),
            Self::Vcpus => Cell::from(row.vcpus),
            Self::Memory => Cell::from(row.memory),
            Self::Disk => Cell::from(row.disk),
            Self::Network => Cell::from(network_text(&row.network)),
            Self::Ports => Cell::from(or_dash((!row.ports.is_empty()).then(|| ports_text(&row.ports)))),
            Self::Published => Cell::from(or_dash(leads_text(row))),
            Self::Job => Cell::from(or_dash(row.job.as_ref())),
            Self::Snapshot => Cell::from(or_dash(row.last_snapshot.map(time_text))),
            Self::Tags => Cell::from(or_dash((!row.tags.is_empty()).then(|| tags_text(&row.tags)))),
            Self::Created => Cell::from(time_text(row.created_at)),
            Self::Version => Cell::from(&row.blueprint_version),
            Self::Image => Cell::from(row.image_digest.chars().take(12).collect::<String>()),
            Self::Uuid => Cell::from(row.uuid),
        }
    }
}
