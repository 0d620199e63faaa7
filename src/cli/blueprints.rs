//! `lite blueprints`.

use std::path::{Path, PathBuf};

use clap_complete::ArgValueCompleter;

use super::{Env, blueprints_test, complete, outdated, record, session};
use crate::{
    catalog::{self, Blueprint, Catalog, Group, Health, Standing},
    model::Result,
    ui::print::{print_blueprint, print_blueprints, print_check},
    view::{BlueprintView, FaultView, ParameterView, VerifiedView},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite blueprints
      Every operating system and application there is
  lite blueprints show nginx
      What it needs, opens and can be told with --set
  lite blueprints check mine.yaml
      Every fault of a file of your own, with file, line and key
  lite blueprints test mine.yaml
      Boot it in a virtual machine of its own, and see whether it answers";

const TEST: &str = "\
EXAMPLES:
  lite blueprints test mine.yaml
      Boot it on the least memory and disk it states, and remove everything
  lite blueprints test mine.yaml --keep --set title=Hello
      Keep the machine for a look if it fails
  lite blueprints test nginx lamp --base debian-12 --json
      Two after the other, with the time of each stage, for a script";

const SHOW: &str = "\
EXAMPLES:
  lite blueprints show nginx
      What it needs, opens and can be told with --set";

const CHECK: &str = "\
EXAMPLES:
  lite blueprints check mine.yaml
      Every fault at once, with file, line and key
  cp mine.yaml /etc/lite/blueprints/
      Then make it known";

const OUTDATED: &str = "\
EXAMPLES:
  lite blueprints outdated
      The instances that a new one would differ from
  lite blueprints outdated --json | jq -r '.outdated[].name'
      Their names, for a script";

/// List the operating systems and applications there are
///
/// Lists the blueprints: what can run in an instance. They are data files. A file
/// of your own in /etc/lite/blueprints or ~/.config/lite/blueprints adds one, or
/// replaces one of the same name.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// What to do instead of listing them.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Show everything about blueprints
    ///
    /// Shows what a blueprint is for, the smallest bundle it fits, the ports it
    /// opens, and the parameters that `lite create --set` knows.
    #[command(verbatim_doc_comment, after_help = SHOW)]
    Show {
        /// Ids of blueprints
        #[arg(value_name = "BLUEPRINT", required = true, add = ArgValueCompleter::new(complete::blueprints))]
        ids: Vec<String>,
    },
    /// List the instances older than their blueprint
    ///
    /// Lists the instances that were made from another version of their blueprint
    /// than today's, with both versions.
    #[command(verbatim_doc_comment, after_help = OUTDATED)]
    Outdated,
    /// Check blueprint files
    ///
    /// Checks files without using them, and names every fault with file, line and
    /// key. The exit code is 2 if there is one.
    #[command(verbatim_doc_comment, after_help = CHECK)]
    Check {
        /// Blueprint or bundle files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Boot blueprints and see whether they work
    ///
    /// Checks and renders a blueprint, boots it in a virtual machine of its own,
    /// runs its health check, looks that nothing else listens, and removes
    /// everything. Each stage is shown with its time. What booted is then marked
    /// `boot` in the list of blueprints on this host; --record writes the same into
    /// a file. The exit code is 1 if a test failed.
    #[command(verbatim_doc_comment, after_help = TEST)]
    Test(blueprints_test::Args),
}

/// Lists, shows or checks with [`crate::ui::print::print_blueprints`], `print_blueprint` and `print_check`.
pub fn run(args: &Args, env: &mut Env) -> Result<()> {
    match &args.verb {
        None => {
            let catalog = catalog_with_tests(env)?;
            let views: Vec<_> = catalog.blueprints.values().map(|b| view(&catalog, b)).collect();
            print_blueprints(&env.ui, &views)
        }
        Some(Verb::Show { ids }) => {
            let catalog = catalog_with_tests(env)?;
            let views: Result<Vec<_>> = ids.iter().map(|id| catalog.blueprint(id).map(|b| view(&catalog, b))).collect();
            print_blueprint(&env.ui, &views?)
        }
        Some(Verb::Outdated) => outdated::run(env),
        Some(Verb::Check { files }) => {
            let mut faults = Vec::new();
            for file in files {
                faults.extend(check(file)?);
            }
            print_check(&env.ui, files.len(), &faults)
        }
        Some(Verb::Test(args)) => blueprints_test::run(args, env),
    }
}

/// The catalog, with the tests of this host after those that came with it.
fn catalog_with_tests(env: &Env) -> Result<Catalog> {
    let settings = env.settings()?;
    let mut catalog = session::catalog(&settings)?;
    catalog.verified.extend(record::read_own(&settings, &env.ui));
    Ok(catalog)
}

/// The faults of one file; scripts it names may lie beside it.
fn check(file: &Path) -> Result<Vec<FaultView>> {
    let shown = file.display().to_string();
    let mut beside = Vec::new();
    if let Some(folder) = file.parent() {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        // What lies beside it and cannot be read is only a fault if the file names it.
        let _ = session::gather(folder, "", &mut beside);
    }
    let bytes = session::read_limited(file, 4 << 20)?;
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => {
            let message = "is not UTF-8 text".to_owned();
            return Ok(vec![FaultView { file: shown, line: None, key: None, message }]);
        }
    };
    let faults = catalog::check_with(&shown, &text, &beside);
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

fn view(catalog: &Catalog, b: &Blueprint) -> BlueprintView {
    BlueprintView {
        id: b.id.clone(),
        group: match b.group {
            Group::Os => "os".to_owned(),
            Group::App => "app".to_owned(),
        },
        version: b.version.clone(),
        title: b.title.clone(),
        description: b.description.clone(),
        bases: b.bases.clone(),
        min_memory: b.min_memory,
        min_disk: b.min_disk,
        smallest_bundle: catalog.smallest_bundle(b).map(|s| s.id.clone()),
        ports: b.ports.clone(),
        parameters: b
            .parameters
            .iter()
            .map(|p| ParameterView {
                name: p.name.clone(),
                description: p.description.clone(),
                default: p.default.clone(),
            })
            .collect(),
        secrets: b.secrets.iter().map(|s| s.description.clone()).collect(),
        verified: b.bases.iter().map(|base| verified(catalog, b, base)).collect(),
        health: b.health.as_ref().map(health),
    }
}

/// A health check in words.
fn health(health: &Health) -> String {
    match health {
        Health::Http { port, path, status, text } => {
            let holds = text.as_ref().map_or(String::new(), |t| format!(" and holds `{t}`"));
            format!("http://ADDRESS:{port}{path} answers {status}{holds}")
        }
        Health::Tcp { port, banner } => {
            let says = banner.as_ref().map_or(String::new(), |b| format!(" and says `{b}`"));
            format!("port {port} accepts{says}")
        }
        Health::Command { run, timeout } => {
            let run = run.trim();
            let shown = if run.contains('\n') { "a script".to_owned() } else { format!("`{run}`") };
            format!("{shown} succeeds in the guest within {timeout} s")
        }
    }
}

fn verified(catalog: &Catalog, b: &Blueprint, base: &str) -> VerifiedView {
    let standing = catalog.standing(b, base);
    let seen = match standing {
        Standing::Boot(seen) | Standing::Changed(seen) => Some(seen),
        Standing::Render => None,
    };
    VerifiedView {
        base: base.to_owned(),
        how: standing.word().to_owned(),
        date: seen.map(|v| v.date),
        image: seen.and_then(|v| v.image.clone()),
        seconds: seen.and_then(|v| v.seconds),
    }
}
