//! What stays open: for as long as the session that opened it goes on, with the same rights, and the server does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, RequestPartsExt,
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use tokio::time::sleep;

use super::{
    Console, Held,
    gate::Source,
    session::{Pass, User},
};
use crate::{
    access::session::Token,
    app::session::{self, Who},
};

/// How often it is looked whether the server stops.
const SLICE: Duration = Duration::from_millis(250);
/// How many of those are between two looks at the session.
const SLICES: u32 = 8;

/// Why a stay is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// The server stops.
    Server,
    /// The session is over, or its rights are others.
    Session,
}

impl Over {
    /// In words.
    pub fn why(self) -> &'static str {
        match self {
            Self::Server => "the server stops",
            Self::Session => "the session is over",
        }
    }
}

/// A stay of somebody. It counts as a connection until it is dropped.
pub struct Stay {
    /// What all pages share.
    pub console: Arc<Console>,
    /// Who stays.
    pub who: Arc<Who>,
    token: Token,
    source: Source,
    is_used: AtomicBool,
    _held: Option<Held>,
}

impl FromRequestParts<Arc<Console>> for Stay {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, StatusCode> {
        let User(who) = parts.extract().await?;
        let outside = |_| StatusCode::UNAUTHORIZED;
        let Extension(Pass(token)) = parts.extract().await.map_err(outside)?;
        let Extension(source) = parts.extract().await.map_err(outside)?;
        let held = parts.extensions.get::<Held>().cloned();
        Ok(Self { console: console.clone(), who, token, source, is_used: AtomicBool::default(), _held: held })
    }
}

impl Stay {
    /// Somebody did something there: that is a use of the session.
    pub fn used(&self) {
        self.is_used.store(true, Ordering::Relaxed);
    }

    /// Returns once it is over, with the reason.
    pub async fn over(&self) -> Over {
        let mut slices = 0;
        loop {
            if self.console.closing.load(Ordering::Relaxed) {
                return Over::Server;
            }
            slices = (slices + 1) % SLICES;
            if slices == 0 && !self.goes_on().await {
                return Over::Session;
            }
            sleep(SLICE).await;
        }
    }

    async fn goes_on(&self) -> bool {
        let (console, who, token) = (self.console.clone(), self.who.clone(), self.token.clone());
        let (used, from) = (self.is_used.swap(false, Ordering::Relaxed), self.source.address);
        let look = move || {
            if used {
                session::who(&console.app, &console.door, &token, from)?;
            }
            session::goes_on(&console.app, &console.door, &token, &who)
        };
        // A database that cannot be read ends nothing.
        self.console.workers.door(look).await.unwrap_or(true)
    }
}
