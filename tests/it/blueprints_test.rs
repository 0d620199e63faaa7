//! `lite blueprints test` without a host: what it refuses before anything is made, what it renders, where it writes.
//! The boots are in `tests/real/blueprints.rs`.

use std::{ffi::OsString, path::Path};

use lite::{
    catalog::{VerifiedBy, read_verified},
    cli::{Env, run},
    ui::testing::Capture,
};

const WIKI: &str = include_str!("../fixtures/catalog/wiki.yaml");

/// Runs `lite ARGS` with everything in a folder; code, stdout, stderr without the lines of stages.
fn lite(folder: &Path, args: &[&str]) -> (u8, String, String) {
    let capture = Capture::default();
    std::fs::write(folder.join("config.toml"), "").expect("written");
    let vars = [
        ("LITE_CONFIG", folder.join("config.toml")),
        ("LITE_STATE_DIR", folder.join("state")),
        ("LITE_BLUEPRINTS", folder.join("blueprints")),
        ("LITE_CONNECT", folder.join("test:///no-such-host")),
    ];
    let vars = vars.into_iter().map(|(k, v)| (k, v.into_os_string())).collect();
    let clock = || "2026-11-24T12:00:00Z".parse().expect("a time");
    let mut env = Env { vars, clock, euid: 1000, ui: capture.ui() };
    let code = run(std::iter::once("lite").chain(args.iter().copied()).map(OsString::from), &mut env);
    let stages = capture.stderr();
    let told: Vec<&str> = stages.lines().filter(|l| !l.starts_with("  ✓ ")).collect();
    (code, capture.stdout(), told.iter().map(|l| format!("{l}\n")).collect())
}

#[test]
fn what_is_wrong_is_refused_before_anything_is_made() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::fs::create_dir(at("wiki")).expect("made");
    std::fs::write(at("wiki/install.sh"), "packages wiki\n").expect("written");
    std::fs::write(at("wiki.yaml"), WIKI).expect("written");
    std::fs::write(at("bad.yaml"), WIKI.replace("group: app", "group: ap")).expect("written");
    std::fs::write(at("nginx.yaml"), include_str!("../../blueprints/nginx.yaml")).expect("written");
    let cases: [(&[&str], &str); 6] = [
        (&["lmap"], "error: there is no blueprint `lmap`\n  hint: did you mean `lamp`? `lite blueprints` lists them\n"),
        // The first is good and is not tested for minutes before the second is found to be wrong.
        (&["lamp", "joomla"], "error: `joomla` needs a value for `download`: address of Joomla's full package"),
        (&[&at("gone.yaml")], "error: cannot read `"),
        (&[&at("bad.yaml")], "error: the blueprint files have a fault\n"),
        (&[&at("nginx.yaml")], "error: `"),
        (&["wordpress", "--bundle", "nano"], "error: bundle `nano` is too small for `wordpress`"),
    ];
    for (args, wanted) in cases {
        let (code, out, err) = lite(dir.path(), &[&["blueprints", "test"], args].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.starts_with(wanted), "{args:?}: {err}");
        assert!(!dir.path().join("state").exists(), "{args:?}: nothing is written");
    }
    let (_, _, err) = lite(dir.path(), &["blueprints", "test", &at("nginx.yaml")]);
    assert!(err.contains("holds no blueprint of its own"), "{err}");
}

#[test]
fn a_file_is_rendered_and_recorded_twice() {
    let dir = tempfile::tempdir().expect("a folder");
    let at = |name: &str| dir.path().join(name).display().to_string();
    std::fs::create_dir(at("wiki")).expect("made");
    std::fs::write(at("wiki/install.sh"), "packages wiki\n").expect("written");
    std::fs::write(at("wiki.yaml"), WIKI).expect("written");
    let record = at("verified.yaml");
    let file = at("wiki.yaml");
    let args = ["blueprints", "test", &file, "--set", "site=club", "--render-only", "--record", &record];
    let (code, out, err) = lite(dir.path(), &args);
    let table = "BLUEPRINT  VERSION  BASE       RESULT  SECONDS\nwiki       2.0      debian-13  render        0\n";
    assert_eq!((code, out.as_str(), err.as_str()), (0, table, "wiki on debian-13\n"));
    let own = std::fs::read_to_string(dir.path().join("state/verified.yaml")).expect("kept in the state folder");
    assert_eq!(std::fs::read_to_string(&record).ok().as_ref(), Some(&own));
    let list = read_verified("x", &own).expect("good");
    assert_eq!((list.len(), list[0].how, list[0].date), (1, VerifiedBy::Render, jiff::civil::date(2026, 11, 24)));

    let other = ["blueprints", "test", "lamp", "nginx", "--render-only", "--record", &record, "--json"];
    let (code, out, _) = lite(dir.path(), &other);
    let said: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let results: Vec<_> =
        said["tests"].as_array().expect("tests").iter().map(|t| (&t["blueprint"], &t["result"])).collect();
    assert_eq!((code, said["schema"].as_u64()), (0, Some(2)));
    assert_eq!(results, [(&"lamp".into(), &"render".into()), (&"nginx".into(), &"render".into())]);
    let list = read_verified("x", &std::fs::read_to_string(&record).expect("there")).expect("good");
    assert_eq!(list.iter().map(|v| v.blueprint.as_str()).collect::<Vec<_>>(), ["lamp", "nginx", "wiki"]);
}

#[test]
fn a_damaged_record_is_refused_and_stays() {
    let dir = tempfile::tempdir().expect("a folder");
    let record = dir.path().join("verified.yaml");
    std::fs::write(&record, "nonsense: 1\n").expect("written");
    let args = ["blueprints", "test", "lamp", "--render-only", "--record", record.to_str().expect("a path")];
    let (code, _, err) = lite(dir.path(), &args);
    assert!(code == 2 && err.contains("is not a list of tests"), "{code}: {err}");
    assert_eq!(std::fs::read_to_string(&record).ok().as_deref(), Some("nonsense: 1\n"));
    std::fs::create_dir(dir.path().join("state")).expect("made");
    // A damaged one of our own stands in nobody's way.
    std::fs::write(dir.path().join("state/verified.yaml"), "nonsense: 1\n").expect("written");
    let (code, out, _) = lite(dir.path(), &["blueprints"]);
    assert!(code == 0 && out.contains("\nlamp "), "{out}");
}
