//! Checking blueprint files without using them.

use std::path::{Path, PathBuf};

use crate::{
    app::{Caller, Right, files::read_limited, sources::gather, syntax},
    catalog::{self, Catalog, SourceFile},
    model::Result,
    view::FaultView,
};

/// Largest data file checked.
const MAX_FILE: u64 = 4 << 20;

/// Every fault of some files; scripts they name may lie beside them.
pub fn check(caller: &Caller, files: &[PathBuf]) -> Result<Vec<FaultView>> {
    caller.require(Right::Administer)?;
    let mut faults = Vec::new();
    for file in files {
        faults.extend(check_one(file)?);
    }
    Ok(faults)
}

fn check_one(file: &Path) -> Result<Vec<FaultView>> {
    let shown = file.display().to_string();
    let mut beside = Vec::new();
    if let Some(folder) = file.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        // What lies beside it and cannot be read is only a fault if the file names it.
        let _ = gather(folder, &mut beside);
    }
    let bytes = read_limited(file, MAX_FILE)?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => {
            let message = "is not UTF-8 text".to_owned();
            return Ok(vec![FaultView { file: shown, line: None, key: None, message }]);
        }
    };
    let mut faults = catalog::check_with(&shown, &text, &beside);
    if faults.is_empty() {
        beside.retain(|s| !s.name.ends_with(".yaml") && !s.name.ends_with(".yml"));
        beside.push(SourceFile { name: shown, text, fault: None });
        faults = syntax::faults(&Catalog::load_usable(&beside)?).into_values().flatten().collect();
    }
    Ok(faults
        .into_iter()
        .map(|f| FaultView {
            message: match f.suggestion {
                Some(word) => format!("{}; did you mean `{word}`?", f.message),
                None => f.message,
            },
            file: f.file,
            line: Some(f.line as u64),
            key: (f.key != "-").then_some(f.key),
        })
        .collect())
}
