//! What is printed where, and outputs that take nothing.

use super::*;

#[test]
fn json_errors_are_on_stdout_and_words_on_stderr() {
    let (code, out, err) = lite(&["stop", "a/b", "--json"]);
    let wanted = serde_json::json!({"schema": 2, "error": {
        "code": "invalid_name", "message": "`a/b` is not a valid name", "causes": [],
        "hints": ["a name has 1 to 63 characters of a-z, 0-9 and `-`, starts with a letter and ends with a letter or digit"], "exit_code": 2,
    }});
    assert_eq!(
        (code, serde_json::from_str(&out).ok(), err),
        (2, Some(wanted), format!("error: `a/b` is not a valid name\n{NAME_HINT}"))
    );
    // Behind `--` it is an argument of somebody else.
    assert_eq!(lite(&["ssh", "a/b", "--", "--json"]).1, "");
}

#[test]
fn colour_follows_flag_and_environment() {
    let red = "\u{1b}[1m\u{1b}[31merror:\u{1b}[0m";
    let first = |vars: &[(&str, &str)], args: &[&str], tty: bool| {
        let capture = Capture::default();
        let vars: lite::cli::Vars = vars.iter().copied().collect();
        let ui = Ui::new(Streams { stderr_tty: tty, color: lite::cli::color_env(&vars), ..capture.streams() });
        run(
            ["lite"].iter().chain(args).map(OsString::from),
            &mut Env { vars, clock: jiff::Timestamp::now, euid: 0, ui },
        );
        capture.stderr().split(' ').next().map(str::to_owned)
    };
    let secrets = ["secrets", "a/b"];
    assert_eq!(first(&[], &secrets, true).as_deref(), Some(red));
    assert_eq!(first(&[], &secrets, false).as_deref(), Some("error:"));
    assert_eq!(first(&[("NO_COLOR", "1")], &secrets, true).as_deref(), Some("error:"));
    assert_eq!(first(&[("CLICOLOR_FORCE", "1")], &secrets, false).as_deref(), Some(red));
    assert_eq!(first(&[("NO_COLOR", "1")], &["secrets", "a/b", "--color", "always"], false).as_deref(), Some(red));
    assert_eq!(first(&[], &["secrets", "--color=never", "a/b"], true).as_deref(), Some("error:"));
}

struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_and_a_closed_pipe_is_not() {
    for (kind, code, err) in [
        (io::ErrorKind::BrokenPipe, 0, ""),
        (io::ErrorKind::StorageFull, 1, "error: cannot write to stdout\n  caused by: no storage space\n"),
    ] {
        let capture = Capture::default();
        let ui = Ui::new(Streams { stdout: Box::new(Broken(kind)), ..capture.streams() });
        assert_eq!(run(["lite", "--help"].map(OsString::from), &mut env(&[], ui)), code);
        assert_eq!(capture.stderr(), err);
    }
}

#[test]
fn a_stdout_that_takes_nothing_is_no_success() {
    let shell = |to: &str, args: &str| {
        let script = format!("exec {} {args} {to}", env!("CARGO_BIN_EXE_lite"));
        let output = Command::new("sh").args(["-c", &script]).env_clear().output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let cannot = |why: &str| (Some(1), format!("error: cannot write to stdout\n  caused by: {why}\n"));
    for args in ["--version", "--help", "blueprints", "blueprints --json", "man", "completion bash"] {
        assert_eq!(shell(">&-", args), cannot("Bad file descriptor (os error 9)"), "{args}");
        assert_eq!(shell(">/dev/full", args), cannot("No space left on device (os error 28)"), "{args}");
        assert_eq!(shell(">/dev/null", args), (Some(0), String::new()), "{args}");
    }
    assert_eq!(shell("<&- >/dev/null 2>&-", "blueprints"), (Some(0), String::new()));
}

/// What a command prints on a terminal of so many columns.
fn on_terminal(vars: &[(&str, &str)], args: &[&str], width: usize, utf8: bool) -> (String, String) {
    let capture = Capture::default();
    let streams = Streams { stdout_tty: true, stderr_tty: true, width, utf8, ..capture.streams() };
    let words = std::iter::once("lite").chain(args.iter().copied()).map(OsString::from);
    run(words, &mut env(vars, Ui::new(streams)));
    (capture.stdout(), capture.stderr())
}

#[test]
fn a_terminal_that_is_not_utf_8_gets_ascii_on_any_width() {
    let folder = tempfile::tempdir().unwrap();
    let wiki = include_str!("../../fixtures/catalog/wiki.yaml");
    let title = wiki.lines().find(|line| line.starts_with("title:")).unwrap();
    fs::create_dir(folder.path().join("wiki")).unwrap();
    fs::write(folder.path().join("wiki/install.sh"), "true\n").unwrap();
    fs::write(folder.path().join("wiki.yaml"), wiki.replace(title, "title: Müllers “日本” – ein Wiki…")).unwrap();
    let place = folder.path().to_str().unwrap();
    let vars = [("LITE_BLUEPRINTS", place), ("LITE_STATE_DIR", place)];
    for args in [
        &["blueprints"][..],
        &["blueprints", "show", "wiki"],
        &["blueprints", "show", "wiki", "--json"],
        &["create", "wiki", "--set", "é=1"],
        &["contact", "add", "--help"],
        &["créate"],
    ] {
        for width in [0, 1, 12, 40, 79, 130, usize::MAX] {
            let (out, err) = on_terminal(&vars, args, width, false);
            assert!(out.is_ascii() && err.is_ascii(), "{args:?} on {width} columns: {out}{err}");
            on_terminal(&vars, args, width, true);
        }
    }
    let line = |utf8: bool| {
        let (out, _) = on_terminal(&vars, &["blueprints"], 90, utf8);
        out.lines().find(|line| line.starts_with("wiki")).unwrap().to_owned()
    };
    assert_eq!(line(true), "wiki          app    2.0      render    micro   Müllers “日本” – ein Wiki…");
    assert_eq!(
        line(false),
        "wiki          app    2.0      render    micro   M\\u{fc}llers \"\\u{65e5}\\u{672c}\" - ein W..."
    );
    let shown: serde_json::Value =
        serde_json::from_str(&on_terminal(&vars, &["blueprints", "show", "wiki", "--json"], 80, false).0).unwrap();
    assert_eq!(shown["blueprints"][0]["title"], "Müllers “日本” – ein Wiki…");
}
