//! How an instance stands, as a look at it shows: with what its guest reported, and with what was changed by hand.

use crate::{
    engine::{self, Ctx, Listed},
    model::{Hint, InstanceState, Observer, Phase, Verb},
};

/// The instance as its guest's own reports have it, where nobody waited for them. Nothing is written: the watcher and
/// changes do that.
pub fn as_reported(ctx: &Ctx, mut listed: Listed) -> Listed {
    if listed.instance.phase != Phase::Unverified {
        return listed;
    }
    if let Some((phase, failure)) = engine::reported_phase(ctx, &listed.instance.record) {
        (listed.instance.phase, listed.instance.failure) = (phase, failure);
        if (phase, listed.power) == (Phase::Failed, InstanceState::Running) {
            (listed.state, listed.power) = (InstanceState::Failed, InstanceState::Failed);
        }
    }
    listed
}

/// Says beside a listing what was changed by hand, and what to do.
pub fn warn_of_drift(listed: &Listed, observer: &mut dyn Observer) {
    let name = &listed.instance.record.name;
    if listed.power == InstanceState::Lost {
        observer.warn(
            &Hint::from(format!("the domain of `{name}` is gone from the host; "))
                .run_with(Verb::Repair, &[name])
                .text(" defines it again on its disk"),
        );
    }
    if !listed.drift.is_empty() {
        let all = listed.drift.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        observer.warn(
            &Hint::from(format!("the domain of `{name}` was changed by hand: {all}; "))
                .run_with(Verb::Repair, &[name])
                .text(" puts it back"),
        );
    }
}
