//! `lite blueprints test`.

use std::{path::PathBuf, time::Duration};

use clap_complete::ArgValueCompleter;

use super::{Env, complete, signals, values};
use crate::{
    app::{
        blueprint::test::{self, Test},
        files::Attachment,
    },
    model::{Code, Error, Result},
    ui::print::print_tests,
    view::TestView,
};

/// What `lite blueprints test` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ids of blueprints, or files of your own
    #[arg(value_name = "BLUEPRINT|FILE", required = true, add = ArgValueCompleter::new(complete::blueprints))]
    blueprints: Vec<String>,
    /// The operating system to test on [default: the blueprint's first]
    #[arg(long, value_name = "IMAGE", add = ArgValueCompleter::new(complete::bases))]
    base: Option<String>,
    /// Size of the virtual machine [default: exactly the minimum the blueprint states]
    #[arg(long, add = ArgValueCompleter::new(complete::bundles))]
    bundle: Option<String>,
    /// Set a parameter of the blueprint; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = values::assignment)]
    set: Vec<values::Assignment>,
    /// A `#cloud-config`, `#!` or MIME file, run after the blueprint's own parts;
    /// `-` is standard input
    #[arg(long, value_name = "FILE")]
    user_data: Option<PathBuf>,
    /// How long the application may take until it answers, at most 24h
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = values::duration)]
    timeout: Duration,
    /// Check and render only, and boot nothing
    #[arg(long, conflicts_with_all = ["bundle", "keep", "user_data"])]
    render_only: bool,
    /// Leave the virtual machine where the test failed
    #[arg(long)]
    keep: bool,
    /// Write the result into this file too, such as a checkout's blueprints/verified.yaml
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// Largest user-data read.
const MAX_USER_DATA: u64 = 1 << 20;

/// Tests one blueprint after the other. Failed if one of them failed.
pub fn run(args: &Args, env: &Env) -> Result<()> {
    let app = env.app()?;
    let request = request(args)?;
    let subjects = test::check(&app, &env.caller(), &request)?;
    if !request.render_only {
        signals::heed(&app.cancel)?;
    }
    let views = until_interrupted(&subjects, |subject| {
        env.ui.status(&subject.title());
        let mut progress = env.progress();
        let view = test::run(&app, &request, subject, &mut progress)?;
        match &view.error {
            Some(error) => env.ui.error_note(error),
            None => test::keep(&app, &request, subject, &view, &mut progress)?,
        }
        Ok(view)
    })?;
    let failed: Vec<&str> = views.iter().filter(|v| v.error.is_some()).map(|v| v.blueprint.as_str()).collect();
    let error = match failed.as_slice() {
        [] => None,
        ids => Some(Error::new(Code::BlueprintFailed, format!("the test of `{}` failed", ids.join("`, `")))),
    };
    print_tests(&env.ui, &views)?;
    error.map_or(Ok(()), Err)
}

/// What the arguments ask for, with the content of the file they name.
fn request(args: &Args) -> Result<Test> {
    Ok(Test {
        blueprints: args.blueprints.clone(),
        base: args.base.clone(),
        bundle: args.bundle.clone(),
        parameters: values::pairs(&args.set),
        user_data: args.user_data.as_deref().map(|file| Attachment::read(file, MAX_USER_DATA)).transpose()?,
        timeout: args.timeout,
        render_only: args.render_only,
        keep: args.keep,
        record: args.record.clone(),
    })
}

/// The results of all, or of those up to a Ctrl-C: that is meant for the whole command.
fn until_interrupted<T>(all: &[T], mut test: impl FnMut(&T) -> Result<TestView>) -> Result<Vec<TestView>> {
    let mut views = Vec::new();
    for one in all {
        let view = test(one)?;
        let interrupted = view.error.as_ref().is_some_and(|e| e.code == Code::Interrupted);
        views.push(view);
        if interrupted {
            break;
        }
    }
    Ok(views)
}

#[cfg(test)]
mod tests {
    use super::{TestView, until_interrupted};
    use crate::model::{Code, Error};

    #[test]
    fn a_failed_test_is_not_the_last_and_an_interrupted_one_is() {
        let view = |code: &Option<Code>| {
            Ok(TestView {
                blueprint: code.map_or("fine", Code::as_str).to_owned(),
                version: "1".to_owned(),
                base: "debian-13".to_owned(),
                booted: true,
                image: None,
                stages: Vec::new(),
                error: code.map(|code| Error::new(code, "x")),
            })
        };
        let views = until_interrupted(&[None, Some(Code::SetupFailed), Some(Code::Interrupted), None], view).unwrap();
        let tried: Vec<&str> = views.iter().map(|v| v.blueprint.as_str()).collect();
        assert_eq!(tried, ["fine", "setup_failed", "interrupted"]);
    }
}
