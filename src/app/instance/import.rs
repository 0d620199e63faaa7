//! Imports: a new instance from a file that `lite export` wrote.

use std::{
    io::{Cursor, Read},
    path::PathBuf,
};

use sha2::{Digest, Sha256};

use super::{
    checked::{Checked, Original, check_original},
    request::Create,
};
use crate::{
    app::{App, Caller, Right, files},
    catalog::resolve_params,
    engine::{Brought, Content, CopyOf, Manifest},
    image::{Arriving, Declared, archive, decrypted, differs},
    model::{Code, Error, Hint, Observer, ResourceKind, Result, Size, Verb, hex},
    render::Former,
};

/// Most bytes of what an export says of itself, and of its definition.
const TEXT_MAX: u64 = 1 << 20;
/// What a file begins with that `age` encrypted.
const ENCRYPTED: [&[u8]; 2] = [b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----"];

/// An import.
#[derive(Clone)]
pub struct Import {
    /// The file; `-` is standard input.
    pub file: PathBuf,
    /// The file with the secret key of age by which it is read; none: it is not encrypted.
    pub identity: Option<PathBuf>,
    /// The new instance. What the export says of itself stands for its blueprint, and for its name where none is given.
    pub create: Create,
}

/// Reads an export up to its disk, and checks all that can be checked without the host.
///
/// # Errors
/// Refused: no export, a damaged or a hostile one, a name that is taken, a disk that fits no bundle. Nothing was made.
pub fn check(app: &App, caller: &Caller, import: Import, observer: &mut dyn Observer) -> Result<Checked> {
    app.require(caller, Right::Administer)?;
    let mut export = archive::Reader::new(source(&import)?);
    let manifest = Manifest::read(&export.text(TEXT_MAX)?)?;
    let name = import.create.name.clone().unwrap_or_else(|| manifest.record.name.clone());
    if let Some(store) = app.store(caller, observer)? {
        store.refuse_taken(ResourceKind::Instance, name.as_str()).map_err(|e| match import.create.name {
            None => e.hint("the name is the one in the export"),
            Some(_) => e,
        })?;
    }
    let domain = export.text(TEXT_MAX)?;
    if domain.len() as u64 != manifest.domain.length || hex(&Sha256::digest(&domain)) != manifest.domain.sha256 {
        return Err(differs("definition"));
    }
    let (arriving, size) = Arriving::begin(export, told(&manifest))?;
    warn_of_lost(&manifest, observer);
    let set: Vec<_> = manifest.parameters.into_iter().collect();
    let original = Original {
        copy_of: CopyOf::Export(Box::new(Brought {
            former: Former::from(&manifest.record),
            secrets: manifest.secrets,
            disks: manifest.disks,
        })),
        arriving: Some(arriving),
        parameters: resolve_params(&manifest.blueprint, &set)?,
        blueprint: manifest.blueprint,
        record: manifest.record,
        disk: Size::bytes(size),
    };
    check_original(app, caller, Create { name: Some(name), ..import.create }, original)
}

/// What the file holds, decrypted.
fn source(import: &Import) -> Result<Box<dyn Read + Send>> {
    let file = files::open_source(&import.file)?;
    if let Some(identity) = &import.identity {
        return Ok(Box::new(decrypted(identity, file)?));
    }
    let mut plain: Box<dyn Read + Send> = match file {
        Some(file) => Box::new(file),
        None => Box::new(std::io::stdin()),
    };
    let (mut begin, most) = (Vec::new(), ENCRYPTED.map(<[u8]>::len).into_iter().max().unwrap_or(0));
    plain.by_ref().take(most as u64).read_to_end(&mut begin).map_err(archive::unreadable)?;
    if ENCRYPTED.iter().any(|encrypted| begin.starts_with(encrypted)) {
        return Err(Error::new(Code::InvalidExport, format!("`{}` is encrypted", import.file.display()))
            .hint("name the file with the secret key of age that it was encrypted for: `--identity KEYFILE`"));
    }
    Ok(Box::new(Cursor::new(begin).chain(plain)))
}

/// What the export says of its disks, in their order.
fn told(manifest: &Manifest) -> Vec<Declared> {
    let told = |file: &Content, size| Declared { length: file.length, sha256: file.sha256.clone(), size };
    let given = manifest.disks.iter().map(|disk| told(&disk.file, Some(disk.size.as_bytes())));
    std::iter::once(told(&manifest.disk, None)).chain(given).collect()
}

/// Says that the new instance has passwords which nobody knows here.
fn warn_of_lost(manifest: &Manifest, observer: &mut dyn Observer) {
    if manifest.secrets.is_empty() && !manifest.blueprint.secrets.is_empty() {
        observer.warn(
            &Hint::from("the export has no passwords, but its disk has those that were set: ")
                .run(Verb::Secrets)
                .text(" will know none of them"),
        );
    }
}
