//! Exports: an instance, or a snapshot, in a file that leaves the host.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use super::{
    App, Caller, Right,
    files::{self, NewFile},
};
use crate::{
    engine::{
        Ctx,
        sagas::{export as saga, snapshot},
    },
    hypervisor::DomainState,
    image::encrypted,
    model::{Code, Error, Hint, Instance, Name, Observer, Recipient, Result, Size, Verb, nearest},
    view::Changed,
};

/// An export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// An instance, or a snapshot.
    pub of: Name,
    /// The file that is to be.
    pub file: PathBuf,
    /// Who alone can read it; none: whoever has it.
    pub recipient: Option<Recipient>,
    /// With the passwords that lite made.
    pub with_secrets: bool,
    /// Wait while something else works on it.
    pub wait: bool,
    /// Say what would be written, and write nothing.
    pub dry_run: bool,
}

/// What an export is of.
enum Source {
    Snapshot(Name),
    /// One that is off.
    Stopped(Instance),
    /// One that runs: a snapshot of it is made first, and goes afterwards.
    Running(Instance),
}

/// Writes an export.
///
/// # Errors
/// Refused: nothing is called so, the file is there, passwords that nobody encrypts. What fails leaves no file.
pub fn run(app: &App, caller: &Caller, export: &Export, observer: &mut dyn Observer) -> Result<Changed> {
    app.require(caller, Right::Administer)?;
    if export.with_secrets && export.recipient.is_none() {
        return Err(Error::new(Code::Unencrypted, "passwords leave this host only in a file that is encrypted")
            .hint("add `--encrypt age1…`, the key of who is to read them, or leave `--with-secrets` away"));
    }
    if export.file.as_os_str() == "-" {
        return Err(Error::new(Code::InvalidPath, "an export is a file: it is not written to standard output")
            .hint("name it, such as `web.lite`; one that is to be called so is `./-`"));
    }
    let mut ctx = app.change(caller, export.wait, observer)?;
    let source = source(&ctx, &export.of)?;
    if let Source::Running(instance) = &source {
        saga::check_running(&ctx, instance)?;
    }
    if export.dry_run {
        let what = match &source {
            Source::Snapshot(name) => format!("snapshot `{name}` would be exported"),
            Source::Stopped(_) => "would be exported as it is, off".to_owned(),
            Source::Running(_) => "would be exported from a snapshot that is made for it".to_owned(),
        };
        return Ok(Changed::new(&export.of, what));
    }
    let file = NewFile::begin(&export.file)?;
    let written = match source {
        Source::Snapshot(name) => write_snapshot(&mut ctx, &name, export, &file, observer),
        Source::Stopped(instance) => saga::accept_instance(&mut ctx, &instance, export.with_secrets)
            .and_then(|accepted| write(&mut ctx, accepted, export, &file, observer)),
        Source::Running(instance) => write_running(app, caller, ctx, &instance, export, &file, observer),
    };
    let written = written.map_err(|error| match error.code {
        Code::NotWritable => no_room(&export.file, error),
        _ => error,
    });
    if let Err(error) = written {
        file.discard();
        return Err(error);
    }
    let size = Size::bytes(file.finish()?);
    if export.recipient.is_none() {
        observer.warn(&Hint::from(format!(
            "`{}` holds its disks as they are, with the passwords and keys in them: keep it as you would keep those",
            export.file.display()
        )));
    }
    Ok(Changed::new(&export.of, format!("exported to {} ({})", export.file.display(), size.about())))
}

/// The error of a file that could not be written; how much is free where it was to be says why, most likely.
fn no_room(file: &Path, error: Error) -> Error {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match files::free(folder) {
        Some(free) => {
            error.within(format!("cannot write `{}`: {} are free there", file.display(), Size::bytes(free).about()))
        }
        None => error.within(format!("cannot write `{}`", file.display())),
    }
}

fn source(ctx: &Ctx, name: &Name) -> Result<Source> {
    if let Some(instance) = ctx.store.instance(name)? {
        let state = ctx.hypervisor.domain(instance.record.uuid)?.map(|domain| domain.state);
        let is_off = matches!(state, None | Some(DomainState::Off | DomainState::Crashed));
        return Ok(if is_off { Source::Stopped(instance) } else { Source::Running(instance) });
    }
    let snapshots: Vec<String> =
        ctx.store.all_snapshots(&ctx.host_id())?.iter().map(|one| one.resource().name).collect();
    if snapshots.iter().any(|one| one == name.as_str()) {
        // One of a disk is refused.
        ctx.store.require_snapshot(&ctx.host_id(), name)?;
        return Ok(Source::Snapshot(name.clone()));
    }
    let instances = ctx.store.instances()?;
    let instances = instances.iter().map(|one| one.record.name.as_str());
    let names = instances.chain(snapshots.iter().map(String::as_str));
    let error = Error::new(Code::NoSuchInstance, format!("there is no instance and no snapshot `{name}`"));
    let near = nearest(name.as_str(), names).map(|near| format!("did you mean `{near}`? "));
    let hint = Hint::from(near.unwrap_or_default()).run(Verb::List).text(" and ").run(Verb::SnapshotList);
    Err(error.hint(hint.text(" show all")))
}

fn write_snapshot(
    ctx: &mut Ctx,
    name: &Name,
    export: &Export,
    file: &NewFile,
    observer: &mut dyn Observer,
) -> Result<()> {
    let accepted = saga::accept_snapshot(ctx, name, export.with_secrets)?;
    write(ctx, accepted, export, file, observer)
}

/// The snapshot that is made for it goes whatever comes of the export. One that stays, since this process was killed, is listed.
fn write_running(
    app: &App,
    caller: &Caller,
    mut ctx: Ctx,
    instance: &Instance,
    export: &Export,
    file: &NewFile,
    observer: &mut dyn Observer,
) -> Result<()> {
    let accepted = snapshot::accept(&mut ctx, instance, None)?;
    let made = snapshot::run(&mut ctx, accepted, observer)?.snapshot.name;
    observer.status(&format!("`{}` runs: it is exported from snapshot `{made}`, which goes afterwards", export.of));
    let written = write_snapshot(&mut ctx, &made, export, file, observer);
    // An interrupt ends the export; the snapshot goes all the same.
    let mut ctx = app.context(caller, true)?;
    let deleted = snapshot::accept_delete(&mut ctx, &made).and_then(|gone| snapshot::run_delete(&mut ctx, gone));
    written.and(deleted)
}

fn write(
    ctx: &mut Ctx,
    accepted: saga::Accepted,
    export: &Export,
    file: &NewFile,
    observer: &mut dyn Observer,
) -> Result<()> {
    let mut plain = file.file();
    match &export.recipient {
        None => saga::run(ctx, accepted, &mut plain, observer),
        Some(recipient) => encrypted(recipient, plain, |to: &mut dyn Write| saga::run(ctx, accepted, to, observer)),
    }
}
