//! The pages, a file each.

mod access;
mod alarms;
mod audit;
mod balancers;
mod contacts;
mod cost;
mod create;
mod deleted;
mod disks;
mod firewall;
mod host;
mod images;
mod instance;
mod instances;
mod key_pairs;
mod live;
mod login;
mod logout;
mod logs;
mod metrics;
mod network;
mod operations;
mod own;
mod presets;
mod remotes;
mod scrape;
mod second_factor;
mod settings;
mod snapshots;
mod start;
mod storage;
mod terminals;

use std::sync::Arc;

use axum::routing::MethodRouter;

use super::{Console, Needs, Page, assets, sheet};
use crate::app::Right;

const READ: Needs = Needs::Right(Right::Read);
const ACCESS: Needs = Needs::Right(Right::Access);
const CHANGE: Needs = Needs::Right(Right::Change);
const ADMINISTER: Needs = Needs::Right(Right::Administer);
const PROTECT: Needs = Needs::Right(Right::Protect);
/// One's own way in.
const OWN: Needs = Needs::Fresh(Right::Read);

type Handler = fn() -> MethodRouter<Arc<Console>>;

/// A page that one address opens, for which that is its example too.
const fn at(method: &'static str, path: &'static str, needs: Needs, handler: Handler) -> Page {
    Page { method, path, needs, example: path, handler }
}

/// A page of one thing, with an address of it.
const fn of(
    method: &'static str,
    (path, example): (&'static str, &'static str),
    needs: Needs,
    handler: Handler,
) -> Page {
    Page { method, path, needs, example, handler }
}

/// Every page: the router is made of this table alone.
pub const PAGES: &[Page] = &[
    at("GET", "/login", Needs::Nothing, login::form),
    at("POST", "/login", Needs::Nothing, login::posted),
    at("POST", "/login/second", Needs::Nothing, login::second),
    at("GET", "/metrics", Needs::Token, scrape::page),
    of("GET", ("/assets/{name}", "/assets/style.css"), Needs::Nothing, assets::handler),
    at("POST", "/", Needs::Signature, start::posted),
    at("GET", "/", Needs::Session, start::first),
    at("POST", "/logout", Needs::Session, logout::posted),
    at("GET", "/instances", READ, instances::page),
    at("POST", "/instances", CHANGE, instances::power),
    at("GET", "/create", CHANGE, create::form),
    at("POST", "/create", CHANGE, create::posted),
    of("GET", ("/instances/{name}", "/instances/shop"), READ, instance::page),
    of("POST", ("/instances/{name}/power", "/instances/shop/power"), CHANGE, instance::power),
    of("POST", ("/instances/{name}/protect", "/instances/shop/protect"), PROTECT, instance::protect),
    of("POST", ("/instances/{name}/secrets", "/instances/shop/secrets"), ACCESS, instance::secrets),
    of("GET", ("/instances/{name}/delete", "/instances/shop/delete"), CHANGE, instance::delete),
    of("POST", ("/instances/{name}/delete", "/instances/shop/delete"), CHANGE, instance::deleted),
    at("GET", "/live", READ, live::stream),
    at("GET", "/operations", READ, operations::page),
    of("GET", ("/operations/{id}", "/operations/op-00000000"), READ, operations::one),
    of("POST", ("/operations/{id}/cancel", "/operations/op-00000000/cancel"), CHANGE, operations::cancel),
    of("GET", ("/instances/{name}/metrics", "/instances/shop/metrics"), READ, metrics::page),
    of("GET", ("/instances/{name}/console", "/instances/shop/console"), ACCESS, terminals::console),
    of("GET", ("/instances/{name}/console/stream", "/instances/shop/console/stream"), ACCESS, terminals::watch),
    of("GET", ("/instances/{name}/ssh", "/instances/shop/ssh"), ACCESS, terminals::ssh),
    of("GET", ("/instances/{name}/ssh/stream", "/instances/shop/ssh/stream"), ACCESS, terminals::log_in),
    of("GET", ("/instances/{name}/firewall", "/instances/shop/firewall"), READ, sheet::page::<firewall::Firewall>),
    of("POST", ("/instances/{name}/firewall", "/instances/shop/firewall"), CHANGE, sheet::posted::<firewall::Firewall>),
    of("POST", ("/instances/{name}/repair", "/instances/shop/repair"), ADMINISTER, instance::repair),
    of("GET", ("/instances/{name}/network", "/instances/shop/network"), READ, sheet::page::<network::OfInstance>),
    of("POST", ("/instances/{name}/network", "/instances/shop/network"), CHANGE, sheet::posted::<network::OfInstance>),
    of("GET", ("/instances/{name}/storage", "/instances/shop/storage"), READ, sheet::page::<storage::Storage>),
    of("POST", ("/instances/{name}/storage", "/instances/shop/storage"), CHANGE, sheet::posted::<storage::Storage>),
    of("GET", ("/instances/{name}/alarms", "/instances/shop/alarms"), READ, sheet::page::<alarms::OfInstance>),
    of("POST", ("/instances/{name}/alarms", "/instances/shop/alarms"), CHANGE, sheet::posted::<alarms::OfInstance>),
    of("GET", ("/instances/{name}/logs", "/instances/shop/logs"), ACCESS, logs::page),
    of("GET", ("/instances/{name}/history", "/instances/shop/history"), READ, logs::history),
    of("GET", ("/instances/{name}/settings", "/instances/shop/settings"), READ, sheet::page::<settings::Settings>),
    of("POST", ("/instances/{name}/settings", "/instances/shop/settings"), CHANGE, sheet::posted::<settings::Settings>),
    at("GET", "/deleted", READ, sheet::page::<deleted::All>),
    at("POST", "/deleted", CHANGE, sheet::posted::<deleted::All>),
    at("GET", "/snapshots", READ, sheet::page::<snapshots::All>),
    at("POST", "/snapshots", CHANGE, sheet::posted::<snapshots::All>),
    of("GET", ("/snapshots/{name}", "/snapshots/shop-snap-1"), READ, sheet::page::<snapshots::One>),
    of("POST", ("/snapshots/{name}", "/snapshots/shop-snap-1"), CHANGE, sheet::posted::<snapshots::One>),
    at("GET", "/disks", READ, sheet::page::<disks::All>),
    at("POST", "/disks", CHANGE, sheet::posted::<disks::All>),
    of("GET", ("/disks/{name}", "/disks/data"), READ, sheet::page::<disks::One>),
    of("POST", ("/disks/{name}", "/disks/data"), CHANGE, sheet::posted::<disks::One>),
    at("GET", "/network", READ, sheet::page::<balancers::All>),
    at("POST", "/network", CHANGE, sheet::posted::<balancers::All>),
    of("GET", ("/load-balancers/{name}", "/load-balancers/frontdoor"), READ, sheet::page::<balancers::One>),
    of("POST", ("/load-balancers/{name}", "/load-balancers/frontdoor"), CHANGE, sheet::posted::<balancers::One>),
    at("GET", "/alarms", READ, sheet::page::<alarms::All>),
    at("POST", "/alarms", CHANGE, sheet::posted::<alarms::All>),
    of("GET", ("/alarms/{name}", "/alarms/high"), READ, sheet::page::<alarms::One>),
    of("POST", ("/alarms/{name}", "/alarms/high"), CHANGE, sheet::posted::<alarms::One>),
    at("GET", "/cost", READ, cost::page),
    at("GET", "/key-pairs", READ, sheet::page::<key_pairs::All>),
    at("POST", "/key-pairs", CHANGE, sheet::posted::<key_pairs::All>),
    of("GET", ("/key-pairs/{name}", "/key-pairs/laptop"), READ, sheet::page::<key_pairs::One>),
    of("POST", ("/key-pairs/{name}", "/key-pairs/laptop"), CHANGE, sheet::posted::<key_pairs::One>),
    at("GET", "/images", READ, sheet::page::<images::All>),
    at("POST", "/images", ADMINISTER, sheet::posted::<images::All>),
    of("GET", ("/images/{name}", "/images/debian-13"), READ, sheet::page::<images::One>),
    of("POST", ("/images/{name}", "/images/debian-13"), ADMINISTER, sheet::posted::<images::One>),
    at("GET", "/remotes", READ, sheet::page::<remotes::All>),
    at("POST", "/remotes", ADMINISTER, sheet::posted::<remotes::All>),
    of("GET", ("/remotes/{name}", "/remotes/vault"), READ, sheet::page::<remotes::One>),
    of("POST", ("/remotes/{name}", "/remotes/vault"), ADMINISTER, sheet::posted::<remotes::One>),
    at("GET", "/host", ADMINISTER, sheet::page::<host::Host>),
    at("POST", "/host", ADMINISTER, sheet::posted::<host::Host>),
    at("GET", "/contacts", ADMINISTER, sheet::page::<contacts::All>),
    at("POST", "/contacts", ADMINISTER, sheet::posted::<contacts::All>),
    of("GET", ("/contacts/{name}", "/contacts/oncall"), ADMINISTER, sheet::page::<contacts::One>),
    of("POST", ("/contacts/{name}", "/contacts/oncall"), ADMINISTER, sheet::posted::<contacts::One>),
    at("GET", "/access", Needs::Session, sheet::page::<access::Access>),
    at("POST", "/access", PROTECT, sheet::posted::<access::Access>),
    at("POST", "/access/password", Needs::Session, access::password),
    at("POST", "/access/own", Needs::Session, sheet::posted::<own::Own>),
    of("GET", ("/users/{name}", "/users/vera"), PROTECT, sheet::page::<access::OneUser>),
    of("POST", ("/users/{name}", "/users/vera"), PROTECT, sheet::posted::<access::OneUser>),
    at("GET", "/access/second-factor", Needs::Session, second_factor::page),
    at("POST", "/access/second-factor", OWN, second_factor::made),
    at("POST", "/access/second-factor/confirm", OWN, second_factor::confirmed),
    at("POST", "/access/second-factor/remove", OWN, second_factor::removed),
    at("GET", "/audit", ADMINISTER, audit::page),
];
