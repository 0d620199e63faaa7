//! Receipts: what `lite delete` and `gc` removed and kept, and what `start`, `stop`, `reboot` and `tag` changed.

use serde::Serialize;

use crate::{
    model::Result,
    ui::{SCHEMA, Ui, clean},
};

/// What went, and what stayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Receipt {
    /// The instance; for `gc` the host.
    pub name: String,
    /// What was removed, each in words: `disk web-1.qcow2 (1.2 GiB)`.
    pub went: Vec<String>,
    /// What was kept, each with the reason: `image debian-13 (used by test)`.
    pub stayed: Vec<String>,
}

#[derive(Serialize)]
struct ReceiptsJson<'a> {
    schema: u32,
    dry_run: bool,
    receipts: &'a [Receipt],
}

/// Prints what went and what stayed; in a dry run, what would go and stay.
pub fn print_delete_receipt(ui: &Ui, receipts: &[Receipt], dry_run: bool) -> Result<()> {
    if ui.json {
        return ui.json(&ReceiptsJson { schema: SCHEMA, dry_run, receipts });
    }
    let (went, stayed) = if dry_run { ("would go  ", "would stay") } else { ("went  ", "stayed") };
    let mut out = String::new();
    for receipt in receipts {
        let lines = receipt.went.iter().map(|w| (went, w)).chain(receipt.stayed.iter().map(|s| (stayed, s)));
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

/// A change that needs no more than a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// The resource.
    pub name: String,
    /// What it is now: `running`, `stopped`, `already running`.
    pub now: String,
}

#[derive(Serialize)]
struct ChangedJson<'a> {
    schema: u32,
    changed: &'a [Changed],
}

/// Says on stderr what was changed; with `--json` on stdout.
pub fn print_changed(ui: &Ui, changed: &[Changed]) -> Result<()> {
    changed.iter().for_each(|c| ui.status(&format!("{}: {}", c.name, c.now)));
    if ui.json { ui.json(&ChangedJson { schema: SCHEMA, changed }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{Changed, Receipt, print_changed, print_delete_receipt};
    use crate::ui::{Ui, testing::Capture};

    fn receipt() -> Receipt {
        Receipt {
            name: "web-1".to_owned(),
            went: vec!["domain web-1".to_owned(), "disk web-1.qcow2 (1.2 GiB)".to_owned()],
            stayed: vec!["image debian-13 (used by test)".to_owned()],
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
        let wanted = serde_json::json!({"schema": 1, "dry_run": false, "receipts": [{
            "name": "web-1", "went": ["domain web-1", "disk web-1.qcow2 (1.2 GiB)"], "stayed": ["image debian-13 (used by test)"],
        }]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
        let capture = Capture::default();
        let changed = [Changed { name: "web-1".to_owned(), now: "running".to_owned() }];
        assert_eq!(print_changed(&Ui { json: true, ..capture.ui() }, &changed), Ok(()));
        let wanted = serde_json::json!({"schema": 1, "changed": [{"name": "web-1", "now": "running"}]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
        assert_eq!(capture.stderr(), "web-1: running\n");
    }
}
