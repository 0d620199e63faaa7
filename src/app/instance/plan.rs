//! What a create would make and do, and what it costs.

use super::create::Checked;
use crate::{
    model::{Name, Result, Settings},
    view::PlanView,
};

/// The plan of a create that was checked.
pub fn of(checked: &Checked, _settings: &Settings) -> Result<PlanView> {
    let (blueprint, bundle) = (&checked.resolved.blueprint, &checked.resolved.bundle);
    let request = &checked.request;
    let fact = |label: &str, value: String| (label.to_owned(), value);
    let name =
        request.name.as_ref().map_or_else(|| format!("{}-N, the first free number", blueprint.id), Name::to_string);
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
    facts.extend(checked.parameters.iter().map(|(k, v)| fact(&format!("set {k}"), v.clone())));
    let steps = ["network filter", "address", "root disk", "seed", "virtual machine", "start"];
    let mut steps: Vec<String> = steps.map(str::to_owned).to_vec();
    if request.until_ready {
        steps.push(format!("wait until the application answers, at most {} s", request.timeout.as_secs()));
    }
    Ok(PlanView { facts, steps })
}
