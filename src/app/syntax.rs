//! Whether bash can read a script: asked of bash itself, which runs nothing then.

use std::{
    io::{Read as _, Write as _},
    process::{Command, Stdio},
};

use crate::{
    catalog::Blueprint,
    model::{Code, Error, Result, escaped},
};

/// Most said of a script, in bytes.
const MOST: u64 = 4096;

/// The first fault of a script, with its line; none: bash can read the script, or is not on this machine.
pub fn fault(script: &str) -> Option<(usize, String)> {
    let mut child = Command::new("timeout")
        .args(["--kill-after=1", "5", "bash", "--norc", "-n"])
        .env("LC_ALL", "C")
        .env_remove("BASH_ENV")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let (mut stdin, stderr) = (child.stdin.take()?, child.stderr.take()?);
    let script = script.to_owned();
    // bash may stop to read at a fault.
    let writer = std::thread::spawn(move || stdin.write_all(script.as_bytes()).ok());
    let mut said = Vec::new();
    let _ = stderr.take(MOST).read_to_end(&mut said);
    let _ = writer.join();
    if child.wait().ok()?.code() != Some(2) {
        return None;
    }
    let said = String::from_utf8_lossy(&said);
    let (line, why) = said.lines().next()?.strip_prefix("bash: line ")?.split_once(": ")?;
    Some((line.parse().ok()?, escaped(why)))
}

/// Refuses a blueprint with a script that bash cannot read.
pub fn check(blueprint: &Blueprint) -> Result<()> {
    match faults(blueprint).into_iter().next() {
        None => Ok(()),
        Some((key, why)) => {
            let text = format!("`{key}` of blueprint `{}` cannot run: {why}", blueprint.id);
            Err(Error::new(Code::InvalidBlueprint, text).hint("correct the script"))
        }
    }
}

/// The faults of a blueprint's scripts: the key, and what bash says with the script's line.
pub fn faults(blueprint: &Blueprint) -> Vec<(&'static str, String)> {
    [("install", &blueprint.install), ("configure", &blueprint.configure)]
        .into_iter()
        .filter_map(|(key, script)| fault(script).map(|(line, why)| (key, format!("line {line} of the script: {why}"))))
        .collect()
}
