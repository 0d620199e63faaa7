//! The two copies that libvirt has of a network's definition: the stored one, and that of the network that runs. Each is changed
//! and looked at by itself: a crash in between leaves them apart.

use virt::network::Network;
use virt_sys as sys;

use super::errors::{Outcome, is_unsupported};
use crate::model::NetworkDefinition;

/// One of the two.
#[derive(Clone, Copy)]
pub enum Copy {
    /// The stored one.
    Persistent,
    /// That of the network that runs.
    Live,
}

impl Copy {
    /// Those that a network has.
    pub fn of(network: &Network) -> Outcome<Vec<Self>> {
        let mut copies = Vec::new();
        if network.is_persistent()? {
            copies.push(Self::Persistent);
        }
        if network.is_active()? {
            copies.push(Self::Live);
        }
        Ok(copies)
    }

    /// What it says.
    pub fn definition(self, network: &Network) -> Outcome<NetworkDefinition> {
        Ok(NetworkDefinition::parse(&self.xml(network)?)?)
    }

    /// Its XML.
    pub fn xml(self, network: &Network) -> std::result::Result<String, virt::error::Error> {
        match self {
            Self::Live => network.xml_desc(0),
            Self::Persistent => match network.xml_desc(sys::VIR_NETWORK_XML_INACTIVE) {
                // The test driver shows the live copy only.
                Err(error) if is_unsupported(&error) => network.xml_desc(0),
                answer => answer,
            },
        }
    }

    /// Changes one element of it.
    pub fn update(
        self,
        network: &Network,
        command: sys::virNetworkUpdateCommand,
        section: sys::virNetworkUpdateSection,
        xml: &str,
    ) -> Outcome<()> {
        let flags = match self {
            Self::Persistent => sys::VIR_NETWORK_UPDATE_AFFECT_CONFIG,
            Self::Live => sys::VIR_NETWORK_UPDATE_AFFECT_LIVE,
        };
        Ok(network.update(command, section, -1, xml, flags)?)
    }
}
