//! Files of an operator's folder of blueprints, some made to deceive.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink},
    path::Path,
};

use lite::{
    app::{Caller, blueprint::check::check, sources},
    catalog::Catalog,
    model::Via,
};

const WIKI: &str = include_str!("../fixtures/catalog/wiki.yaml");

/// A folder with the blueprint `wiki`, whose script `make` puts into its place.
fn folder(make: impl FnOnce(&Path)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("wiki.yaml"), WIKI).expect("written");
    fs::create_dir(folder.path().join("wiki")).expect("made");
    make(&folder.path().join("wiki/install.sh"));
    folder
}

fn load(folder: &Path) -> Catalog {
    let mut found = Vec::new();
    sources::gather(folder, &mut found).expect("read");
    Catalog::load_usable(&found).expect("usable")
}

/// What is wrong with `wiki`.
fn faults(folder: &Path) -> Vec<String> {
    load(folder).blueprint("wiki").map_or_else(|e| e.causes, |_| Vec::new())
}

#[test]
fn only_a_plain_file_of_its_owners_alone_is_read() {
    let secret = tempfile::NamedTempFile::new().expect("a file");
    let write = |path: &Path| fs::write(path, "true\n").expect("written");
    let good = folder(write);
    assert_eq!(faults(good.path()), Vec::<String>::new());
    type Make<'a> = Box<dyn FnOnce(&Path) + 'a>;
    let cases: [(Make<'_>, &str); 6] = [
        (Box::new(|path| symlink(secret.path(), path).expect("a link")), "is a link"),
        (
            Box::new(|path| rustix::fs::mkfifoat(rustix::fs::CWD, path, 0o600.into()).expect("a pipe")),
            "is no plain file",
        ),
        (
            Box::new(|path| {
                write(path);
                fs::hard_link(path, path.with_extension("other")).expect("linked");
                chown(path, Some(12345), None).expect("given away");
            }),
            "is a hard link to a file of another owner",
        ),
        (
            Box::new(|path| {
                write(path);
                fs::set_permissions(path, Permissions::from_mode(0o666)).expect("set");
            }),
            "others may write it",
        ),
        (Box::new(|path| fs::write(path, vec![b'#'; 300 << 10]).expect("written")), "is larger than 256 KiB"),
        (Box::new(|path| fs::write(path, [0xff]).expect("written")), "is not UTF-8 text"),
    ];
    for (make, why) in cases {
        let folder = folder(make);
        let said = faults(folder.path());
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0].split_once("install: ").map(|(_, w)| w), Some(&*format!("`wiki/install.sh`: {why}")));
    }
}

#[test]
fn a_folder_that_is_a_link_or_anybodys_is_not_entered() {
    let elsewhere = folder(|path| fs::write(path, "true\n").expect("written"));
    let missing = "there is no script `wiki/install.sh`; hold it inline with `install: |`";
    let linked = folder(|path| {
        let inner = path.parent().expect("a folder");
        fs::remove_dir(inner).expect("removed");
        symlink(elsewhere.path().join("wiki"), inner).expect("a link");
    });
    let open = folder(|path| {
        fs::write(path, "true\n").expect("written");
        fs::set_permissions(path.parent().expect("a folder"), Permissions::from_mode(0o777)).expect("set");
    });
    for folder in [&linked, &open] {
        let said = faults(folder.path());
        assert_eq!(said.iter().filter_map(|s| Some(s.split_once("install: ")?.1)).collect::<Vec<_>>(), [missing]);
    }
    fs::set_permissions(open.path(), Permissions::from_mode(0o777)).expect("set");
    let said = sources::gather(open.path(), &mut Vec::new()).expect_err("refused");
    assert_eq!((said.code.as_str(), said.causes), ("blueprints_unreadable", vec!["others may write it".to_owned()]));
}

#[test]
fn what_lies_beside_a_blueprint_shadows_no_common_part() {
    let folder = folder(|path| fs::write(path, "true\n").expect("written"));
    fs::create_dir(folder.path().join("common")).expect("made");
    for part in ["node.sh", "own.sh"] {
        fs::write(folder.path().join("common").join(part), "echo theirs\n").expect("written");
    }
    let text = WIKI.replace("wiki/install.sh", "common/node.sh");
    assert_ne!(text, WIKI);
    fs::write(folder.path().join("wiki.yaml"), text).expect("written");
    let install = load(folder.path()).blueprint("wiki").expect("good").install.clone();
    assert_eq!(install, include_str!("../../cloud-init/common/node.sh"));
}

#[test]
fn a_bad_file_spoils_its_own_blueprint_alone() {
    let folder = folder(|path| fs::write(path, "true\n").expect("written"));
    fs::write(folder.path().join("x.yaml"), "id: shop\n").expect("written");
    symlink("/etc/hostname", folder.path().join("nginx.yaml")).expect("a link");
    let catalog = load(folder.path());
    assert!(catalog.blueprint("wiki").is_ok() && catalog.blueprint("lamp").is_ok());
    assert_eq!(catalog.blueprint("nginx").map_err(|e| e.causes), Err(vec!["nginx.yaml: is a link".to_owned()]));
    assert_eq!(catalog.blueprint("shop").map(drop).map_err(|e| e.code.as_str()), Err("invalid_blueprint"));
    assert_eq!(catalog.spoiled.keys().collect::<Vec<_>>(), ["nginx", "shop"]);
}

#[test]
fn a_script_that_cannot_run_is_refused_with_its_file_and_line() {
    let cases = [
        ("true\nid\r\n", "line 2: ends with a carriage return; convert the file: `sed -i 's/\\r$//' FILE`"),
        ("\u{feff}true\n", "line 1: holds a byte order mark; save the file as UTF-8 without one"),
        ("true\n\n\0\n", "line 3: holds a NUL: this is not a text file"),
        ("true\nif true\nfi\n", "line 3: syntax error near unexpected token `fi'"),
    ];
    for (text, why) in cases {
        let folder = folder(|path| fs::write(path, text).expect("written"));
        let said = faults(folder.path());
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0].split_once("install: ").map(|(_, w)| w), Some(&*format!("`wiki/install.sh`: {why}")));
    }
    let inline = WIKI.replace("wiki/install.sh", "\"if true\\nfi\"");
    let folder = folder(|_| ());
    let file = folder.path().join("wiki.yaml");
    fs::write(&file, inline).expect("written");
    let found = check(&Caller::root(Via::Cli), &[file]).expect("checked");
    let said: Vec<_> = found.iter().map(|f| (f.key.as_deref(), f.message.as_str())).collect();
    assert_eq!(said, [(Some("install"), "line 2 of the script: syntax error near unexpected token `fi'")]);
}

#[test]
fn a_fault_in_an_inline_script_is_told_with_its_line_in_the_file() {
    let head = WIKI.split("install:").next().expect("a part");
    let install = "install:\n  - common/packages.sh\n  - |\n\n    true\n    fi\n  - |\n    if true; then\nconfigure: \"true\\n)\"\n";
    let text = format!("{head}{install}health:\n  command:\n    run: |\n      true\n      done\n");
    let line = |part: &str| 1 + text[..text.find(part).expect("there")].matches('\n').count() as u64;
    let folder = folder(|_| ());
    let file = folder.path().join("wiki.yaml");
    fs::write(&file, &text).expect("written");
    let found = check(&Caller::root(Via::Cli), &[file]).expect("checked");
    let said: Vec<_> = found.iter().map(|f| (f.line, f.key.as_deref(), f.message.as_str())).collect();
    let unexpected = |word: &str| format!("syntax error near unexpected token `{word}'");
    let (fi, end, done) = (unexpected("fi"), "syntax error: unexpected end of file", unexpected("done"));
    let brace = format!("line 2 of the script: {}", unexpected(")"));
    assert_eq!(
        said,
        [
            (Some(line("    fi\n")), Some("install[1]"), fi.as_str()),
            (Some(line("    if true; then")), Some("install[2]"), end),
            (Some(line("configure:")), Some("configure"), brace.as_str()),
            (Some(line("      done\n")), Some("health.command.run"), done.as_str()),
        ]
    );
    let mut found = Vec::new();
    sources::gather(folder.path(), &mut found).expect("read");
    let catalog = sources::load(&found).expect("usable");
    let first = format!("wiki.yaml:{}: install[1]: {fi}", line("    fi\n"));
    assert_eq!(catalog.blueprint("wiki").map_err(|e| e.causes[0].clone()), Err(first));
}

#[test]
fn a_text_that_bash_would_stumble_over_is_refused_inline_too() {
    let cr = "line 2 of the script: ends with a carriage return; convert the file: `sed -i 's/\\r$//' FILE`";
    let mark = "holds a byte order mark; save the file as UTF-8 without one";
    let base = WIKI.split("install:").next().expect("a part");
    for (entry, key, why) in [
        ("install: \"true\\nid\\r\\n\"\n", "install", cr),
        ("configure: |\n  true\n  \u{feff}id\n", "configure", mark),
        ("health: {command: \"true\\nid\\r\\n\"}\n", "health.command", cr),
    ] {
        let text = format!("{base}{entry}");
        let found = lite::catalog::check("wiki.yaml", &text);
        let said: Vec<_> = found.iter().map(|d| (d.line, d.key.as_str(), d.message.as_str())).collect();
        let first = 1 + base.matches('\n').count();
        assert_eq!(said, [(if why == mark { first + 2 } else { first }, key, why)]);
    }
}

#[test]
fn a_blueprint_in_the_home_of_who_called_sudo_is_told_with_where_it_belongs() {
    let home = tempfile::tempdir().expect("a folder");
    let (mine, bin) = (home.path().join(".config/lite/blueprints"), home.path().join("bin"));
    for folder in [&mine, &bin] {
        fs::create_dir_all(folder).expect("made");
    }
    fs::write(mine.join("wiki.yaml"), WIKI).expect("written");
    let owner = fs::metadata(&mine).expect("there").uid();
    let getent = format!(
        "#!/bin/sh\n[ \"$*\" = 'passwd -- ada' ] && echo 'ada:x:{owner}:1::{}:/bin/sh'\n",
        home.path().display()
    );
    fs::write(bin.join("getent"), getent).expect("written");
    fs::set_permissions(bin.join("getent"), Permissions::from_mode(0o755)).expect("set");
    let said = |user: &str, args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_lite"));
        command.args(args).env_clear().env("SUDO_USER", user).env("LITE_STATE_DIR", home.path());
        let output = command.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).output().expect("runs");
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).expect("text")
    };
    let unknown = |id: &str| format!("error: there is no blueprint `{id}`\n  hint: `lite blueprints` lists them\n");
    let seen = format!(
        "  hint: `wiki` is in `{}`, where `sudo` does not look: copy it to `/etc/lite/blueprints`, with the scripts it names\n",
        mine.display()
    );
    for verb in [&["create", "--dry-run", "wiki"][..], &["blueprints", "show", "wiki"], &["blueprints", "test", "wiki"]]
    {
        assert_eq!(said("ada", verb), unknown("wiki") + &seen, "{verb:?}");
    }
    assert_eq!(said("eve", &["create", "--dry-run", "wiki"]), unknown("wiki"));
    assert_eq!(said("ada", &["create", "--dry-run", "shop"]), unknown("shop"));
}
