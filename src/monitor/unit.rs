//! The systemd units of the watcher and of the server. Pure but for writing them.

use std::path::{Path, PathBuf};

use crate::model::{Code, Error, Hint, Result, Verb};

/// A unit: the text of the package's is that of every other.
pub struct Service {
    /// Its name.
    pub name: &'static str,
    /// The command that it runs.
    pub verb: Verb,
    packaged: &'static str,
}

/// Watches.
pub const WATCH: Service = Service {
    name: "lite-watch.service",
    verb: Verb::Watch,
    packaged: include_str!("../../packaging/lite.lite-watch.service"),
};

/// Serves the console and the API.
pub const SERVE: Service = Service {
    name: "lite-serve.service",
    verb: Verb::Serve,
    packaged: include_str!("../../packaging/lite.lite-serve.service"),
};

/// The folders that the package's unit lets the server write into.
const WRITES: &str = "ReadWritePaths=-/etc/hosts -/var/lib/lite -/var/lib/libvirt/images/lite -/var/log/lite\n";

/// What keeps the service from folders that it has nothing to do with, and the folders.
const CLOSED: [(&str, &[&str]); 2] =
    [("ProtectHome=yes\n", &["/home", "/root"]), ("PrivateTmp=yes\n", &["/tmp", "/var/tmp"])];

/// What a unit runs, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its arguments, after the command.
    pub arguments: &'a [String],
    /// Its variables.
    pub variables: &'a [(String, String)],
}

/// The text of the unit that runs this, writes into these folders and reads these files.
pub fn text(service: &Service, run: Run<'_>, writes: &[&Path], reads: &[&Path]) -> String {
    let environment: String =
        run.variables.iter().map(|(k, v)| format!("Environment={}\n", quoted(&format!("{k}={v}")))).collect();
    let verb = service.verb.as_str();
    let command: Vec<String> = std::iter::once(run.program.display().to_string())
        .chain([verb.to_owned()])
        .chain(run.arguments.iter().cloned())
        .map(|word| quoted(&word).replace('$', "$$"))
        .collect();
    let unit = format!("{environment}ExecStart={}\n", command.join(" "));
    let unit = service.packaged.replace(&format!("ExecStart=/usr/bin/lite {verb}\n"), &unit);
    // A folder that is not there yet is no fault.
    let folders: Vec<String> = writes.iter().map(|path| quoted(&format!("-{}", path.display()))).collect();
    let unit = unit.replace(WRITES, &format!("ReadWritePaths=-/etc/hosts {}\n", folders.join(" ")));
    let all = writes.iter().chain(reads).chain([&run.program]);
    let lies_in = |folders: &[&str]| all.clone().any(|path| folders.iter().any(|folder| path.starts_with(folder)));
    CLOSED.iter().filter(|(_, folders)| lies_in(folders)).fold(unit, |unit, (line, _)| unit.replace(line, ""))
}

/// A word as systemd reads it back: in quotes, with its specifiers and escapes made plain.
fn quoted(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('%', "%%");
    let plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-=:,%".contains(&b));
    if plain { escaped } else { format!("\"{escaped}\"") }
}

/// Writes the unit into a folder, whole or not at all. Its path.
pub fn install(service: &Service, folder: &Path, text: &str) -> Result<PathBuf> {
    let path = folder.join(service.name);
    let fail = |e: std::io::Error| {
        Error::new(Code::UnitNotWritten, format!("cannot write `{}`", path.display()))
            .cause(e)
            .hint(Hint::from("run lite as root (").run_as_root(service.verb, &[&"--install"]).text(")"))
    };
    let file = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
    std::fs::write(file.path(), text).map_err(fail)?;
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(file.path(), readable).map_err(fail)?;
    file.persist(&path).map_err(|e| fail(e.error))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Run, SERVE, Service, WATCH, install, text};

    /// Where all is by default.
    const USUAL: [&str; 3] = ["/var/lib/lite", "/var/lib/libvirt/images/lite", "/var/log/lite"];

    fn of(service: &Service, program: &str, writes: &[&str]) -> String {
        let writes: Vec<&Path> = writes.iter().map(Path::new).collect();
        text(service, Run { program: Path::new(program), arguments: &[], variables: &[] }, &writes, &[])
    }

    #[test]
    fn the_package_has_the_units_of_its_program() {
        for service in [WATCH, SERVE] {
            assert_eq!(of(&service, "/usr/bin/lite", &USUAL), service.packaged);
            assert_ne!(of(&service, "/usr/local/bin/lite", &USUAL), service.packaged);
        }
    }

    #[test]
    fn words_come_back_as_they_are() {
        let variables = [("LITE_STATE_DIR".to_owned(), "/srv/a b\"%".to_owned())];
        let listen = ["--metrics-listen".into(), "127.0.0.1:9".into()];
        let run = Run { program: Path::new("/opt/my lite/lite"), arguments: &listen, variables: &variables };
        let unit = text(&WATCH, run, &[], &[]);
        for line in [
            "Type=notify",
            "WatchdogSec=120",
            "Environment=\"LITE_STATE_DIR=/srv/a b\\\"%%\"",
            "ExecStart=\"/opt/my lite/lite\" watch --metrics-listen 127.0.0.1:9",
            "WantedBy=multi-user.target",
        ] {
            assert!(unit.lines().any(|l| l == line), "{line}\n{unit}");
        }
    }

    #[test]
    fn what_the_services_do_not_need_is_closed_to_them() {
        let closed = |l: &&str| ["ProtectHome", "PrivateTmp"].iter().any(|start| l.starts_with(start));
        let lines = |service: &Service, program: &str, uses: &str| {
            let unit = of(service, program, &[uses]);
            unit.lines().filter(closed).map(str::to_owned).collect::<Vec<_>>()
        };
        for service in [WATCH, SERVE] {
            assert_eq!(lines(&service, "/usr/bin/lite", "/var/lib/lite"), ["ProtectHome=yes", "PrivateTmp=yes"]);
            assert_eq!(lines(&service, "/root/lite", "/var/lib/lite"), ["PrivateTmp=yes"]);
            assert_eq!(lines(&service, "/usr/bin/lite", "/home/anna/pool"), ["PrivateTmp=yes"]);
            assert_eq!(lines(&service, "/usr/bin/lite", "/tmp/state"), ["ProtectHome=yes"]);
        }
        let unit = of(&SERVE, "/usr/bin/lite", &["/srv/my lite", "/srv/pool"]);
        let writes: Vec<&str> = unit.lines().filter(|l| l.starts_with("ReadWritePaths=")).collect();
        assert_eq!(writes, ["ReadWritePaths=-/etc/hosts \"-/srv/my lite\" -/srv/pool"]);
    }

    #[test]
    fn what_a_create_needs_is_open_to_the_server() {
        let lines: Vec<&str> = SERVE.packaged.lines().collect();
        for needed in ["KillMode=process", "RestrictNamespaces=mnt net pid"] {
            assert!(lines.contains(&needed), "{needed}");
        }
        for closes in ["RestrictSUIDSGID=", "PrivateDevices=", "DevicePolicy=", "PrivateNetwork="] {
            assert!(!lines.iter().any(|line| line.starts_with(closes)), "{closes}");
        }
    }

    #[test]
    fn it_is_written_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = install(&WATCH, dir.path(), "[Unit]\n").unwrap();
        assert_eq!(path, dir.path().join("lite-watch.service"));
        assert_eq!(std::fs::read_to_string(path).unwrap(), "[Unit]\n");
        assert_eq!(install(&SERVE, &dir.path().join("none"), "").map_err(|e| e.code.as_str()), Err("unit_not_written"));
    }
}
