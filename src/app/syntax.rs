//! Whether bash can read a script: asked of bash itself, which runs nothing then.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    process::{Command, Stdio},
};

use crate::{
    catalog::{Catalog, Diagnostic},
    model::escaped,
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
    let (script, script_lines) = (script.to_owned(), script.lines().count());
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
    // An end that comes too early is told for the line after the last.
    let line: usize = line.parse().ok()?;
    Some((line.min(script_lines).max(1), escaped(why)))
}

/// What bash cannot read in the scripts that the operator's blueprints hold themselves, by the blueprint's id. A script in a file
/// of its own is looked at where that is read.
pub fn faults(catalog: &Catalog) -> BTreeMap<String, Vec<Diagnostic>> {
    let own = catalog.inline.iter().filter(|(id, _)| catalog.own.contains(*id));
    let found = own.map(|(id, scripts)| {
        let faults = scripts.iter().filter_map(|script| fault(&script.text).map(|(n, why)| script.fault(n, &why)));
        (id.clone(), faults.collect::<Vec<_>>())
    });
    found.filter(|(_, faults)| !faults.is_empty()).collect()
}
