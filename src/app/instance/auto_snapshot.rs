//! Snapshots that the watcher makes by itself: a tag says when and how many are kept, so that it lies in the domain's metadata and
//! outlives a lost database.

use jiff::civil::Time;

use super::change::Change;
use crate::{
    app::{Accepted, Right},
    engine::{Ctx, sagas::tag},
    model::{AutoSnapshot, Instance, Observer, Result, Tag},
    view::Changed,
};

/// A change of automatic snapshots. What is so already is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetAutoSnapshot {
    /// One a day; what is not given stays as it is, or is the default.
    On {
        /// From when on in the day.
        time: Option<Time>,
        /// How many are kept.
        keep: Option<u16>,
    },
    /// None any more. Those that are there stay.
    Off,
}

impl SetAutoSnapshot {
    /// What the instance is to have.
    fn wanted(self, instance: &Instance) -> Option<AutoSnapshot> {
        let Self::On { time, keep } = self else { return None };
        let before = instance.record.auto_snapshot().unwrap_or_default();
        Some(AutoSnapshot { time: time.unwrap_or(before.time), keep: keep.unwrap_or(before.keep) })
    }

    /// The tags of the instance after the change.
    fn tags(self, instance: &Instance) -> Vec<Tag> {
        let mut tags = instance.record.tags.clone();
        tags.retain(|tag| tag.key != AutoSnapshot::TAG);
        tags.extend(self.wanted(instance).map(Tag::automatic));
        tags.sort();
        tags
    }

    fn says(self, instance: &Instance) -> Changed {
        let says = self.wanted(instance).map_or_else(|| "no automatic snapshots".to_owned(), AutoSnapshot::sentence);
        let already = if self.tags(instance) == instance.record.tags { " already" } else { "" };
        Changed::new(&instance.record.name, format!("{says}{already}"))
    }
}

impl Change for SetAutoSnapshot {
    type View = Changed;
    const RIGHT: Right = Right::Change;

    fn plan(&self, _: &Ctx, instance: &Instance) -> Result<Changed> {
        Ok(self.says(instance))
    }

    fn accept(&self, mut ctx: Ctx, instance: Instance, _: &mut dyn Observer) -> Result<Accepted<Changed>> {
        let says = self.says(&instance);
        Ok(match tag::accept(&mut ctx, &instance, &|instance| Ok(self.tags(instance)))? {
            Some(accepted) => {
                Accepted::new(accepted.operation.clone(), move |_| tag::run(&mut ctx, accepted).map(|()| says))
            }
            None => Accepted::without_operation(move |_| Ok(says)),
        })
    }
}
