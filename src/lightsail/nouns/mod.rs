//! What answers each operation, one file per noun.

pub mod catalog;
mod change;
pub mod create;
pub mod disk;
pub mod firewall;
pub mod instance;
pub mod key_pair;
pub mod names;
pub mod operation;
pub mod power;
pub mod snapshot;
pub mod static_ip;
pub mod tag;

use super::{
    call::{Done, done},
    fault::Answer,
    wire::{Begun, OneOperation},
};
use change::Started;

/// The answer that lists what was begun.
fn all_begun(all: Vec<Started>) -> Answer<Done> {
    let (operations, works): (Vec<_>, Vec<_>) = all.into_iter().unzip();
    Ok(Done { works: works.into_iter().flatten().collect(), ..done(&Begun { operations })? })
}

/// The answer that lists the one that was begun.
fn begun(started: Started) -> Answer<Done> {
    all_begun(vec![started])
}

/// The answer that is the one that was begun.
fn one_begun((operation, work): Started) -> Answer<Done> {
    Ok(Done { works: work.into_iter().collect(), ..done(&OneOperation { operation })? })
}
