//! Changes that are asked for again: whoever lost an answer gets it again, and nothing is done twice.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Mutex as Turn;

use super::fault::Answer;
use crate::app::{
    App,
    answered::{self, ApiAsked},
};

/// For how long answers with secrets are remembered.
const KEEP: Duration = Duration::from_secs(900);
/// Most of those.
const MOST: usize = 256;

/// Answers that are kept nowhere, and the turns of those who ask the same.
#[derive(Default)]
pub struct Again {
    secrets: Mutex<VecDeque<(Instant, ApiAsked, Vec<u8>)>>,
    turns: Mutex<HashMap<String, Arc<Turn<()>>>>,
}

impl Again {
    /// The turn of whoever asks this: the same is asked by one at a time.
    pub fn turn(&self, asked: &ApiAsked) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        turns.entry(format!("{}\n{}\n{}", asked.key, asked.target, asked.body)).or_default().clone()
    }

    /// What was answered before; none: it is asked for the first time.
    ///
    /// # Errors
    /// Those of the database.
    pub fn find(&self, app: &App, asked: &ApiAsked) -> Answer<Option<Vec<u8>>> {
        let now = app.clock.instant();
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.retain(|(at, ..)| now.duration_since(*at) < KEEP);
        let same = |one: &ApiAsked| {
            let own = (&one.key, &one.target, &one.body) == (&asked.key, &asked.target, &asked.body);
            let again = !asked.invocation.is_empty() && one.invocation == asked.invocation;
            own && (again || one.signature == asked.signature)
        };
        if let Some((.., answer)) = secrets.iter().find(|(_, one, _)| same(one)) {
            return Ok(Some(answer.clone()));
        }
        drop(secrets);
        Ok(answered::find(app, asked)?)
    }

    /// Keeps an answer: on disk, or where it holds a secret, in memory alone.
    ///
    /// # Errors
    /// Those of the database.
    pub fn keep(&self, app: &App, asked: &ApiAsked, (answer, secret): (&[u8], bool)) -> Answer<()> {
        if !secret {
            return Ok(answered::keep(app, asked, answer)?);
        }
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if secrets.len() >= MOST {
            secrets.pop_front();
        }
        secrets.push_back((app.clock.instant(), asked.clone(), answer.to_vec()));
        Ok(())
    }
}
