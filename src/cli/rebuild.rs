//! `lite repair --rebuild`: a database made again from what libvirt holds.

use std::path::Path;

use serde::Serialize;

use super::{
    Env,
    repair::Args,
    session::{self, Session},
};
use crate::{
    engine::{self, Rebuilt, our_domains},
    model::{Code, Error, Result, escaped},
    store::{Store, Wreckage},
    ui::SCHEMA,
};

#[derive(Serialize)]
struct RebuildJson<'a> {
    schema: u32,
    /// The damaged database's new path.
    set_aside: Option<String>,
    rebuilt: Vec<RebuiltJson<'a>>,
    refused: &'a [String],
}

#[derive(Serialize)]
struct RebuiltJson<'a> {
    name: &'a str,
    lost: &'a [&'static str],
    salvaged: &'a [&'static str],
}

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
    let wreckage = Wreckage::open(state)?;
    let done = session.engine_of_new_state(args.change.wait)?.rebuild(&catalog, &wreckage)?;
    done.refused.iter().for_each(|line| env.ui.warn(line));
    let rebuilt =
        done.taken.iter().map(|r| RebuiltJson { name: &r.name, lost: &r.lost, salvaged: &r.salvaged }).collect();
    if env.ui.json {
        return env.ui.json(&RebuildJson { schema: SCHEMA, set_aside, rebuilt, refused: &done.refused });
    }
    if done.taken.is_empty() {
        env.ui.status("libvirt holds no instance of lite's that the database does not know");
    }
    done.taken.iter().try_for_each(|r| env.ui.data(&line(r)))?;
    if !done.taken.is_empty() {
        env.ui.status("the journal of operations starts anew; `lite gc` finds what belongs to no instance any more");
    }
    Ok(())
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

/// What became of an instance.
fn line(rebuilt: &Rebuilt) -> String {
    let mut text = format!("{}: restored", rebuilt.name);
    let (one, many) = (("was", "is"), ("were", "are"));
    let verbs = |words: &[&str]| if matches!(words, ["host key"]) { one } else { many };
    if !rebuilt.lost.is_empty() {
        let (were, are) = verbs(&rebuilt.lost);
        text.push_str(&format!("; {} {were} only in the database and {are} lost", and(&rebuilt.lost)));
    }
    if !rebuilt.salvaged.is_empty() {
        let (were, _) = verbs(&rebuilt.salvaged);
        text.push_str(&format!("; {} {were} read from an older database: check that", and(&rebuilt.salvaged)));
    }
    text.push('\n');
    text
}

/// `a`, `a and b`, `a, b and c`.
fn and(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::line;
    use crate::engine::Rebuilt;

    #[test]
    fn a_line_says_what_is_lost() {
        let of = |lost: &[&'static str], salvaged: &[&'static str]| {
            line(&Rebuilt { name: "web".to_owned(), lost: lost.to_vec(), salvaged: salvaged.to_vec() })
        };
        assert_eq!(of(&["host key"], &[]), "web: restored; host key was only in the database and is lost\n");
        assert_eq!(
            of(&["passwords", "host key", "parameters"], &[]),
            "web: restored; passwords, host key and parameters were only in the database and are lost\n"
        );
        assert_eq!(
            of(&["passwords"], &["host key"]),
            "web: restored; passwords were only in the database and are lost; host key was read from an older database: check that\n"
        );
        assert_eq!(of(&[], &[]), "web: restored\n");
    }
}
