//! The systemd unit of the watcher. Pure but for writing it.

use std::path::{Path, PathBuf};

use crate::model::{Code, Error, Hint, Result, Verb};

/// Name of the unit.
pub const NAME: &str = "lite-watch.service";

/// The unit of the package, which is the text of every other.
const PACKAGED: &str = include_str!("../../packaging/lite.lite-watch.service");

/// What keeps the service from folders that it has nothing to do with, and the folders.
const CLOSED: [(&str, &[&str]); 2] =
    [("ProtectHome=yes\n", &["/home", "/root"]), ("PrivateTmp=yes\n", &["/tmp", "/var/tmp"])];

/// The text of the unit for a program at `program` with these arguments and variables, which uses these files and folders.
pub fn text(program: &Path, arguments: &[String], variables: &[(String, String)], uses: &[&Path]) -> String {
    let environment: String =
        variables.iter().map(|(k, v)| format!("Environment={}\n", quoted(&format!("{k}={v}")))).collect();
    let command: Vec<String> = std::iter::once(program.display().to_string())
        .chain(["watch".to_owned()])
        .chain(arguments.iter().cloned())
        .map(|word| quoted(&word).replace('$', "$$"))
        .collect();
    let unit = format!("{environment}ExecStart={}\n", command.join(" "));
    let unit = PACKAGED.replace("ExecStart=/usr/bin/lite watch\n", &unit);
    let lies_in = |folders: &[&str]| uses.iter().chain([&program]).any(|p| folders.iter().any(|f| p.starts_with(f)));
    CLOSED.iter().filter(|(_, folders)| lies_in(folders)).fold(unit, |unit, (line, _)| unit.replace(line, ""))
}

/// A word as systemd reads it back: in quotes, with its specifiers and escapes made plain.
fn quoted(word: &str) -> String {
    let escaped = word.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('%', "%%");
    let plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-=:,%".contains(&b));
    if plain { escaped } else { format!("\"{escaped}\"") }
}

/// Writes the unit into a folder, whole or not at all. Its path.
pub fn install(folder: &Path, text: &str) -> Result<PathBuf> {
    let path = folder.join(NAME);
    let fail = |e: std::io::Error| {
        Error::new(Code::UnitNotWritten, format!("cannot write `{}`", path.display()))
            .cause(e)
            .hint(Hint::from("run lite as root (").run_as_root(Verb::Watch, &[&"--install"]).text(")"))
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

    use super::{PACKAGED, install, text};

    #[test]
    fn the_package_has_the_unit_of_its_program() {
        assert_eq!(text(Path::new("/usr/bin/lite"), &[], &[], &[]), PACKAGED);
        assert_ne!(text(Path::new("/usr/local/bin/lite"), &[], &[], &[]), PACKAGED);
    }

    #[test]
    fn words_come_back_as_they_are() {
        let variables = [("LITE_STATE_DIR".to_owned(), "/srv/a b\"%".to_owned())];
        let listen = ["--metrics-listen".into(), "127.0.0.1:9".into()];
        let unit = text(Path::new("/opt/my lite/lite"), &listen, &variables, &[]);
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
    fn what_the_service_does_not_need_is_closed_to_it() {
        let lines = |program: &str, uses: &str| {
            let unit = text(Path::new(program), &[], &[], &[Path::new(uses)]);
            let closed = |l: &&str| l.starts_with("Protect") || l.starts_with("Private") || l.starts_with("NoNew");
            unit.lines().filter(closed).filter(|l| !l.starts_with("ProtectK")).collect::<Vec<_>>().join(" ")
        };
        let rest = "ProtectClock=yes ProtectControlGroups=yes";
        let usual = format!("NoNewPrivileges=yes ProtectSystem=yes ProtectHome=yes PrivateTmp=yes {rest}");
        assert_eq!(lines("/usr/bin/lite", "/var/lib/lite"), usual);
        assert_eq!(lines("/root/lite", "/var/lib/lite"), usual.replace("ProtectHome=yes ", ""));
        assert_eq!(lines("/usr/bin/lite", "/home/anna/pool"), usual.replace("ProtectHome=yes ", ""));
        assert_eq!(lines("/usr/bin/lite", "/tmp/state"), usual.replace("PrivateTmp=yes ", ""));
    }

    #[test]
    fn it_is_written_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = install(dir.path(), "[Unit]\n").unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "[Unit]\n");
        assert_eq!(install(&dir.path().join("none"), "").map_err(|e| e.code.as_str()), Err("unit_not_written"));
    }
}
