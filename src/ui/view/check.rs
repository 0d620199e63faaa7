//! `lite blueprints check`.

use serde::Serialize;

use crate::{
    model::{Code, Error, Result},
    ui::{SCHEMA, Ui, clean},
};

/// A fault of a data file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FaultView {
    /// File.
    pub file: String,
    /// Line, from 1; none where the file as a whole is meant.
    pub line: Option<u64>,
    /// Key, such as `parameters[0].name`.
    pub key: Option<String>,
    /// What is wrong, and the allowed form.
    pub message: String,
}

impl FaultView {
    fn text(&self) -> String {
        let line = self.line.map(|l| format!(":{l}")).unwrap_or_default();
        let key = self.key.as_ref().map(|k| format!(": {k}")).unwrap_or_default();
        format!("{}{line}{key}: {}", self.file, self.message)
    }
}

#[derive(Serialize)]
struct CheckJson<'a> {
    schema: u32,
    files: usize,
    faults: &'a [FaultView],
}

/// Prints all faults of the files checked, one a line; any fault is the error `invalid_blueprint`.
pub fn print_check(ui: &Ui, files: usize, faults: &[FaultView]) -> Result<()> {
    let counted = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    let lines: String = faults.iter().map(|f| format!("{}\n", clean(&f.text()))).collect();
    if faults.is_empty() {
        if ui.json {
            ui.json(&CheckJson { schema: SCHEMA, files, faults })?;
        }
        ui.status(&format!("{} without faults", counted(files, "file")));
        return Ok(());
    }
    let message = format!("{} in {}", counted(faults.len(), "fault"), counted(files, "file"));
    let error = Error::new(Code::InvalidBlueprint, message);
    if ui.json {
        // One JSON document on stdout: the faults are the causes of the error.
        return Err(faults.iter().fold(error, |e, f| e.cause(f.text())));
    }
    ui.data(&lines)?;
    Err(error)
}

#[cfg(test)]
mod tests {
    use super::{FaultView, print_check};
    use crate::ui::testing::Capture;

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
