//! The pages, a file each.

mod instances;
mod login;
mod logout;
mod start;

use super::{Needs, Page, assets};
use crate::app::Right;

/// Every page: the router is made of this table alone.
pub const PAGES: &[Page] = &[
    Page { method: "GET", path: "/login", needs: Needs::Nothing, example: "/login", handler: login::form },
    Page { method: "POST", path: "/login", needs: Needs::Nothing, example: "/login", handler: login::posted },
    Page {
        method: "GET",
        path: "/assets/{name}",
        needs: Needs::Nothing,
        example: "/assets/style.css",
        handler: assets::handler,
    },
    Page { method: "POST", path: "/", needs: Needs::Signature, example: "/", handler: start::posted },
    Page { method: "GET", path: "/", needs: Needs::Session, example: "/", handler: start::first },
    Page { method: "POST", path: "/logout", needs: Needs::Session, example: "/logout", handler: logout::posted },
    Page {
        method: "GET",
        path: "/instances",
        needs: Needs::Right(Right::Read),
        example: "/instances",
        handler: instances::page,
    },
];
