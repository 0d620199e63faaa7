//! The command line in process, whole outputs compared; and the real binary where only it can show the thing.

mod output;

use std::{
    ffi::OsString,
    fs,
    io::{self, Write},
    os::unix::ffi::OsStringExt,
    process::{Command, Stdio},
};

use lite::{
    cli::{Env, run},
    ui::{Streams, Ui, testing::Capture},
};

const NAME_HINT: &str =
    "  hint: a name has 1 to 63 characters of a-z, 0-9 and `-`, starts with a letter and ends with a letter or digit\n";

fn env(vars: &[(&str, &str)], ui: Ui) -> Env {
    Env { vars: vars.iter().copied().collect(), clock: jiff::Timestamp::now, euid: 1000, ui }
}

fn lite(args: &[&str]) -> (u8, String, String) {
    let capture = Capture::default();
    let code =
        run(std::iter::once("lite").chain(args.iter().copied()).map(OsString::from), &mut env(&[], capture.ui()));
    (code, capture.stdout(), capture.stderr())
}

fn refused(args: &[&str]) -> String {
    let (code, out, err) = lite(args);
    assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
    err
}

#[test]
fn version() {
    let line = format!("lite {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(lite(&["--version"]), (0, line.clone(), String::new()));
    assert_eq!(lite(&["-V"]), (0, line.clone(), String::new()));
    assert_eq!(lite(&["--quiet", "--version"]), (0, line, String::new()));
}

#[test]
fn unknown_words_name_the_nearest() {
    let cases: &[(&[&str], &str)] = &[
        (
            &["lst"],
            "error: there is no command `lst`\n  hint: did you mean `list`?\n  hint: `lite --help` shows how it is used\n",
        ),
        (
            &["image", "biuld", "x"],
            "error: there is no command `biuld`\n  hint: did you mean `build`?\n  hint: `lite image --help` shows how it is used\n",
        ),
        (
            &["create", "nginx", "--bundel", "small"],
            "error: unexpected argument `--bundel`\n  hint: did you mean `--bundle`?\n  hint: `lite create --help` shows how it is used\n",
        ),
        (&["show"], "error: missing `<NAME>...`\n  hint: `lite show --help` shows how it is used\n"),
        (
            &["list", "--color", "alwys"],
            "error: `alwys` is not a value for `--color`\n  hint: did you mean `always`?\n  hint: the values are `auto`, `always`, `never`\n  hint: `lite list --help` shows how it is used\n",
        ),
        (&["list", "--tag"], "error: `--tag` needs a value\n  hint: `lite list --help` shows how it is used\n"),
        (
            &["list", "-q", "-v"],
            "error: `--quiet` cannot be used with `--verbose`\n  hint: `lite list --help` shows how it is used\n",
        ),
        (&["image"], "error: missing a command\n  hint: `lite image --help` shows how it is used\n"),
    ];
    for (args, wanted) in cases {
        assert_eq!(refused(args), *wanted, "{args:?}");
    }
}

#[test]
fn columns_name_the_nearest() {
    let wanted = "error: `--columns`: there is no column `adress`\n  hint: did you mean `address`?\n  hint: the columns are name, state, health, \
                  blueprint, bundle, address, address6, static_address, price, base, vcpus, memory, disk, network, ports, published, job, snapshot, tags, created, version, image, uuid\n";
    assert_eq!(refused(&["list", "--columns", "name,adress"]), wanted);
}

#[test]
fn names_that_are_none_are_refused_by_every_verb() {
    let long = "a".repeat(64);
    let bad = [
        ("a/b", "a/b"),
        ("..", ".."),
        ("a b", "a b"),
        ("$(id)", "$(id)"),
        ("`id`", "`id`"),
        ("<a>&", "<a>&"),
        ("A", "A"),
        ("", ""),
        ("a\u{1b}[2J", "a\\u{1b}[2J"),
        ("a\n", "a\\n"),
        ("é", "\\u{e9}"),
        ("a\u{202e}b", "a\\u{202e}b"),
        (&long, &long),
    ];
    let verbs: [&[&str]; 12] = [
        &["show"],
        &["start"],
        &["stop"],
        &["reboot"],
        &["delete", "--yes"],
        &["ssh"],
        &["console"],
        &["logs"],
        &["secrets"],
        &["tag"],
        &["firewall"],
        &["show", "ok"],
    ];
    for (name, shown) in bad {
        for verb in verbs {
            let args: Vec<&str> = verb.iter().copied().chain([name]).collect();
            assert_eq!(refused(&args), format!("error: `{shown}` is not a valid name\n{NAME_HINT}"), "{args:?}");
        }
        assert_eq!(
            refused(&["create", "nginx", "--name", name]),
            format!("error: `--name`: `{shown}` is not a valid name\n{NAME_HINT}")
        );
    }
    assert_eq!(refused(&["show", "--", "-rf"]), format!("error: `-rf` is not a valid name\n{NAME_HINT}"));
}

#[test]
fn ports_and_sources_that_are_none() {
    let first = |args: &[&str]| refused(args).lines().next().map(str::to_owned);
    for port in ["0", "65536", "http", "90-80", "80/sctp", "80-", "443/tcp/udp", ""] {
        for action in ["open", "close", "set"] {
            assert_eq!(first(&["firewall", "web", action, port]), Some(format!("error: `{port}` is not a port")));
        }
    }
    let from = |source: &str| first(&["firewall", "web", "open", "80", "--from", source]);
    assert_eq!(from("all").as_deref(), Some("error: `--from`: `all` is not a network"));
    assert_eq!(
        from("192.0.2.0/24,10.0.0.1/8").as_deref(),
        Some("error: `--from`: `10.0.0.1/8` is an address in a network, not a network")
    );
    assert_eq!(first(&["firewall", "web", "open"]).as_deref(), Some("error: no PORT is given"));
    assert_eq!(
        first(&["firewall", "web", "list", "80"]).as_deref(),
        Some("error: `list` shows all that is open: it takes no PORT and no --from")
    );
}

#[test]
fn ports_that_cannot_be_published() {
    for port in ["0", "65536", "http", "80:0", "1:2:3", "80/sctp"] {
        let told = format!("error: `{port}` is not a port to publish");
        assert_eq!(refused(&["publish", "web", port]).lines().next(), Some(told.as_str()));
    }
    let from = refused(&["publish", "web", "80", "--from", "10.0.0.1/8"]);
    assert_eq!(from.lines().next(), Some("error: `--from`: `10.0.0.1/8` is an address in a network, not a network"));
}

#[test]
fn times_that_are_none() {
    let hint = "  hint: a time is such as `90s`, `15m` or `1h 30m`, from one second to 24 hours\n";
    for time in ["0s", "0", "-5m", "99999999999999999999h", "9223372036854775807m", "25h", "soon", "15", "1e9s"] {
        let flag = format!("--timeout={time}");
        assert_eq!(refused(&["create", "nginx", &flag]), format!("error: `--timeout`: `{time}` is not a time\n{hint}"));
        assert_eq!(refused(&["stop", "web-1", &flag]), format!("error: `--timeout`: `{time}` is not a time\n{hint}"));
    }
}

#[test]
fn other_values_that_are_none() {
    let cases = [
        ("--network", "bridge:$(id)", "`bridge:$(id)` is not a network"),
        ("--network", "bridge:", "`bridge:` is not a network"),
        ("--address", "192.168.1.5", "`192.168.1.5` is not an address with a prefix"),
        ("--gateway", "router", "`router` is not an IPv4 address"),
        ("--tag", "=x", "`=x` is not a tag"),
        ("--tag", "é=x", "`\\u{e9}=x` is not a tag"),
        ("--set", "title", "`title` is not `key=value`"),
        ("--request-id", "a b", "`a b` is not a request id"),
    ];
    for (flag, value, message) in cases {
        assert_eq!(
            refused(&["create", "nginx", flag, value]).lines().next(),
            Some(format!("error: `{flag}`: {message}").as_str())
        );
    }
    assert_eq!(
        refused(&["create", "nginx", "--address", "192.168.1.5/24", "--gateway", "192.168.1.1", "--dry-run"]),
        "error: an address is stated on a bridge alone: on the NAT network lite gives each instance its own\n  \
         hint: leave `--address` out, or add `--network bridge:NAME`\n"
    );
    assert_eq!(
        refused(&["operations", "show", "op-../x"]).lines().next(),
        Some("error: `op-../x` is not the id of an operation")
    );
    assert_eq!(
        refused(&["tag", "web", "--remove", "a=b"]),
        "error: `--remove`: `a=b` is not the key of a tag\n  hint: only the key: `--remove a`\n"
    );
    let limit = "error: `0` is not a value for `--limit`\n  caused by: 0 is not in 1..=100000\n  hint: `lite operations --help` shows how it is used\n";
    assert_eq!(refused(&["operations", "--limit", "0"]), limit);
}

#[test]
fn what_was_typed_is_escaped() {
    let wanted = "error: unexpected argument `--\\u{1b}[31m`\n  hint: `lite list --help` shows how it is used\n";
    assert_eq!(refused(&["list", "--\u{1b}[31m"]), wanted);
    assert_eq!(
        refused(&["\u{1b}]0;x\u{7}"]),
        "error: there is no command `\\u{1b}]0;x\\u{7}`\n  hint: `lite --help` shows how it is used\n"
    );
}

#[test]
fn arguments_that_are_not_utf8() {
    let capture = Capture::default();
    let args = ["lite".into(), "show".into(), OsString::from_vec(vec![b'a', 0xff])];
    assert_eq!(run(args, &mut env(&[], capture.ui())), 2);
    assert_eq!(capture.stderr(), "error: an argument is not UTF-8\n  hint: `lite show --help` shows how it is used\n");
}

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lite"));
    command.env_clear().stdin(Stdio::null());
    command
}

#[test]
fn the_binary_ends_quietly_when_its_reader_is_gone() {
    for args in [&["--help"][..], &["--version"], &["completion", "bash"], &["man"]] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let output = binary().args(args).stdout(writer).output().unwrap();
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""), "{args:?}");
    }
    // With stderr gone as well, an error still has its exit code.
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let status = binary().arg("nonsense").stdout(writer.try_clone().unwrap()).stderr(writer).status().unwrap();
    assert_eq!(status.code(), Some(2));
}

#[test]
fn a_shell_completes_what_is_there_at_that_moment() {
    let folder = tempfile::tempdir().unwrap();
    let complete = |index: &str, words: &[&str]| {
        let output = binary()
            .envs([("COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", index)])
            .env("LITE_STATE_DIR", folder.path())
            .arg("--")
            .args(words)
            .output()
            .unwrap();
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert_eq!(complete("2", &["lite", "stop", "w"]), "");
    fs::write(folder.path().join("state.db"), "not a database").unwrap();
    assert_eq!(complete("2", &["lite", "stop", "w"]), "");
    fs::remove_file(folder.path().join("state.db")).unwrap();
    let db = rusqlite::Connection::open(folder.path().join("state.db")).unwrap();
    db.execute_batch(
        "CREATE TABLE instance (name TEXT, phase TEXT);
         INSERT INTO instance VALUES ('web-2', 'ready'), ('web-1', 'failed'), ('kept-1', 'kept'), ('db-1', 'ready')",
    )
    .unwrap();
    assert_eq!(complete("2", &["lite", "stop", "w"]), "web-1\nweb-2");
    assert_eq!(complete("3", &["lite", "stop", "web-1", "d"]), "db-1");
    assert_eq!(complete("1", &["lite", "bl"]), "blueprints");
    assert_eq!(complete("4", &["lite", "create", "nginx", "--bundle", "m"]), "micro\nmedium");
}

#[test]
fn the_script_of_a_shell_asks_lite() {
    let (code, script, err) = lite(&["completion", "bash"]);
    assert_eq!(
        (code, err.as_str(), script.contains("COMPLETE=\"bash\""), script.contains(" lite\n")),
        (0, "", true, true),
        "{script}"
    );
    assert_eq!(refused(&["completion", "tcsh"]).lines().next(), Some("error: `tcsh` is not a value for `<SHELL>`"));
}

#[test]
fn a_copy_has_one_side_in_one_instance() {
    let refused = |args: &[&str]| {
        let all: Vec<&str> = std::iter::once("cp").chain(args.iter().copied()).collect();
        refused(&all)
    };
    let hint = "\n  hint: `lite cp FILE… NAME:PATH`, or `lite cp NAME:PATH… FILE`\n";
    let cases: [(&[&str], &str); 5] = [
        (&["a:x", "b:y"], "both sides are in an instance: copy to this machine first"),
        (&["a", "b"], "`b` is in no instance, and nor is what is copied"),
        (&["./a:x", "B:y"], "`B:y` is in no instance, and nor is what is copied"),
        (&["a:x", "y", "z"], "what is copied is partly here and partly in an instance"),
        (&["a:x", "b:x", "z"], "files of several instances cannot be copied at once"),
    ];
    for (args, said) in cases {
        assert_eq!(refused(args), format!("error: {said}{hint}"), "{args:?}");
    }
    assert_eq!(
        refused(&["/no/such/file", "web:"]),
        "error: cannot read `/no/such/file`\n  caused by: No such file or directory (os error 2)\n  hint: a path in an instance is written \
         `NAME:PATH`\n"
    );
}
