//! Checks of this host, each with its fix.
//!
//! [`gather`] reads what there is to know (it never fails: what cannot be read is unknown, and said so), [`evaluate`] turns it
//! into checks, [`fixes`] and [`apply`] put right what can be. A fix of libvirt uncovers more: after it, open libvirt and
//! gather once more, then ask for fixes again.

mod accel;
mod check;
mod checksum;
mod evaluate;
mod facts;
mod firewall;
mod fix;
mod host;
mod ipv6;
mod local;
mod routes;
mod subnet;

pub use accel::{Acceleration, Here, obstacle, use_kvm};
pub use check::{Check, Repair, Status};
pub use checksum::{FIX as CSUM_FIX, lacks_csum};
pub use evaluate::evaluate;
pub use facts::{Facts, Network, Resolver, Web, gather, inward_obstacle, obstacles, web_obstacle};
pub use firewall::{Closed, Insertion, Obstacle, Ruleset, Way, backend, judge, judge_web, parse_iptables, parse_nft};
pub use fix::{Fix, apply, fixes};
pub use ipv6::{NoIpv6, Subnets, choose_subnet6, choose_subnets, routes6};
pub use local::Kvm;
pub use routes::{OwnAddress, Route, addresses, gateways, is_direct, parse_routes, routes};
pub use subnet::choose_subnet;
