//! What stays open: for as long as the session that opened it goes on, with the same rights, and the server does. One looks for all who
//! stay, however many there are, and tells those for whom it is over.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, RequestPartsExt,
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use tokio::{sync::watch, time::sleep};

use super::{
    Console, Held,
    gate::Source,
    session::{Pass, User},
};
use crate::{
    access::session::Token,
    app::session::{self, GoingOn, Who},
};

/// How often it is looked whether the server stops.
const SLICE: Duration = Duration::from_millis(250);
/// How many of those are between two looks at the sessions.
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

/// Somebody who stays.
struct Stayer {
    who: Arc<Who>,
    token: Token,
    digest: String,
    source: Source,
    /// Something was done there since the last look.
    is_used: AtomicBool,
    over: watch::Sender<Option<Over>>,
}

/// All who stay.
#[derive(Default)]
pub struct Stays(Mutex<Stayers>);

#[derive(Default)]
struct Stayers {
    all: HashMap<u64, Arc<Stayer>>,
    next: u64,
    /// Somebody looks.
    is_looking: bool,
}

impl Stays {
    fn lock(&self) -> MutexGuard<'_, Stayers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody begins to stay: its number, and whether somebody has to begin to look.
    fn add(&self, stayer: Arc<Stayer>) -> (u64, bool) {
        let mut stayers = self.lock();
        stayers.next += 1;
        let number = stayers.next;
        stayers.all.insert(number, stayer);
        (number, !std::mem::replace(&mut stayers.is_looking, true))
    }

    /// All of them now; none: nobody stays, and nobody looks any more.
    fn all(&self) -> Option<Vec<Arc<Stayer>>> {
        let mut stayers = self.lock();
        stayers.is_looking = !stayers.all.is_empty();
        stayers.is_looking.then(|| stayers.all.values().cloned().collect())
    }
}

/// A stay of somebody. It counts as a connection until it is dropped.
pub struct Stay {
    /// What all pages share.
    pub console: Arc<Console>,
    /// Who stays.
    pub who: Arc<Who>,
    stayer: Arc<Stayer>,
    number: u64,
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
        let (digest, over) = (token.digest(), watch::Sender::new(None));
        let stayer = Stayer { who: who.clone(), token, digest, source, is_used: AtomicBool::default(), over };
        let stayer = Arc::new(stayer);
        let (number, begin) = console.stays.add(stayer.clone());
        if begin {
            tokio::spawn(look(console.clone()));
        }
        Ok(Self { console: console.clone(), who, stayer, number, _held: held })
    }
}

impl Stay {
    /// Somebody did something there: that is a use of the session.
    pub fn used(&self) {
        self.stayer.is_used.store(true, Ordering::Relaxed);
    }

    /// Returns once it is over, with the reason.
    pub async fn over(&self) -> Over {
        let mut over = self.stayer.over.subscribe();
        let told = over.wait_for(Option::is_some).await.map(|why| *why);
        // Who tells is kept by this stay itself.
        told.ok().flatten().unwrap_or(Over::Server)
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.console.stays.lock().all.remove(&self.number);
    }
}

/// Looks until nobody stays any more.
async fn look(console: Arc<Console>) {
    let (mut slices, mut going_on) = (0, Some(GoingOn::new(&console.app)));
    while let Some(all) = console.stays.all() {
        if console.closing.load(Ordering::Relaxed) {
            for one in &all {
                one.over.send_replace(Some(Over::Server));
            }
        }
        slices = (slices + 1) % SLICES;
        if slices == 0 {
            let (of, looks) = (console.clone(), going_on.take().unwrap_or_else(|| GoingOn::new(&console.app)));
            let looked = console.workers.door(move || Ok(sessions(&of, looks, &all))).await;
            // Where there are too many who want in just now, it is looked the next time.
            going_on = looked.ok();
        }
        sleep(SLICE).await;
    }
}

/// Looks once at the sessions of all, and tells those whose is over.
fn sessions(console: &Console, mut going_on: GoingOn, all: &[Arc<Stayer>]) -> GoingOn {
    for one in all.iter().filter(|one| one.is_used.swap(false, Ordering::Relaxed)) {
        // Whether it is over is told by the look.
        let _ = session::who(&console.app, &console.door, &one.token, one.source.address);
    }
    let each = all.iter().map(|one| (one.digest.as_str(), &*one.who));
    // A database that cannot be read ends nothing.
    let goes_on = going_on.of(&console.door, each).unwrap_or_else(|_| vec![true; all.len()]);
    for (one, _) in all.iter().zip(goes_on).filter(|(_, goes_on)| !goes_on) {
        one.over.send_replace(Some(Over::Session));
    }
    going_on
}
