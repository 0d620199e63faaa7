//! What a verb works with: the catalog, the host, and the engine, each opened only when it is needed.

use std::{
    fs,
    io::Read,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::Env;
use crate::{
    catalog::{Catalog, SourceFile},
    clock::Clock,
    doctor::{Status, gather as gather_facts, judge},
    engine::{self, Ctx, refuse_lost_state},
    hypervisor::{Hypervisor, LocalMachine, libvirt::Libvirt},
    model::{Code, Error, Instance, Name, Requester, Result, Settings, Via},
    store::{OperationState, Store},
};

/// How long `--wait` waits for a busy instance.
const WAIT: Duration = Duration::from_secs(3600);
/// Largest data file read from a folder of the operator's.
const MAX_FILE: u64 = 256 << 10;

/// Settings and host of one command.
pub struct Session {
    /// The settings.
    pub settings: Arc<Settings>,
    hypervisor: Arc<Libvirt>,
    interrupted: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
}

impl Session {
    /// Connects to the host. Unreachable (exit 5) if it does not answer.
    pub fn open(env: &Env) -> Result<Self> {
        let settings = env.settings()?;
        let hypervisor = Libvirt::open(&settings.host.connect).map_err(|e| env.with_sudo_hint(e))?;
        Ok(Self {
            settings: Arc::new(settings),
            hypervisor: Arc::new(hypervisor),
            interrupted: Arc::default(),
            clock: Arc::new(env.clock),
        })
    }

    /// From now on the first Ctrl-C is seen between steps and while waiting; a second one ends the process at once,
    /// and the next command cleans up.
    pub fn heed_interrupts(&self) -> Result<()> {
        flag_interrupts(&self.interrupted)
    }

    /// Whether Ctrl-C was pressed.
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// The host.
    pub fn hypervisor(&self) -> &dyn Hypervisor {
        &*self.hypervisor
    }

    /// The engine; what a dead process left is finished or undone first, and told.
    pub fn engine(&self, env: &Env, wait: bool) -> Result<Ctx> {
        let mut engine = self.engine_as_it_is(wait)?;
        match engine::recover(&mut engine) {
            Ok(told) => told.iter().for_each(|line| env.ui.status(line)),
            // One operation that cannot be finished must not stand in the way of the others.
            Err(e) => env.ui.warn(&format!("{e}; `lite repair` tries again")),
        }
        Ok(engine)
    }

    /// The engine, without a look at what others left. Refused if there is no database, but what only a lost one can
    /// have made.
    pub fn engine_as_it_is(&self, wait: bool) -> Result<Ctx> {
        refuse_lost_state(&*self.hypervisor, &self.settings)?;
        self.engine_of_new_state(wait)
    }

    /// The engine of a database that may be made anew.
    pub fn engine_of_new_state(&self, wait: bool) -> Result<Ctx> {
        Ok(Ctx {
            settings: self.settings.clone(),
            store: Store::open(&self.settings.paths.state)?,
            hypervisor: self.hypervisor.clone(),
            machine: Arc::new(LocalMachine::of(&self.settings.host.connect)),
            clock: self.clock.clone(),
            cancel: self.interrupted.clone(),
            ending: Arc::default(),
            wait: if wait { WAIT } else { Duration::ZERO },
            requester: Requester::root(Via::Cli),
        })
    }
}

/// The database, for verbs that need nothing else of the host; none if there never was one. Only without one the host
/// is asked, whether one is lost.
pub fn store(env: &Env) -> Result<Option<Store>> {
    let state = env.settings()?.paths.state;
    if !Store::exists(&state)? {
        let session = Session::open(env)?;
        refuse_lost_state(&*session.hypervisor, &session.settings)?;
    }
    // It may have been made meanwhile.
    let store = Store::exists(&state)?.then(|| Store::open(&state)).transpose()?;
    if let Some(store) = &store
        && store.open_operations()?.iter().any(|o| o.state == OperationState::Started)
    {
        finish_open(env);
    }
    Ok(store)
}

/// Refuses a host on which a guest could not reach the world: found out now, not after minutes of waiting.
pub fn fit(session: &Session, settings: &Settings) -> Result<()> {
    let checks = judge(&gather_facts(settings, Ok(session.hypervisor())), settings);
    let wrong = checks.into_iter().find(|c| ["firewall", "clock"].contains(&c.id) && c.status == Status::Fail);
    wrong.map_or(Ok(()), |check| {
        let error = Error::new(Code::HostNotFit, check.sentence).hint("`lite doctor` shows all checks");
        Err(check.fix.into_iter().fold(error, Error::hint))
    })
}

/// Finishes or undoes what a dead process left, if the host can be reached: the database is read either way.
fn finish_open(env: &Env) {
    match Session::open(env) {
        Ok(session) => drop(session.engine(env, false).map_err(|e| env.ui.warn(&e.to_string()))),
        Err(e) => env.ui.warn(&format!("an operation is open, and the host cannot be asked about it: {e}")),
    }
}

/// From now on the first Ctrl-C sets the flag, and a second one ends the process.
pub fn flag_interrupts(flag: &Arc<AtomicBool>) -> Result<()> {
    let fail = |e: std::io::Error| Error::new(Code::Signals, "cannot listen for Ctrl-C").cause(e);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, flag.clone()).map_err(fail)?;
        signal_hook::flag::register(signal, flag.clone()).map_err(fail)?;
    }
    Ok(())
}

/// The instances named, all of them known.
pub fn instances(engine: &Ctx, names: &[&Name]) -> Result<Vec<Instance>> {
    names.iter().map(|name| engine.store.require(name)).collect()
}

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

/// Reads a file the user named; refused when it is no plain file or larger than `limit` bytes.
pub fn read_limited(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let shown = path.display();
    let fail = |e: std::io::Error| Error::new(Code::FileUnreadable, format!("cannot read `{shown}`")).cause(e);
    let meta = fs::metadata(path).map_err(fail)?;
    if !meta.is_file() {
        return Err(Error::new(Code::FileUnreadable, format!("`{shown}` is not a plain file")));
    }
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(fail)?.take(limit + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > limit {
        return Err(Error::new(Code::FileTooLarge, format!("`{shown}` is larger than {} KiB", limit >> 10)));
    }
    Ok(bytes)
}
