//! The steps of create, delete and repair, in order: what each kind of owned thing says of itself, sorted by what it is.

use super::{
    devices::plugged_xml,
    owned::{Class, Object, OwnedKind, Place, Sources, saved_memory},
    parts::DomainPlan,
    step::Step,
    storage::copied_xml,
};
use crate::model::{Record, Result};

/// The steps of create, in order.
///
/// # Errors
/// `xml_error` if a description cannot be written.
pub fn create(plan: &DomainPlan<'_>, place: Place<'_>, sources: &Sources<'_>) -> Result<Vec<Step>> {
    let mut steps = ensure(in_order([Class::Data, Class::Domain]), plan, place, sources)?;
    steps.push(Step::Start { uuid: plan.record.uuid });
    Ok(steps)
}

/// The memory that a new instance goes on from.
#[derive(Debug, Clone, Copy)]
pub struct Memory<'a> {
    /// The volume of the template's.
    pub volume: &'a str,
    /// Its size, in bytes.
    pub bytes: u64,
    /// Where the copy of it lies.
    pub path: &'a str,
}

/// The steps of a create that goes on from saved memory, in order. `plan` is that of the definition, which knows nothing of it.
///
/// # Errors
/// `xml_error` if a description cannot be written.
pub fn create_warm(
    plan: &DomainPlan<'_>,
    place: Place<'_>,
    sources: &Sources<'_>,
    memory: Memory<'_>,
) -> Result<Vec<Step>> {
    let (record, kind) = (plan.record, OwnedKind::SavedMemory);
    let mut steps = ensure(in_order([Class::Data, Class::Domain]), plan, place, sources)?;
    let uuid = record.uuid;
    if let Some(object) = kind.description().object(record, place) {
        let xml = copied_xml(&saved_memory(record), memory.bytes)?;
        steps.push(Step::Clone { kind, object: object.clone(), from: memory.volume.to_owned(), xml });
        steps.push(Step::Restore { uuid, path: memory.path.to_owned() });
        steps.push(Step::Remove { object });
    }
    steps.push(Step::Identify { uuid });
    if !plan.unplugged {
        steps.push(Step::Plug { uuid, xml: plugged_xml(plan)? });
    }
    Ok(steps)
}

/// The steps that put a domain back as it was recorded, on disks that are there.
///
/// # Errors
/// `xml_error` if a description cannot be written.
pub fn redefine(plan: &DomainPlan<'_>, place: Place<'_>) -> Result<Vec<Step>> {
    ensure(in_order([Class::Domain]), plan, place, &Sources::default())
}

/// The steps of delete, in order; what cannot be taken back comes last.
pub fn delete(record: &Record, place: Place<'_>) -> Vec<Step> {
    let last_first = |class| OwnedKind::of_class(class).rev();
    let kinds = [Class::Domain, Class::Former, Class::Data].into_iter().flat_map(last_first);
    let objects = kinds.filter_map(|kind| kind.description().object(record, place));
    let mut steps: Vec<Step> = objects.flat_map(remove).collect();
    steps.push(remove_logs(record, place));
    steps
}

/// The steps after which a deleted instance is kept, in order: it is off, nothing holds its address, and its name is free.
pub fn keep(record: &Record, place: Place<'_>) -> Vec<Step> {
    let uuid = record.uuid;
    let kept = OwnedKind::DhcpHost.description().object(record, place);
    let mut steps = vec![Step::Destroy { uuid }];
    steps.extend(kept.map(|object| Step::Remove { object }));
    steps.push(Step::Rename { uuid, name: record.kept_name() });
    steps
}

/// The step that removes the logs of an instance: they come with the running domain, so no step's undo removes them.
pub fn remove_logs(record: &Record, place: Place<'_>) -> Step {
    let objects = OwnedKind::of_class(Class::Log).filter_map(|kind| kind.description().object(record, place));
    let files = objects.flat_map(|object| match object {
        Object::Logs { files } => files,
        _ => Vec::new(),
    });
    Step::Remove { object: Object::Logs { files: files.collect() } }
}

/// The steps that remove one thing.
pub fn remove(object: Object) -> Vec<Step> {
    match object {
        Object::Domain { uuid } => vec![Step::Destroy { uuid }, Step::Remove { object }],
        // Whoever holds the lock removes its file.
        Object::Lock { .. } => Vec::new(),
        _ => vec![Step::Remove { object }],
    }
}

fn in_order<const N: usize>(classes: [Class; N]) -> impl Iterator<Item = OwnedKind> {
    classes.into_iter().flat_map(OwnedKind::of_class)
}

fn ensure(
    kinds: impl IntoIterator<Item = OwnedKind>,
    plan: &DomainPlan<'_>,
    place: Place<'_>,
    sources: &Sources<'_>,
) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for kind in kinds {
        let description = kind.description();
        if let Some(object) = description.object(plan.record, place)
            && let Some(xml) = description.definition(plan, sources)?
        {
            steps.push(Step::Ensure { kind, object, xml });
        }
    }
    Ok(steps)
}
