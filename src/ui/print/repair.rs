//! `lite repair` and `repair --rebuild`.

use crate::{
    model::Result,
    ui::{Ui, clean},
    view::{RebuildPlan, RebuildView, RebuiltView, RepairView},
};

/// Prints a sentence for each operation that was finished or undone.
pub fn print_repair(ui: &Ui, view: &RepairView) -> Result<()> {
    if ui.json {
        return ui.document(view);
    }
    view.actions.iter().try_for_each(|line| ui.data(&format!("{}\n", clean(line))))
}

/// Prints what a rebuild would do.
pub fn print_rebuild_plan(ui: &Ui, plan: &RebuildPlan) -> Result<()> {
    if ui.json {
        return ui.document(plan);
    }
    if plan.damaged {
        ui.data("the damaged database would be set aside and a new one made\n")?;
    }
    let would = |kind: &str, names: &[String]| {
        names.iter().try_for_each(|name| ui.data(&format!("{kind} `{name}` would be taken in\n")))
    };
    would("instance", &plan.instances)?;
    would("remote", &plan.remotes)?;
    would("load balancer", &plan.load_balancers)?;
    would("static address", &plan.static_addresses)
}

/// Prints a line for each instance, snapshot, disk, remote, load balancer and static address that was read back.
pub fn print_rebuilt(ui: &Ui, view: &RebuildView) -> Result<()> {
    if ui.json {
        return ui.document(view);
    }
    let others = [
        ("snapshot", &view.snapshots),
        ("disk", &view.disks),
        ("remote", &view.remotes),
        ("load balancer", &view.load_balancers),
        ("static address", &view.static_addresses),
    ];
    let others =
        others.iter().flat_map(|(kind, names)| names.iter().map(move |name| format!("{kind} {name}: restored\n")));
    let others: Vec<String> = others.collect();
    if view.rebuilt.is_empty() && others.is_empty() {
        ui.status("libvirt holds no instance of lite's that the database does not know");
        return Ok(());
    }
    view.rebuilt.iter().map(line).chain(others).try_for_each(|line| ui.data(&line))?;
    ui.status("the journal of operations starts anew; `lite gc` finds what belongs to no instance any more");
    Ok(())
}

/// What became of an instance.
fn line(rebuilt: &RebuiltView) -> String {
    let mut text = format!("{}: restored", rebuilt.name);
    let (one, many) = (("was", "is"), ("were", "are"));
    let verbs = |words: &[&str]| if matches!(words, ["host key"]) { one } else { many };
    if !rebuilt.lost.is_empty() {
        let (were, are) = verbs(&rebuilt.lost);
        text.push_str(&format!("; {} {were} only in the database and {are} lost", and(&rebuilt.lost)));
    }
    if !rebuilt.salvaged.is_empty() {
        let (were, _) = verbs(&rebuilt.salvaged);
        text.push_str(&format!("; {} {were} read from an older database: check that", and(&rebuilt.salvaged)));
    }
    text.push('\n');
    text
}

/// `a`, `a and b`, `a, b and c`.
fn and(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::line;
    use crate::view::RebuiltView;

    #[test]
    fn a_line_says_what_is_lost() {
        let of = |lost: &[&'static str], salvaged: &[&'static str]| {
            line(&RebuiltView { name: "web".to_owned(), lost: lost.to_vec(), salvaged: salvaged.to_vec() })
        };
        assert_eq!(of(&["host key"], &[]), "web: restored; host key was only in the database and is lost\n");
        assert_eq!(
            of(&["passwords", "host key", "parameters"], &[]),
            "web: restored; passwords, host key and parameters were only in the database and are lost\n"
        );
        assert_eq!(
            of(&["passwords"], &["host key"]),
            "web: restored; passwords were only in the database and are lost; host key was read from an older database: check that\n"
        );
        assert_eq!(of(&[], &[]), "web: restored\n");
    }
}
