//! What a page asks for: its own look at the host, and beside it what is said above every page.

use std::sync::Arc;

use axum::{
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use serde::Serialize;

use super::{
    Console,
    frame::{At, Frame, Warnings},
    render,
};
use crate::{
    app::{Accepted, App, Caller, notice, session::Who},
    model::{Error, Result},
};

/// Who looks, and what is said above what they see.
pub struct Around {
    who: Arc<Who>,
    notices: Vec<String>,
}

impl Console {
    /// Looks for a page, and for what is said above it.
    pub async fn look<T: Send + 'static>(
        self: &Arc<Self>,
        who: &Arc<Who>,
        look: impl FnOnce(&App, &Caller, &mut Warnings) -> Result<T> + Send + 'static,
    ) -> (Around, Result<T>) {
        let (of, asks) = (self.clone(), who.clone());
        let looked = self.workers.page(move || {
            let mut said = Warnings::default();
            let found = look(&of.app, &asks.caller, &mut said);
            let notices = notice::all(&of.app, &asks.caller).unwrap_or_default();
            let mut all: Vec<String> = notices.iter().map(ToString::to_string).collect();
            all.extend(said.0);
            Ok((found, all))
        });
        let (found, notices) = looked.await.unwrap_or_else(|error| (Err(error), Vec::new()));
        (Around { who: who.clone(), notices }, found)
    }

    /// Accepts a change, which goes on by itself: the id of its operation, or none where there was nothing to do.
    ///
    /// # Errors
    /// It was refused.
    pub async fn change<V: 'static>(
        self: &Arc<Self>,
        who: &Arc<Who>,
        accept: impl FnOnce(&App, &Caller) -> Result<Accepted<V>> + Send + 'static,
    ) -> Result<Option<String>> {
        let (of, asks) = (self.clone(), who.clone());
        self.workers.change(move || accept(&of.app, &asks.caller)).await
    }
}

/// Leads to the page of what was begun; where there was nothing to do, to `otherwise`.
pub fn begun(operation: Option<String>, otherwise: &str) -> Response {
    match operation {
        Some(id) => Redirect::to(&format!("/operations/{id}")).into_response(),
        None => Redirect::to(otherwise).into_response(),
    }
}

impl Around {
    /// A page.
    pub fn page(&self, at: At, title: &str, template: &str, shown: impl Serialize) -> Response {
        render::page(StatusCode::OK, &self.frame(at, title), template, shown)
    }

    /// A form: as it is, or with what is wrong with it.
    pub fn form(&self, (at, title): (At, &str), template: &str, is_refused: bool, shown: impl Serialize) -> Response {
        let status = if is_refused { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        render::page(status, &self.frame(at, title), template, shown)
    }

    /// The page of an error.
    pub fn failed(&self, at: At, error: &Error) -> Response {
        render::failed(&self.frame(at, ""), error)
    }

    fn frame<'a>(&'a self, at: At, title: &'a str) -> Frame<'a> {
        Frame::of(at, title, &self.who, &self.notices)
    }
}

/// The page of an error, for whoever is logged in.
pub fn failed(at: At, who: &Who, error: &Error) -> Response {
    render::failed(&Frame::of(at, "", who, &[]), error)
}
