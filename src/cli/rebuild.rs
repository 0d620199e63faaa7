//! `lite repair --rebuild`: a database made again from what libvirt holds.

use std::path::Path;

use super::{
    Env,
    repair::Args,
    session::{self, Session},
};
use crate::{
    engine::{self, our_domains},
    model::{Code, Error, Result, escaped},
    store::{OldDatabases, Store},
    ui::print::print_rebuilt,
    view::{RebuildView, RebuiltView},
};

/// Sets a damaged database aside and reads the instances back from the domains.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    let session = Session::open(env)?;
    let state = &session.settings.paths.state;
    let damage = damage(state)?;
    if args.change.dry_run {
        return tell(env, &session, damage.as_ref());
    }
    let mut set_aside = None;
    if let Some(damage) = damage {
        env.ui.warn(&damage.to_string());
        args.sure.ask(&env.ui, "set the damaged database aside and make a new one?")?;
        engine::refuse_while_busy(state, (env.clock)())?;
        set_aside = Store::set_aside(state, (env.clock)())?.map(|path| path.display().to_string());
    }
    if let Some(path) = &set_aside {
        env.ui.status(&format!("the damaged database is kept as `{path}`"));
    }
    let catalog = session::catalog(&session.settings)?;
    crate::store::create_private_dir(state)?;
    let wreckage = OldDatabases::open(state)?;
    let done = engine::rebuild(&mut session.engine_of_new_state(args.change.wait)?, &catalog, &wreckage)?;
    done.refused.iter().for_each(|line| env.ui.warn(line));
    let rebuilt = done.taken.into_iter().map(|r| RebuiltView { name: r.name, lost: r.lost, salvaged: r.salvaged });
    print_rebuilt(&env.ui, &RebuildView { set_aside, rebuilt: rebuilt.collect(), refused: done.refused })
}

/// What is wrong with the database; none if it is sound, or was never there.
fn damage(state: &Path) -> Result<Option<Error>> {
    let readable = match Store::exists(state)? {
        true => Store::open(state).and_then(|store| store.read_all()),
        false => Ok(()),
    };
    match readable {
        Ok(()) => Ok(None),
        Err(e) if e.code == Code::StateDamaged => Ok(Some(e)),
        Err(e) => Err(e),
    }
}

/// `--dry-run`.
fn tell(env: &Env, session: &Session, damage: Option<&Error>) -> Result<()> {
    let state = &session.settings.paths.state;
    if let Some(damage) = damage {
        env.ui.warn(&damage.to_string());
        env.ui.data("the damaged database would be set aside and a new one made\n")?;
    }
    let known = match damage.is_none() && Store::exists(state)? {
        true => Store::open(state)?.instances()?.into_iter().map(|i| i.record.uuid).collect(),
        false => Vec::new(),
    };
    for domain in our_domains(session.hypervisor(), &session.settings)? {
        if !known.contains(&domain.seen.uuid) {
            let name = domain.record.map_or_else(|| escaped(&domain.seen.name), |r| r.name.to_string());
            env.ui.data(&format!("instance `{name}` would be taken in\n"))?;
        }
    }
    Ok(())
}
