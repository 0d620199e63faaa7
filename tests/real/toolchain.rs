//! `.ci/toolchain`: what `make demo` does where cargo is missing or too old, on a machine of doubles.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use crate::support::{host::text, need};

crate::tests![an_old_cargo_is_replaced_with_a_yes, without_a_terminal_or_a_yes_nothing_is_installed];

const MINIMUM: &str = env!("CARGO_PKG_RUST_VERSION");

/// A machine whose cargo is too old, and which has the package rustup, or has not.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new(packaged: bool) -> Self {
        need::programs(&["script", "/bin/bash"]);
        let machine = Self(tempfile::tempdir().expect("a folder"));
        machine.program("cargo", "echo 'cargo 1.63.0 (x 2022-01-01)'");
        machine.program("apt-cache", if packaged { "exit 0" } else { "exit 100" });
        machine.program("dpkg-query", "[ \"$4\" = cargo ] && printf installed");
        machine.program("sudo", "exec \"$@\"");
        let here = machine.0.path().display();
        let rustup = format!(
            "echo rustup \"$@\" >>{here}/log; echo \"echo 'cargo {MINIMUM}.0 (x 2026-01-01)'\" >{here}/bin/cargo"
        );
        machine.program("rustup.installed", &rustup);
        machine.program(
            "apt-get",
            &format!("echo apt-get \"$@\" >>{here}/log; mv {here}/bin/rustup.installed {here}/bin/rustup"),
        );
        fs::write(machine.0.path().join("log"), "").expect("written");
        machine
    }

    fn program(&self, name: &str, script: &str) {
        let folder = self.0.path().join("bin");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(name), format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).expect("may run");
    }

    /// Runs it on a terminal with this answer, or on none: whether it went well, what it said, and what was done.
    fn run(&self, answer: Option<&str>) -> (bool, String, String) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/toolchain");
        let mut command = match answer {
            None => Command::new(&script),
            Some(_) => Command::new("script"),
        };
        if answer.is_some() {
            command.args(["-qec", script.to_str().expect("a path"), "/dev/null"]);
        }
        command.env("PATH", format!("{}:/usr/bin:/bin", self.0.path().join("bin").display()));
        let input = self.0.path().join("answer");
        fs::write(&input, answer.unwrap_or_default()).expect("written");
        let out = command.stdin(fs::File::open(&input).expect("opens")).output().expect("runs");
        // The terminal shows the answer too, before the question or behind it.
        let said = [text(&out.stdout), text(&out.stderr)].concat().replace('\r', "");
        let said = answer.map_or(said.clone(), |answer| said.replacen(answer, "", 1));
        let done = fs::read_to_string(self.0.path().join("log")).expect("read");
        (out.status.success(), said, done)
    }
}

const PLAN: &str = "apt-get install rustup; rustup toolchain install stable --profile minimal; rustup default stable";

fn an_old_cargo_is_replaced_with_a_yes() {
    let (well, said, done) = Machine::new(true).run(Some("yes\n"));
    let undo = "setup: undo: rustup toolchain uninstall stable; apt-get remove rustup; apt-get install cargo\n";
    assert_eq!((well, said), (true, format!("{}{undo}", asked())));
    let wanted =
        "apt-get install rustup -y -qq\nrustup toolchain install stable --profile minimal\nrustup default stable\n";
    assert_eq!(done, wanted);
}

fn needs() -> String {
    format!("setup: cargo {MINIMUM} or newer is needed, found 1.63.0")
}

fn asked() -> String {
    format!("{}. Install it ({PLAN})? [y/N] ", needs())
}

fn without_a_terminal_or_a_yes_nothing_is_installed() {
    let needs = needs();
    assert_eq!(Machine::new(true).run(None), (false, format!("{needs}. Run: {PLAN}\n"), String::new()));
    let no = format!("{}setup: nothing was installed: the answer was no\n", asked());
    assert_eq!(Machine::new(true).run(Some("nay\n")), (false, no, String::new()));
    let none = format!(
        "{needs}, and this release has no package rustup (Debian 13 and Ubuntu 24.04 have one): install a toolchain by hand\n"
    );
    assert_eq!(Machine::new(false).run(None), (false, none, String::new()));
}
