//! Snapshots that the watcher makes by itself: a tag says when and how many are kept, so that it lies in the domain's metadata and
//! outlives a lost database.

use jiff::civil::Time;

use super::change::Change;
use crate::{
    app::{Accepted, Right},
    engine::{Ctx, sagas::tag},
    model::{AutoSnapshot, Instance, Name, Observer, Result, Tag},
    view::Changed,
};

/// A change of automatic snapshots. What is so already is left alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetAutoSnapshot {
    /// One a day; what is not given stays as it is, or is the default.
    On {
        /// From when on in the day.
        time: Option<Time>,
        /// How many are kept.
        keep: Option<u16>,
        /// Where they are copied to.
        remote: Copies,
    },
    /// None any more. Those that are there stay.
    Off,
}

/// What is to be of copies outside this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Copies {
    /// As it is.
    AsBefore,
    /// To this remote.
    To(Name),
    /// None any more. Those that are there stay.
    None,
}

impl SetAutoSnapshot {
    /// What the instance is to have.
    fn wanted(&self, instance: &Instance) -> Option<AutoSnapshot> {
        let Self::On { time, keep, .. } = self else { return None };
        let before = instance.record.auto_snapshot().unwrap_or_default();
        Some(AutoSnapshot { time: (*time).unwrap_or(before.time), keep: (*keep).unwrap_or(before.keep) })
    }

    /// The remote to which they are to be copied.
    fn remote(&self, instance: &Instance) -> Option<Name> {
        match self {
            Self::On { remote: Copies::To(name), .. } => Some(name.clone()),
            Self::On { remote: Copies::AsBefore, .. } => instance.record.pushed_to(),
            Self::On { remote: Copies::None, .. } | Self::Off => None,
        }
    }

    /// The tags of the instance after the change.
    fn tags(&self, instance: &Instance) -> Vec<Tag> {
        let mut tags = instance.record.tags.clone();
        tags.retain(|tag| tag.key != AutoSnapshot::TAG && tag.key != AutoSnapshot::PUSH_TAG);
        tags.extend(self.wanted(instance).map(Tag::automatic));
        tags.extend(self.remote(instance).map(Tag::pushed));
        tags.sort();
        tags
    }

    /// Refused where there is no such remote.
    fn check(&self, ctx: &Ctx) -> Result<()> {
        match self {
            Self::On { remote: Copies::To(name), .. } => ctx.store.require_remote(name).map(drop),
            _ => Ok(()),
        }
    }

    fn says(&self, instance: &Instance) -> Changed {
        let says = self.wanted(instance).map_or_else(|| "no automatic snapshots".to_owned(), AutoSnapshot::sentence);
        let says = match self.remote(instance) {
            Some(remote) => format!("{says}, copied to `{remote}`"),
            None => says,
        };
        let already = if self.tags(instance) == instance.record.tags { " already" } else { "" };
        Changed::new(&instance.record.name, format!("{says}{already}"))
    }
}

impl Change for SetAutoSnapshot {
    type View = Changed;
    const RIGHT: Right = Right::Change;

    fn is_of_host(&self) -> bool {
        matches!(self, Self::On { remote: Copies::To(_), .. })
    }

    fn plan(&self, ctx: &Ctx, instance: &Instance) -> Result<Changed> {
        self.check(ctx)?;
        Ok(self.says(instance))
    }

    fn accept(&self, mut ctx: Ctx, instance: Instance, _: &mut dyn Observer) -> Result<Accepted<Changed>> {
        self.check(&ctx)?;
        let says = self.says(&instance);
        Ok(match tag::accept(&mut ctx, &instance, &|instance| Ok(self.tags(instance)))? {
            Some(accepted) => {
                Accepted::new(accepted.operation.clone(), move |_| tag::run(&mut ctx, accepted).map(|()| says))
            }
            None => Accepted::without_operation(move |_| Ok(says)),
        })
    }
}
