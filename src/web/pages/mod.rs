//! The pages, a file each.

mod access;
mod cost;
mod create;
mod firewall;
mod instance;
mod instances;
mod lists;
mod login;
mod logout;
mod metrics;
mod operations;
mod start;

use std::sync::Arc;

use axum::routing::MethodRouter;

use super::{Console, Needs, Page, assets};
use crate::app::Right;

const READ: Needs = Needs::Right(Right::Read);
const ACCESS: Needs = Needs::Right(Right::Access);
const CHANGE: Needs = Needs::Right(Right::Change);
const ADMINISTER: Needs = Needs::Right(Right::Administer);
const PROTECT: Needs = Needs::Right(Right::Protect);

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
    at("GET", "/operations", READ, operations::page),
    of("GET", ("/operations/{id}", "/operations/op-00000000"), READ, operations::one),
    of("POST", ("/operations/{id}/cancel", "/operations/op-00000000/cancel"), CHANGE, operations::cancel),
    of("GET", ("/instances/{name}/metrics", "/instances/shop/metrics"), READ, metrics::page),
    of("GET", ("/instances/{name}/firewall", "/instances/shop/firewall"), READ, firewall::page),
    of("POST", ("/instances/{name}/firewall", "/instances/shop/firewall"), CHANGE, firewall::posted),
    at("GET", "/alarms", READ, lists::alarms),
    at("GET", "/cost", READ, cost::page),
    at("GET", "/images", READ, lists::images),
    at("GET", "/host", ADMINISTER, lists::host),
    at("GET", "/access", Needs::Session, access::page),
    at("POST", "/access/password", Needs::Session, access::password),
    at("GET", "/audit", ADMINISTER, lists::audit),
];
