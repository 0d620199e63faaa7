//! Receipts: what `lite delete` and `gc` removed and kept, and what `start`, `stop`, `reboot` and `tag` changed.

use crate::{
    model::Result,
    ui::{Ui, clean},
    view::{Changed, ChangedDocument, Receipt, ReceiptsDocument},
};

/// Prints what was removed and what was kept; in a dry run, what would be.
pub fn print_delete_receipt(ui: &Ui, receipts: &[Receipt], dry_run: bool) -> Result<()> {
    if ui.json {
        return ui.document(&ReceiptsDocument { dry_run, receipts });
    }
    let (removed, kept) = if dry_run { ("would go  ", "would stay") } else { ("went  ", "stayed") };
    let mut out = String::new();
    for receipt in receipts {
        let lines = receipt
            .removed
            .iter()
            .map(|what| (removed, what.as_str()))
            .chain(receipt.kept.iter().map(|what| (kept, &**what)));
        for (word, what) in lines {
            out.push_str(&format!("{word}  {}\n", clean(what)));
        }
    }
    ui.data(&out)?;
    if dry_run {
        ui.status("nothing was changed: `--dry-run`");
    }
    Ok(())
}

/// Says on stderr what was changed; with `--json` on stdout.
pub fn print_changed(ui: &Ui, changed: &[Changed]) -> Result<()> {
    changed.iter().for_each(|c| ui.status(&format!("{}: {}", c.name, c.result)));
    if ui.json { ui.document(&ChangedDocument { changed }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{print_changed, print_delete_receipt};
    use crate::ui::{Ui, testing::Capture};
    use crate::view::{Changed, Receipt};

    fn receipt() -> Receipt {
        Receipt {
            name: "web-1".to_owned(),
            removed: vec!["domain web-1".to_owned(), "disk web-1.qcow2 (1.2 GiB)".to_owned()],
            kept: vec!["image debian-13 (used by test)".into()],
            kept_until: None,
        }
    }

    #[test]
    fn what_went_and_what_stayed() {
        let capture = Capture::default();
        assert_eq!(print_delete_receipt(&capture.ui(), &[receipt()], false), Ok(()));
        let wanted =
            "went    domain web-1\nwent    disk web-1.qcow2 (1.2 GiB)\nstayed  image debian-13 (used by test)\n";
        assert_eq!((capture.stdout().as_str(), capture.stderr().as_str()), (wanted, ""));
        let capture = Capture::default();
        assert_eq!(print_delete_receipt(&capture.ui(), &[receipt()], true), Ok(()));
        let wanted = "would go    domain web-1\nwould go    disk web-1.qcow2 (1.2 GiB)\nwould stay  image debian-13 (used by test)\n";
        assert_eq!(
            (capture.stdout().as_str(), capture.stderr().as_str()),
            (wanted, "nothing was changed: `--dry-run`\n")
        );
    }

    #[test]
    fn json_shapes() {
        let capture = Capture::default();
        let ui = Ui { json: true, quiet: true, ..capture.ui() };
        assert_eq!(print_delete_receipt(&ui, &[receipt()], false), Ok(()));
        let wanted = serde_json::json!({"schema": 2, "dry_run": false, "receipts": [{
            "name": "web-1", "removed": ["domain web-1", "disk web-1.qcow2 (1.2 GiB)"], "kept": ["image debian-13 (used by test)"],
        }]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
        let capture = Capture::default();
        let changed = [Changed { name: "web-1".to_owned(), result: "running".into() }];
        assert_eq!(print_changed(&Ui { json: true, ..capture.ui() }, &changed), Ok(()));
        let wanted = serde_json::json!({"schema": 2, "changed": [{"name": "web-1", "result": "running"}]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
        assert_eq!(capture.stderr(), "web-1: running\n");
    }
}
