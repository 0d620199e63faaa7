//! `lite image remove`, and what `lite image build`, `pull`, `import` and `remove` would do.

use std::path::Path;

use crate::{
    model::Result,
    ui::{Ui, clean},
    view::{Changed, ChangedDocument, PlannedDocument},
};

/// Prints what would be done to each image, a line each.
pub fn print_planned(ui: &Ui, changed: &[Changed]) -> Result<()> {
    if ui.json {
        return ui.document(&PlannedDocument { dry_run: true, changed });
    }
    changed.iter().try_for_each(|c| ui.data(&format!("image `{}` {}\n", clean(&c.name), c.result)))
}

/// Prints under which id a file would be imported.
pub fn print_import_plan(ui: &Ui, file: &Path, changed: &Changed) -> Result<()> {
    if ui.json {
        return ui.document(&PlannedDocument { dry_run: true, changed: std::slice::from_ref(changed) });
    }
    let file = file.display().to_string();
    ui.data(&format!("`{}` would be imported as image `{}`\n", clean(&file), clean(&changed.name)))
}

/// Says that an image was removed, as soon as it is gone; with `--json` [`print_removed`] says it at the end.
pub fn print_removed_one(ui: &Ui, id: &str) -> Result<()> {
    if ui.json { Ok(()) } else { ui.data(&format!("removed image `{}`\n", clean(id))) }
}

/// With `--json` prints which images were removed.
pub fn print_removed(ui: &Ui, changed: &[Changed]) -> Result<()> {
    if ui.json { ui.document(&ChangedDocument { changed }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{print_import_plan, print_planned, print_removed, print_removed_one};
    use crate::{
        ui::{Ui, testing::Capture},
        view::Changed,
    };

    fn shown(json: bool) -> String {
        let capture = Capture::default();
        let ui = Ui { json, ..capture.ui() };
        let golden = [Changed::new("golden", "would be built")];
        assert_eq!(print_planned(&ui, &golden), Ok(()));
        assert_eq!(print_import_plan(&ui, Path::new("a.qcow2"), &Changed::new("a", "would be imported")), Ok(()));
        assert_eq!(print_removed_one(&ui, "golden"), Ok(()));
        assert_eq!(print_removed(&ui, &[Changed::new("golden", "removed")]), Ok(()));
        capture.stdout()
    }

    #[test]
    fn lines_for_people() {
        let wanted =
            "image `golden` would be built\n`a.qcow2` would be imported as image `a`\nremoved image `golden`\n";
        assert_eq!(shown(false), wanted);
    }

    #[test]
    fn documents_for_scripts() {
        let documents: Vec<serde_json::Value> =
            serde_json::Deserializer::from_str(&shown(true)).into_iter().collect::<Result<_, _>>().unwrap();
        let wanted = [
            serde_json::json!({"schema": 2, "dry_run": true, "changed": [{"name": "golden", "result": "would be built"}]}),
            serde_json::json!({"schema": 2, "dry_run": true, "changed": [{"name": "a", "result": "would be imported"}]}),
            serde_json::json!({"schema": 2, "changed": [{"name": "golden", "result": "removed"}]}),
        ];
        assert_eq!(documents, wanted);
    }
}
