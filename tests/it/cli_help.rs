//! Help: every command explains itself, with examples, in 80 columns.

use clap::Command;
use lite::cli::{Env, command, run};
use lite::ui::testing::Capture;

/// Every command but the built-in `help`, each with the words that lead to it.
fn every(command: &Command, path: &[String]) -> Vec<(Vec<String>, Command)> {
    let mut all = vec![(path.to_vec(), command.clone())];
    for sub in command.get_subcommands().filter(|c| c.get_name() != "help") {
        let mut path = path.to_vec();
        path.push(sub.get_name().to_owned());
        all.extend(every(sub, &path));
    }
    all
}

fn lite(args: &[String]) -> (u8, String, String) {
    let capture = Capture::default();
    let mut env =
        Env { vars: [("HOME", "/h")].into_iter().collect(), clock: jiff::Timestamp::now, euid: 0, ui: capture.ui() };
    let code = run(args.iter().map(Into::into), &mut env);
    (code, capture.stdout(), capture.stderr())
}

#[test]
fn every_command_has_examples_and_fits_80_columns() {
    let all = every(&command(80), &["lite".to_owned()]);
    assert_eq!(all.len(), 130, "{:?}", all.iter().map(|(p, _)| p.join(" ")).collect::<Vec<_>>());
    for (path, _) in all {
        for flag in ["-h", "--help"] {
            let mut args = path.clone();
            args.push(flag.to_owned());
            let (code, out, err) = lite(&args);
            assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
            assert!(out.contains("\nEXAMPLES:\n  "), "no examples: {args:?}\n{out}");
            for line in out.lines() {
                assert!(line.chars().count() <= 80, "{args:?}: {line:?}");
            }
        }
    }
}

#[test]
fn every_command_has_a_paragraph() {
    for (path, command) in every(&command(80), &["lite".to_owned()]).into_iter().skip(1) {
        let long = command.get_long_about().map(ToString::to_string).unwrap_or_default();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(!about.is_empty() && !about.ends_with('.') && !about.contains('\n'), "{path:?}: {about:?}");
        assert!(long.len() > about.len() + 60 && long.ends_with('.'), "{path:?}: {long:?}");
        for arg in command.get_arguments() {
            let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty() && !help.ends_with('.'), "{path:?} {}: {help:?}", arg.get_id());
        }
    }
}

/// The examples are commands that parse. They are not run: some of them change this host.
#[test]
fn every_example_parses() {
    let mut seen = 0;
    for (path, sub) in every(&command(80), &["lite".to_owned()]) {
        let text = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in
            text.lines().filter_map(|l| l.strip_prefix("  ")).filter(|l| !l.starts_with(' ') && l.contains("lite "))
        {
            let call = line[line.find("lite ").unwrap_or(0)..]
                .split(" > ")
                .flat_map(|l| l.split(" | "))
                .flat_map(|l| l.split("   "))
                .next();
            let parsed = command(80).try_get_matches_from(shlex::split(call.unwrap_or_default()).unwrap_or_default());
            assert!(parsed.is_ok(), "{path:?}: {line}: {:?}", parsed.err());
            seen += 1;
        }
    }
    assert!(seen >= 60, "only {seen} examples");
}

#[test]
fn lite_alone_prints_the_short_help() {
    let alone = lite(&["lite".to_owned()]);
    assert_eq!(alone, lite(&["lite".to_owned(), "-h".to_owned()]));
    assert_eq!(
        alone.1.lines().next(),
        Some("A private Lightsail: applications in real virtual machines, at a flat price")
    );
}

#[test]
fn manual_pages_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("man1");
    let (code, out, err) = lite(&["lite".into(), "man".into(), dir.to_str().unwrap().to_owned()]);
    assert_eq!((code, out.as_str(), err), (0, "", format!("wrote the manual pages to {}\n", dir.display())));
    let mut pages: Vec<String> =
        std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    pages.sort();
    let mut wanted: Vec<String> = every(&command(80), &["lite".to_owned()])
        .iter()
        .map(|(p, _)| format!("{}.1", p.join("-")))
        .filter(|p| p != "lite-man.1")
        .collect();
    wanted.sort();
    assert_eq!(pages, wanted);
    let (code, page, _) = lite(&["lite".into(), "man".into()]);
    assert_eq!((code, page.contains(".SH NAME")), (0, true));
}
