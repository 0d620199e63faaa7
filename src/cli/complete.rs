//! Completion in the shell: names are read when the key is pressed. Whatever fails, completes nothing, silently.

use std::ffi::{OsStr, OsString};

use clap_complete::{
    CompletionCandidate,
    engine::{PathCompleter, ValueCompleter},
    env::Shells,
};

use super::{Env, command};
use crate::{
    app::names,
    model::{Code, Error, Result, Settings},
};

/// The variable by which a shell asks for completions.
pub const VARIABLE: &str = "COMPLETE";

/// The shells there is completion for.
pub const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];

/// Answers a shell that asks, and says whether one did.
pub fn answer(args: &[OsString], env: &Env) -> Result<bool> {
    let Some(shell) = env.vars.get(VARIABLE)?.filter(|v| *v != "0") else { return Ok(false) };
    let words: Vec<OsString> = args.iter().skip_while(|a| *a != "--").skip(1).cloned().collect();
    if words.is_empty() {
        env.ui.data(&script(shell)?)?;
        return Ok(true);
    }
    let mut out = Vec::new();
    let completer = Shells::builtins();
    let completer = completer.completer(shell).ok_or_else(|| unknown(shell))?;
    let here = std::env::current_dir().ok();
    let mut command = command(80);
    command.build();
    completer
        .write_complete(&mut command, words, here.as_deref(), &mut out)
        .map_err(|e| Error::new(Code::Completion, "cannot complete").cause(e))?;
    env.ui.bytes(&out)?;
    Ok(true)
}

/// The script that makes a shell ask.
pub fn script(shell: &str) -> Result<String> {
    let mut out = Vec::new();
    let shells = Shells::builtins();
    let completer = shells.completer(shell).filter(|_| SHELLS.contains(&shell)).ok_or_else(|| unknown(shell))?;
    completer
        .write_registration(VARIABLE, "lite", "lite", "lite", &mut out)
        .map_err(|e| Error::new(Code::Completion, "cannot write the completion script").cause(e))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn unknown(shell: &str) -> Error {
    Error::new(Code::UnknownShell, format!("there is no completion for `{}`", crate::model::escaped(shell)))
        .hint(format!("the shells are {}", SHELLS.join(", ")))
}

/// Completes names of instances.
pub fn instances(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, named(names::instances))
}

/// Completes names of deleted instances that are kept.
pub fn deleted(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, named(names::deleted))
}

/// Completes files of this machine, and `NAME:` of instances.
pub fn places(current: &OsStr) -> Vec<CompletionCandidate> {
    let names = named(names::instances).into_iter().map(|n| format!("{n}:")).collect();
    let mut all = matching(current, names);
    all.extend(PathCompleter::any().complete(current));
    all
}

/// Completes names of alarms.
pub fn alarms(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, named(names::alarms))
}

/// Completes names of contacts.
pub fn contacts(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, named(names::contacts))
}

/// Completes names of static addresses.
pub fn static_ips(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, named(names::static_ips))
}

/// Completes names of load balancers.
pub fn load_balancers(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, named(names::load_balancers))
}

/// Completes names of snapshots.
pub fn snapshots(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, named(names::snapshots))
}

/// Completes names of what can be exported: instances and snapshots.
pub fn exportable(current: &OsStr) -> Vec<CompletionCandidate> {
    instances(current).into_iter().chain(snapshots(current)).collect()
}

/// Completes names of remotes.
pub fn remotes(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, named(names::remotes))
}

/// Completes names of disks.
pub fn disks(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, named(names::disks))
}

/// Completes names of what is measured: instances and load balancers.
pub fn measured(current: &OsStr) -> Vec<CompletionCandidate> {
    instances(current).into_iter().chain(load_balancers(current)).collect()
}

/// Completes published domains.
pub fn domains(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, named(names::domains))
}

/// Completes ids of jobs that have not ended.
pub fn jobs(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, named(names::jobs))
}

/// Completes names of users.
pub fn users(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, named(names::users))
}

/// Completes ids of keys of the API.
pub fn keys(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, named(names::keys))
}

/// Completes ids of operations.
pub fn operations(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, named(names::operations))
}

/// Completes ids of operations that are under way.
pub fn open_operations(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, named(names::open_operations))
}

/// Completes names of metrics.
pub fn metrics(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, crate::model::Metric::ALL.iter().map(|m| m.as_str().to_owned()).collect())
}

/// Completes ids of blueprints.
pub fn blueprints(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, names::blueprints(settings().as_ref()))
}

/// Completes ids of bundles.
pub fn bundles(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, names::bundles(settings().as_ref()))
}

/// Completes ids of base images.
pub fn bases(current: &OsStr) -> Vec<CompletionCandidate> {
    matching(current, names::bases(settings().as_ref()))
}

/// Completes names of columns, of which a comma separates several.
pub fn columns(current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let (before, last) = current.rsplit_once(',').map_or(("", &*current), |(b, l)| (&current[..b.len() + 1], l));
    let names = crate::ui::print::ListColumn::ALL.iter().map(|(name, _)| *name);
    names.filter(|n| n.starts_with(last)).map(|n| CompletionCandidate::new(format!("{before}{n}"))).collect()
}

fn matching(current: &OsStr, names: Vec<String>) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    names.into_iter().filter(|n| n.starts_with(&*current)).map(CompletionCandidate::new).collect()
}

/// The settings of this process; none if they have faults.
fn settings() -> Option<Settings> {
    Env::process().settings().ok()
}

/// Names that the settings lead to.
fn named(names: impl Fn(&Settings) -> Vec<String>) -> Vec<String> {
    settings().map(|s| names(&s)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{columns, script};

    #[test]
    fn a_script_for_three_shells() {
        for shell in super::SHELLS {
            let text = script(shell).unwrap_or_default();
            assert!(text.contains("COMPLETE") && text.contains("lite"), "{shell}: {text}");
        }
        assert_eq!(script("powershell").map_err(|e| e.code.as_str()), Err("unknown_shell"));
    }

    #[test]
    fn columns_complete_after_a_comma() {
        let values = |text| {
            columns(OsStr::new(text)).iter().map(|c| c.get_value().to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(values("name,st"), ["name,state", "name,static_address"]);
        assert_eq!(values("ba"), ["base"]);
    }
}
