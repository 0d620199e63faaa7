//! What a create would make and do, and what it costs.

use super::checked::Checked;
use crate::{
    engine::CopyOf,
    model::{Mac, Name, NetworkMode, Record, Result, Settings, Size},
    plan::{self, Chosen, DomainPlan, Identity, OwnedKind, Place, Sources, Step},
    view::PlanView,
};

/// The plan of a create that was checked.
pub fn of(checked: &Checked, settings: &Settings) -> Result<PlanView> {
    let request = &checked.request;
    let mut steps: Vec<String> = steps(checked, settings)?.iter().map(|step| title(step).to_owned()).collect();
    if request.until_ready {
        steps.push(format!("wait until the application answers, at most {} s", request.timeout.as_secs()));
    }
    Ok(PlanView { facts: facts(checked)?, steps })
}

fn facts(checked: &Checked) -> Result<Vec<(String, String)>> {
    let (blueprint, bundle) = (&checked.resolved.blueprint, &checked.resolved.bundle);
    let fact = |label: &str, value: String| (label.to_owned(), value);
    let named = &checked.request.name;
    let name = match named {
        Some(name) => name.to_string(),
        None => format!("{}N, the first free number", Name::numbered(&blueprint.id, 1)?.as_str().trim_end_matches('1')),
    };
    let ports: Vec<String> = blueprint.ports.iter().map(ToString::to_string).collect();
    let mut facts = vec![
        fact("name", name),
        fact("blueprint", blueprint.id.clone()),
        fact("base", checked.resolved.base.clone()),
        fact(
            "bundle",
            format!("{}: {} vCPUs, {} of memory, {} of disk", bundle.id, bundle.vcpus, bundle.memory, bundle.disk),
        ),
        fact("price", format!("{} {}/month", bundle.price, bundle.currency)),
        fact("ports", ports.join(", ")),
    ];
    let snapshot = checked.copy_of.as_ref().and_then(CopyOf::snapshot);
    facts.extend(snapshot.map(|snapshot| fact("snapshot", snapshot.name.to_string())));
    facts.extend(
        checked.arriving.as_ref().map(|disks| fact("export", format!("{} to read", Size::bytes(disks.bytes())))),
    );
    for disk in checked.copy_of.as_ref().map_or(&[][..], CopyOf::disks) {
        let at = disk.mount.as_ref().map_or_else(String::new, |at| format!(" on {at}"));
        facts.push(fact("disk", format!("{}: {}{at}", disk.name, disk.size)));
    }
    facts.extend(checked.address.map(|a| fact("address", format!("{}/{} by {}", a.address, a.prefix, a.gateway))));
    facts.extend(checked.parameters.iter().map(|(k, v)| fact(&format!("set {k}"), v.clone())));
    Ok(facts)
}

/// The steps of the create, made by the plan of the create itself. What is chosen on the host, such as the address, is made up.
fn steps(checked: &Checked, settings: &Settings) -> Result<Vec<Step>> {
    let record = record(checked)?;
    let place = Place::from(settings);
    let attached = plan::attached(&record, place, |volume| Ok(volume.to_owned()))?;
    let domain = DomainPlan {
        record: &record,
        attached: &attached,
        image: None,
        snapshot: None,
        network: &settings.host.network,
        kvm: false,
        arch: "x86_64",
        machine: None,
        unplugged: false,
        is_warm: false,
    };
    plan::create(&domain, place, &Sources { image_path: Some("image"), seed_bytes: Some(0) })
}

fn record(checked: &Checked) -> Result<Record> {
    let request = &checked.request;
    let chosen = Chosen {
        blueprint: &checked.resolved.blueprint,
        bundle: &checked.resolved.bundle,
        base: &checked.resolved.base,
        network: &request.network,
        tags: &request.tags,
    };
    Ok(chosen.record(Identity {
        name: request.name.clone().map_or_else(|| Name::parse("planned"), Ok)?,
        uuid: uuid::Uuid::nil(),
        mac: Mac::ours([0, 0, 1]),
        address: matches!(request.network, NetworkMode::Nat).then_some([192, 0, 2, 1].into()),
        address6: None,
        created_at: jiff::Timestamp::UNIX_EPOCH,
    }))
}

/// What a step makes, in a word.
fn title(step: &Step) -> &'static str {
    match step {
        Step::Ensure { kind: OwnedKind::Domain, .. } => "virtual machine",
        Step::Ensure { kind, .. } | Step::Clone { kind, .. } => kind.description().noun(),
        Step::StartUnlinked { .. }
        | Step::Start { .. }
        | Step::Restore { .. }
        | Step::Identify { .. }
        | Step::Plug { .. } => "start",
        Step::Rename { .. } => "name",
        Step::Redefine { .. } => "definition",
        Step::Grow { .. } => "larger disk",
        Step::StartPaused { .. }
        | Step::EndPaused { .. }
        | Step::Copy { .. }
        | Step::EndCopy { .. }
        | Step::Freeze { .. }
        | Step::Thaw { .. }
        | Step::Suspend { .. }
        | Step::Resume { .. }
        | Step::Cut { .. } => "copy of the disk",
        Step::Upgrade { .. } => "upgrade",
        Step::Destroy { .. } | Step::Remove { .. } => "removal",
        Step::MoveNetwork { .. } | Step::RestoreNetwork { .. } => "network",
    }
}
