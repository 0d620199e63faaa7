//! `lite run`.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap_complete::ArgValueCompleter;

use super::{Env, complete, signals, values};
use crate::{
    app::job::{self, Collected, Finished, Run},
    model::{Code, Error, Hint, Result, Size, Verb},
    ui::print::{print_changed, print_jobs, print_plan},
};

const EXAMPLES: &str = "\
EXAMPLES:
  lite run debian-13 -- uname -a
      A command in a machine of its own, which is gone afterwards
  lite run debian-13 -- sh -c 'id; exit 3'
      A line for a shell; its exit code is that of `lite`
  lite run debian-13 --out result -- sh -c 'df >\"$LITE_OUT/df\"'
      What it leaves in $LITE_OUT, here in the folder `result`
  lite run debian-13 --bundle small --timeout 1h --queue -- make test
      Bigger, an hour at most, and in the queue if there is no room now
  lite run --list
      The jobs that wait and run, and those of the last day
  lite run --cancel job-0123abcd
      End one, from anywhere";

/// Exit code where lite itself refused or failed.
const OWN: u8 = 125;
/// Exit code where the time was over.
const TIMED_OUT: u8 = 124;

/// Run a command in a machine of its own
///
/// Makes an instance, runs the command there over SSH when it is ready, and
/// deletes it at once, whatever happens. The words after `--` arrive as they are:
/// for pipes and variables run a shell. Output comes as it is written, stdout
/// and stderr apart; input is passed on unless it is a terminal. The exit code is
/// the command's, 128+N if a signal ended it; 124 if the time was over, 125 if
/// lite itself refused or failed. Its machine counts and costs as any other for
/// as long as it is there.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_help = EXAMPLES)]
pub struct Args {
    /// What its machine is made of; `lite blueprints` lists them
    #[arg(required_unless_present_any = ["list", "cancel"], add = ArgValueCompleter::new(complete::blueprints))]
    blueprint: Option<String>,
    /// Size and price [default: the smallest that fits the blueprint]
    #[arg(long, add = ArgValueCompleter::new(complete::bundles))]
    bundle: Option<String>,
    /// How long all of it may take, the wait for room included, at most 24h
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = values::duration)]
    timeout: Duration,
    /// A folder for what the command left in $LITE_OUT; it is not there yet, or empty
    ///
    /// Plain files and folders below `out` in the home of its account, at most 4 GiB
    /// and 100,000 of them. Symbolic links, devices and the like are left out, which
    /// is said.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Keep its machine, as an instance like any other
    #[arg(long)]
    keep: bool,
    /// Boot its machine even where the memory of one like it is there to go on from
    #[arg(long)]
    no_warm: bool,
    /// Wait, in the order of arrival, until there is room
    #[arg(long)]
    queue: bool,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// List the jobs
    #[arg(long, conflicts_with_all = ["blueprint", "bundle", "timeout", "out", "keep", "no_warm", "queue", "dry_run", "cancel", "command"])]
    list: bool,
    /// End jobs, whoever runs them
    #[arg(
        long,
        value_name = "ID",
        num_args = 1..,
        value_parser = values::job_id,
        conflicts_with_all = ["blueprint", "bundle", "timeout", "out", "keep", "no_warm", "queue", "command"],
        add = ArgValueCompleter::new(complete::jobs)
    )]
    cancel: Vec<String>,
    /// The command and its arguments, after `--`
    #[arg(last = true, value_name = "COMMAND", required_unless_present_any = ["list", "cancel"])]
    command: Vec<OsString>,
}

/// Runs a job, or lists or cancels some. The exit code of a job is that of its command.
pub fn run(args: &Args, env: &mut Env) -> Result<u8> {
    let mut progress = env.progress();
    if args.list {
        return print_jobs(&env.ui, &job::list(&env.app()?, &env.caller(), &mut progress)?).map(|()| 0);
    }
    if !args.cancel.is_empty() {
        let cancel = if args.dry_run { job::plan_cancel } else { job::cancel };
        let changed = cancel(&env.app()?, &env.caller(), &args.cancel, &mut progress)?;
        return print_changed(&env.ui, &changed).map(|()| 0);
    }
    if args.dry_run {
        let app = env.app()?;
        let plan = job::check(&app, &env.caller(), request(args, env)?)?.plan(&app.settings)?;
        return print_plan(&env.ui, &plan).map(|()| 0);
    }
    // What of it is lite's own is told from what is the command's by the exit code alone.
    Ok(command(args, env).unwrap_or_else(|error| {
        env.ui.error(&error);
        OWN
    }))
}

fn command(args: &Args, env: &Env) -> Result<u8> {
    let app = env.app()?;
    let checked = job::check(&app, &env.caller(), request(args, env)?)?;
    signals::heed(&app.cancel)?;
    let finished = checked.run(&app, &mut env.progress())?;
    tell(&finished, args, env);
    match finished.result {
        Ok(code) => Ok(code),
        Err(error) => {
            env.ui.error(&error);
            Ok(if finished.timed_out { TIMED_OUT } else { OWN })
        }
    }
}

/// Says what stays of it.
fn tell(finished: &Finished, args: &Args, env: &Env) {
    if let Some((Collected { files, bytes, left_out, named }, folder)) =
        finished.collected.as_ref().zip(args.out.as_ref())
    {
        let size = Size::bytes(*bytes).about();
        env.ui.status(&format!("in `{}`: {files} files, {size}", folder.display()));
        if *left_out > 0 {
            let text = format!("left out, for they are no plain files: {left_out}, such as `{}`", named.join("`, `"));
            env.ui.warn(&text);
        }
    }
    if let Some(left) = &finished.left {
        let text = format!("its machine stays: instance `{}`, {} {} a month; ", left.name, left.price, left.currency);
        env.ui.status(&Hint::from(text).run_with(Verb::Delete, &[&left.name]).text(" removes it").to_string());
    }
}

fn request(args: &Args, env: &Env) -> Result<Run> {
    let words: Option<Vec<String>> = args.command.iter().map(|word| word.to_str().map(str::to_owned)).collect();
    let command = words.ok_or_else(|| Error::new(Code::InvalidCommand, "the command is not UTF-8 text"))?;
    Ok(Run {
        blueprint: args.blueprint.clone().unwrap_or_default(),
        bundle: args.bundle.clone(),
        command,
        timeout: args.timeout,
        out: args.out.clone(),
        keep: args.keep,
        use_warm: !args.no_warm,
        queue: args.queue,
        input: !env.ui.stdin_tty,
    })
}
