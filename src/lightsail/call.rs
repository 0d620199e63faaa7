//! One call: who asks, where, and with what.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use jiff::tz::Offset;
use serde::{Serialize, de::DeserializeOwned};

use super::{
    again::Again,
    fault::{Answer, Fault},
    json,
    place::Place,
    rates::Rates,
};
use crate::{
    app::{
        App, Caller, blueprint, key,
        turns::{CHANGES, Turns, Work},
    },
    model::{Name, Unobserved},
};

/// Looks at a time.
const READERS: usize = 4;
/// How long an application may take until it answers, as `lite create` has it.
const READY: Duration = Duration::from_secs(900);
/// For how long what blueprints are called is remembered.
const FRESH: Duration = Duration::from_secs(60);

/// What all calls share.
pub struct Api {
    pub(super) shared: Arc<Shared>,
    pub(super) readers: Turns,
    pub(super) changes: Arc<Turns>,
}

/// What the threads of all calls share.
pub struct Shared {
    pub app: App,
    pub page_size: usize,
    /// How long applications are waited for after a create or a start; none: operations end once the machine runs.
    pub until_ready: Option<Duration>,
    /// How long a create may take.
    pub timeout: Duration,
    pub(super) again: Again,
    /// How often it is called; none: as often as anybody likes.
    pub(super) rates: Option<Rates>,
    account: OnceLock<String>,
    titles: Mutex<Option<(Instant, Arc<Titles>)>>,
}

/// What blueprints are called, and who logs in to an operating system; by id.
#[derive(Debug, Default)]
pub struct Titles {
    titles: HashMap<String, (String, String)>,
}

impl Titles {
    /// What a blueprint is called.
    pub fn title(&self, blueprint: &str) -> String {
        self.titles.get(blueprint).map_or_else(|| blueprint.to_owned(), |(title, _)| title.clone())
    }

    /// Who logs in to an operating system.
    pub fn user(&self, base: &str) -> String {
        self.titles.get(base).map_or_else(String::new, |(_, user)| user.clone())
    }
}

impl Api {
    /// The API of a host.
    pub fn new(app: App) -> Self {
        let (account, titles) = (OnceLock::new(), Mutex::default());
        let (until_ready, page_size, again) = (Some(READY), app.settings.api.page_size.max(1), Again::default());
        let rates = Some(Rates::new(&app));
        let shared = Shared { app, page_size, until_ready, timeout: READY, again, rates, account, titles };
        Self { shared: Arc::new(shared), readers: Turns::of(READERS), changes: Arc::new(Turns::of(CHANGES)) }
    }

    /// The same, whose changes take turns with others of the process.
    #[must_use]
    pub fn with_changes(self, changes: Arc<Turns>) -> Self {
        Self { changes, ..self }
    }

    /// The same, but operations end once a machine runs: nobody waits for its application.
    #[must_use]
    pub fn until_running(mut self) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.until_ready = None;
        }
        self
    }

    /// The same, called as often as anybody likes: for tests and measurements.
    #[must_use]
    pub fn at_any_rate(mut self) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.rates = None;
        }
        self
    }

    /// How many changes are at work.
    pub fn at_work(&self) -> usize {
        self.changes.at_work()
    }
}

impl Shared {
    /// The region that a request is about.
    ///
    /// # Errors
    /// It names another than those of this host.
    pub fn region(&self, named: &str) -> Answer<&str> {
        let regions = self.regions();
        regions.iter().find(|region| *region == named).map(String::as_str).ok_or_else(|| {
            let known = regions.join("`, `");
            Fault::invalid(format!("this host is not in region `{named}`: it has `{known}`"))
                .tip(format!("say so to the client: `AWS_REGION={}`", regions.first().map_or("", |one| one)))
        })
    }

    /// The regions of this host.
    pub fn regions(&self) -> &[String] {
        &self.app.settings.api.regions
    }
}

/// One call.
pub struct Call<'a> {
    pub shared: &'a Shared,
    pub caller: &'a Caller,
    pub region: &'a str,
    /// The id of the key that signed it.
    pub key: &'a str,
    /// The client's id of it, the same where it tries again.
    pub invocation: Option<&'a str>,
    pub body: &'a [u8],
}

/// The answer to a call, and what is left to do.
pub struct Done {
    pub body: Vec<u8>,
    pub works: Vec<Work>,
    /// It holds what is kept nowhere.
    pub secret: bool,
}

/// What answers a call.
pub type Handler = fn(&Call<'_>) -> Answer<Done>;

impl<'a> Call<'a> {
    /// The use cases.
    pub fn app(&self) -> &'a App {
        &self.shared.app
    }

    /// What the request holds.
    ///
    /// # Errors
    /// It has not its form.
    pub fn input<T: DeserializeOwned>(&self) -> Answer<T> {
        json::read(self.body)
    }

    /// Where it is about.
    ///
    /// # Errors
    /// Those of the database.
    pub fn place(&self) -> Answer<Place> {
        let account = match self.shared.account.get() {
            Some(account) => account.clone(),
            None => {
                let drawn = key::account_number(self.app())?;
                self.shared.account.get_or_init(|| drawn).clone()
            }
        };
        Ok(Place { region: self.region.to_owned(), account })
    }

    /// How far the host's clock is from UTC.
    pub fn offset(&self) -> Offset {
        let clock = &self.app().clock;
        clock.zone().to_offset(clock.now())
    }

    /// What blueprints are called.
    ///
    /// # Errors
    /// Those of the catalog.
    pub fn titles(&self) -> Answer<Arc<Titles>> {
        let (now, remembered) = (self.app().clock.instant(), &self.shared.titles);
        let last = remembered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, titles)) = last.filter(|(at, _)| now.duration_since(*at) < FRESH) {
            return Ok(titles);
        }
        let all = blueprint::list(self.app(), self.caller, &mut Unobserved)?;
        let titles = all.into_iter().map(|one| (one.id, (one.title, one.user))).collect();
        let titles = Arc::new(Titles { titles });
        *remembered.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, titles.clone()));
        Ok(titles)
    }
}

/// The answer that is a structure.
///
/// # Errors
/// It cannot be written.
pub fn done(answer: &impl Serialize) -> Answer<Done> {
    let body = serde_json::to_vec(answer).map_err(|_| Fault::of_service("the answer cannot be written"))?;
    Ok(Done { body, works: Vec::new(), secret: false })
}

/// A name as it was given, which may be that of something.
///
/// # Errors
/// Nothing here is called so.
pub fn name(text: &str) -> Answer<Name> {
    Name::parse(text).map_err(Fault::from)
}
