//! The catalog: what is embedded, with the operator's folders over it.

use std::{fs, path::Path};

use super::files::read_limited;
use crate::{
    catalog::{Catalog, SourceFile},
    model::{Code, Error, Result, Settings},
};

/// Largest data file read from a folder of the operator's.
const MAX_FILE: u64 = 256 << 10;

/// The embedded catalog with the operator's folders over it.
pub fn catalog(settings: &Settings) -> Result<Catalog> {
    Catalog::load(&sources(settings)?)
}

/// The files of the operator's folders.
pub fn sources(settings: &Settings) -> Result<Vec<SourceFile>> {
    let mut sources = Vec::new();
    for folder in &settings.paths.blueprints {
        gather(folder, "", &mut sources)?;
    }
    Ok(sources)
}

/// Reads the files of a folder and of the folders in it, one level deep.
pub fn gather(folder: &Path, prefix: &str, sources: &mut Vec<SourceFile>) -> Result<()> {
    let fail = |path: &Path, e: std::io::Error| {
        Error::new(Code::BlueprintsUnreadable, format!("cannot read `{}`", path.display())).cause(e)
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(fail(folder, e)),
    };
    let mut paths =
        entries.map(|e| e.map(|e| e.path())).collect::<std::io::Result<Vec<_>>>().map_err(|e| fail(folder, e))?;
    paths.sort();
    for path in paths {
        let Some(name) = path.file_name().and_then(|n| n.to_str()).filter(|n| !n.starts_with('.')) else { continue };
        let name = format!("{prefix}{name}");
        if path.is_dir() && prefix.is_empty() {
            gather(&path, &format!("{name}/"), sources)?;
        } else if path.is_file() {
            let bytes = read_limited(&path, MAX_FILE)?;
            sources.push(SourceFile::from_bytes(&name, bytes)?);
        }
    }
    Ok(())
}
