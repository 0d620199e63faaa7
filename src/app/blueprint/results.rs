//! Where the results of `lite blueprints test` are kept: in the state folder, and in a file the user names.

use std::{fs, io::ErrorKind, path::Path};

use crate::{
    catalog::{Verified, add_verified, read_verified, write_verified},
    model::{Code, Error, Hint, Observer, Result, Settings},
    store,
};

/// The file in the state folder.
const FILE: &str = "verified.yaml";

/// The tests of this host. Without the right to read them there are none.
pub fn of_this_host(settings: &Settings, observer: &mut dyn Observer) -> Vec<Verified> {
    let file = settings.paths.state.join(FILE);
    match read(&file) {
        Ok(list) => list,
        Err(e) => {
            observer.detail(&e.to_string());
            Vec::new()
        }
    }
}

/// Keeps a result in the state folder; a test is none the worse if it cannot be kept.
pub fn keep(settings: &Settings, verified: &Verified, observer: &mut dyn Observer) {
    let kept =
        store::create_private_dir(&settings.paths.state).and_then(|()| add(&settings.paths.state.join(FILE), verified));
    if let Err(e) = kept {
        observer.warn(&Hint::from(format!("the result is not kept: {e}")));
    }
}

/// Adds a result to a file, which is replaced in one step.
pub fn add(file: &Path, verified: &Verified) -> Result<()> {
    let mut list = read(file)?;
    add_verified(&mut list, verified.clone());
    let text = write_verified(&list)?;
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)
        .and_then(|t| fs::write(t.path(), text).map(|()| t))
        .and_then(|t| t.persist(file).map_err(|e| e.error));
    written.map(drop).map_err(|e| failed(file, "write").cause(e))
}

/// Refuses a file that a result could not be added to later.
pub fn readable(file: &Path) -> Result<()> {
    read(file).map(drop)
}

fn read(file: &Path) -> Result<Vec<Verified>> {
    match fs::read_to_string(file) {
        Ok(text) => read_verified(&file.display().to_string(), &text),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(failed(file, "read").cause(e)),
    }
}

fn failed(file: &Path, what: &str) -> Error {
    Error::new(Code::VerifiedUnusable, format!("cannot {what} `{}`", file.display()))
}
