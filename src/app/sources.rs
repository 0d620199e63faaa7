//! The catalog: what is embedded, with the operator's folders over it.

use std::{fs::File, io::Read as _, os::unix::fs::MetadataExt as _, path::Path};

use rustix::{
    fs::{CWD, Dir, Mode, OFlags, openat},
    io::Errno,
};

use super::syntax;
use crate::{
    catalog::{self, Catalog, SourceFile},
    model::{Code, Error, Hint, Observer, Result, Settings, StoragePrices},
};

/// Largest data file read from a folder of the operator's.
const MAX_FILE: u64 = 256 << 10;
/// Most files and folders looked at in one folder.
const MAX_ENTRIES: usize = 1000;
/// Links are not followed, and nobody is waited for at the other end of a pipe.
const SAFE: OFlags = OFlags::RDONLY.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// The embedded catalog with the operator's folders over it. A faulty file spoils its own blueprint.
pub fn catalog(settings: &Settings) -> Result<Catalog> {
    load(&sources(settings)?)
}

/// The embedded catalog with some files over it. A fault spoils its own blueprint, in a script too.
pub fn load(sources: &[SourceFile]) -> Result<Catalog> {
    let mut catalog = Catalog::load_usable(sources)?;
    for (id, faults) in syntax::faults(&catalog) {
        catalog.refuse(&id, &faults);
    }
    Ok(catalog)
}

/// What storage costs today. Files that say it wrong are told of, and it costs nothing then.
pub fn storage_prices(settings: &Settings, observer: &mut dyn Observer) -> Result<StoragePrices> {
    let said = sources(settings).and_then(|sources| catalog::storage_prices(&sources));
    said.or_else(|error| {
        observer.warn(&Hint::from(format!("what storage costs is not known: {error}")));
        catalog::storage_prices(&[])
    })
}

/// The files of the operator's folders.
pub fn sources(settings: &Settings) -> Result<Vec<SourceFile>> {
    let mut sources = Vec::new();
    for folder in &settings.paths.blueprints {
        gather(folder, &mut sources)?;
    }
    Ok(sources)
}

/// Reads the files of a folder and of the folders in it, one level deep. What is no plain file of its owner's alone is kept with
/// the reason, for whoever names it.
///
/// # Errors
/// The folder itself cannot be read, or others may write in it.
pub fn gather(folder: &Path, sources: &mut Vec<SourceFile>) -> Result<()> {
    gather_if(folder, |_| true, sources)
}

/// As [`gather`], of a folder whose owner's id is wanted; any other is as if empty.
///
/// # Errors
/// As [`gather`].
pub fn gather_if(folder: &Path, wanted: impl Fn(u32) -> bool, sources: &mut Vec<SourceFile>) -> Result<()> {
    let fail = |why: &dyn std::fmt::Display| {
        Error::new(Code::BlueprintsUnreadable, format!("cannot read `{}`", folder.display())).cause(why)
    };
    // The operator names this folder, by a link if he likes.
    let open = match openat(CWD, folder, SAFE.difference(OFlags::NOFOLLOW).union(OFlags::DIRECTORY), Mode::empty()) {
        Ok(open) => File::from(open),
        Err(Errno::NOENT) => return Ok(()),
        Err(e) => return Err(fail(&std::io::Error::from(e))),
    };
    let owner = open.metadata().map_err(|e| fail(&e))?.uid();
    if !wanted(owner) {
        return Ok(());
    }
    private(&open).map_err(|why| fail(&why).hint("let its owner alone write there: `chmod o-w`"))?;
    Folder { open, owner }.read("", sources).map_err(|e| fail(&e))
}

/// An open folder, and the owner of the outermost.
struct Folder {
    open: File,
    owner: u32,
}

impl Folder {
    fn read(&self, prefix: &str, sources: &mut Vec<SourceFile>) -> std::io::Result<()> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.open)?.take(MAX_ENTRIES) {
            names.extend(entry?.file_name().to_str().ok().filter(|n| !n.starts_with('.')).map(str::to_owned));
        }
        names.sort();
        for name in names {
            let shown = format!("{prefix}{name}");
            match self.open(&name) {
                Ok(open) if open.metadata()?.is_dir() => {
                    if prefix.is_empty() && private(&open).is_ok() {
                        Self { open, owner: self.owner }.read(&format!("{shown}/"), sources)?;
                    }
                }
                Ok(open) => sources.push(self.source(&shown, open)),
                Err(Errno::LOOP) => sources.push(SourceFile::refused(&shown, "is a link")),
                Err(e) => sources.push(SourceFile::refused(&shown, &std::io::Error::from(e).to_string())),
            }
        }
        Ok(())
    }

    fn open(&self, name: &str) -> rustix::io::Result<File> {
        openat(&self.open, name, SAFE, Mode::empty()).map(File::from)
    }

    /// An open file as a source, judged by its descriptor.
    fn source(&self, name: &str, open: File) -> SourceFile {
        match self.text(name, open) {
            Ok(source) => source,
            Err(why) => SourceFile::refused(name, &why),
        }
    }

    fn text(&self, name: &str, open: File) -> std::result::Result<SourceFile, String> {
        let meta = open.metadata().map_err(|e| e.to_string())?;
        if !meta.is_file() {
            return Err("is no plain file".to_owned());
        }
        if meta.nlink() > 1 && meta.uid() != self.owner {
            return Err("is a hard link to a file of another owner".to_owned());
        }
        private(&open)?;
        let mut bytes = Vec::new();
        open.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(format!("is larger than {} KiB", MAX_FILE >> 10));
        }
        let source = SourceFile::from_bytes(name, bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
        match name.ends_with(".sh").then(|| syntax::fault(&source.text)).flatten() {
            Some((line, why)) => Err(format!("line {line}: {why}")),
            None => Ok(source),
        }
    }
}

/// Refuses what anybody may write.
fn private(open: &File) -> std::result::Result<(), String> {
    let mode = open.metadata().map_err(|e| e.to_string())?.mode();
    if mode & 0o002 == 0 { Ok(()) } else { Err("others may write it".to_owned()) }
}
