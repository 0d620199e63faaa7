//! `lite blueprints check`.

use crate::{
    model::{Code, Error, Result},
    ui::{Ui, clean},
    view::{CheckDocument, FaultView},
};

fn text(fault: &FaultView) -> String {
    let line = fault.line.map(|l| format!(":{l}")).unwrap_or_default();
    let key = fault.key.as_ref().map(|k| format!(": {k}")).unwrap_or_default();
    format!("{}{line}{key}: {}", fault.file, fault.message)
}

/// Prints all faults of the files checked, one a line; any fault is the error `invalid_blueprint`.
pub fn print_check(ui: &Ui, files: usize, faults: &[FaultView]) -> Result<()> {
    let counted = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let lines: String = faults.iter().map(|f| format!("{}\n", clean(&text(f)))).collect();
    if faults.is_empty() {
        if ui.json {
            ui.document(&CheckDocument { files, faults })?;
        }
        ui.status(&format!("{} without faults", counted(files, "file")));
        return Ok(());
    }
    let message = format!("{} in {}", counted(faults.len(), "fault"), counted(files, "file"));
    let error = Error::new(Code::InvalidBlueprint, message);
    if ui.json {
        // One JSON document on stdout: the faults are the causes of the error.
        return Err(faults.iter().fold(error, |e, f| e.cause(text(f))));
    }
    ui.data(&lines)?;
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::print_check;
    use crate::ui::testing::Capture;
    use crate::view::FaultView;

    #[test]
    fn every_fault_on_its_line() {
        let fault = |line, key: Option<&str>, message: &str| FaultView {
            file: "x.yaml".to_owned(),
            line,
            key: key.map(str::to_owned),
            message: message.to_owned(),
        };
        let faults =
            [fault(Some(3), Some("prots"), "unknown key, did you mean `ports`?"), fault(None, None, "not\u{1b} YAML")];
        let capture = Capture::default();
        let error = print_check(&capture.ui(), 1, &faults).err();
        assert_eq!(capture.stdout(), "x.yaml:3: prots: unknown key, did you mean `ports`?\nx.yaml: not\\u{1b} YAML\n");
        assert_eq!(error.map(|e| (e.exit_code(), e.message)), Some((2, "2 faults in 1 file".to_owned())));
        assert_eq!(print_check(&capture.ui(), 2, &[]), Ok(()));
        assert_eq!(capture.stderr(), "2 files without faults\n");
    }
}
