//! The `lite` command: arguments and environment in, exit code out.

use std::process::ExitCode;

use lite::cli::{Env, run};

fn main() -> ExitCode {
    let mut env = Env::process();
    ExitCode::from(run(std::env::args_os(), &mut env))
}
