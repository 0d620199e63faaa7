//! What `--dry-run` prints.

use crate::{
    model::Result,
    ui::{Block, Ui},
    view::{PlanDocument, PlanView, PlansDocument},
};

/// Prints what `--dry-run` would have done, and says on stderr that nothing was changed.
pub fn print_plan(ui: &Ui, plan: &PlanView) -> Result<()> {
    if ui.json {
        ui.document(&PlanDocument { dry_run: true, plan })?;
    } else {
        let mut block = Block::new();
        for (label, value) in &plan.facts {
            block.row(label, value);
        }
        for (nth, step) in plan.steps.iter().enumerate() {
            block.row(if nth == 0 { "STEPS" } else { "" }, format!("{}. {step}", nth + 1));
        }
        ui.block(&block)?;
    }
    ui.status("nothing was changed: `--dry-run`");
    Ok(())
}

/// Prints several plans, one below the other.
pub fn print_plans(ui: &Ui, plans: &[PlanView]) -> Result<()> {
    if !ui.json {
        return plans.iter().try_for_each(|plan| print_plan(ui, plan));
    }
    ui.document(&PlansDocument { dry_run: true, plans })?;
    ui.status("nothing was changed: `--dry-run`");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::print_plan;
    use crate::ui::testing::Capture;
    use crate::view::PlanView;

    #[test]
    fn a_plan_says_that_nothing_was_changed() {
        let plan = PlanView {
            facts: vec![
                ("NAME".to_owned(), "web-1".to_owned()),
                ("BUNDLE".to_owned(), "nano, the smallest that fits".to_owned()),
            ],
            steps: vec!["reserve 192.168.150.10".to_owned(), "define the domain".to_owned()],
        };
        let capture = Capture::default();
        assert_eq!(print_plan(&capture.ui(), &plan), Ok(()));
        let wanted = "NAME         web-1\n\
                      BUNDLE       nano, the smallest that fits\n\
                      STEPS        1. reserve 192.168.150.10\n\
                      \x20            2. define the domain\n";
        assert_eq!(
            (capture.stdout().as_str(), capture.stderr().as_str()),
            (wanted, "nothing was changed: `--dry-run`\n")
        );
    }
}
