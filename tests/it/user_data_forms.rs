//! User-data as it comes from other clouds: all that YAML has, packed, in parts, by a pipe.

use std::{
    io::{self, Write as _},
    process::{Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use lite::{
    catalog::check,
    model::{Code, Error},
    render::{UserData, UserDataFor, parse_user_data},
};
use serde_json::{Value, json};

fn parse(bytes: &[u8]) -> Result<UserData, Error> {
    parse_user_data(bytes, UserDataFor { name: None, account: "debian" })
}

fn keys(text: &str) -> Value {
    Value::Object(parse(text.as_bytes()).expect("good").cloud_config)
}

/// Message, causes and hints of what is refused.
fn refused(bytes: &[u8]) -> (String, Vec<String>, Vec<String>) {
    let error = parse(bytes).expect_err("refused");
    assert_eq!(error.code, Code::InvalidUserData);
    let message = error.message.replace("the user-data file cannot be used: ", "");
    (message, error.causes.clone(), error.hint_texts())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

fn base64(bytes: &[u8]) -> Vec<u8> {
    let text = STANDARD.encode(bytes);
    // As `base64` of coreutils breaks lines.
    text.as_bytes().chunks(76).flat_map(|line| [line, b"\n"].concat()).collect()
}

#[test]
fn the_first_line_may_say_more_and_a_document_may_be_marked() {
    let wanted = json!({"package_update": true});
    for start in
        ["#cloud-config by hand\n", "---\n#cloud-config\n", "\n\n#Cloud-Config\n---\n", "\u{feff}#cloud-config\n"]
    {
        assert_eq!(keys(&format!("{start}package_update: true\n")), wanted, "{start:?}");
    }
}

#[test]
fn anchors_and_merge_keys_mean_what_they_mean_to_pyyaml() {
    let text = "#cloud-config\nwrite_files:\n  - &one {path: /a, owner: &root 'root:root', permissions: 0600}\n  - <<: *one\n    path: /b\n  - <<: [{path: /c}, *one]\n  \
                - {<<: *one, <<: {path: /d}}\nruncmd:\n  - &list [echo, *root]\n  - *list\n'<<': 1\n";
    let file = |path: &str| json!({"path": path, "owner": "root:root", "permissions": "0600"});
    let said = ["echo", "root:root"];
    assert_eq!(
        keys(text),
        json!({"write_files": [file("/a"), file("/b"), file("/c"), file("/d")], "runcmd": [said, said], "<<": 1})
    );
    let faults = [
        ("a: *b\n", "user-data:2: -: not YAML: while parsing node, found unknown anchor"),
        ("a: &b [*b]\n", "user-data:2: -: an alias inside of what it stands for"),
        ("a: {<<: 1}\n", "user-data:2: -: a merge key takes a mapping or a list of mappings"),
        ("a: &b {c: 1}\n*b : 1\n", "user-data:2: -: a key has to be a plain word"),
    ];
    for (text, fault) in faults {
        assert_eq!(refused(format!("#cloud-config\n{text}").as_bytes()).1, [fault]);
    }
}

#[test]
fn aliases_that_grow_are_bounded_in_size_and_depth() {
    let line = |n: usize| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", "));
    let bomb: String = (1..10).map(line).collect();
    let bomb = refused(format!("#cloud-config\na0: &a0 [lol, lol, lol]\n{bomb}").as_bytes());
    assert_eq!(bomb.1, ["user-data:7: -: written out, its aliases have more than 262144 bytes"]);
    let deep: String = (1..20).map(|n| format!("a{n}: &a{n} [*a{}]\n", n - 1)).collect();
    let deep = refused(format!("#cloud-config\na0: &a0 [x]\n{deep}").as_bytes());
    assert_eq!(deep.1, ["user-data:17: -: nested deeper than 16 levels"]);
}

#[test]
fn tags_of_pyyaml_are_heeded_and_others_refused() {
    let text = "#cloud-config\nx: {a: !!str 1, b: !!int 010, c: !!bool yes, d: !!float 1.5, e: !!null ~, f: !!binary aGk=, g: !!seq [!!map {}]}\n";
    assert_eq!(keys(text), json!({"x": {"a": "1", "b": 8, "c": true, "d": 1.5, "e": null, "f": "hi", "g": [{}]}}));
    let tags =
        "this tag is not known; `!!str`, `!!binary`, `!!int`, `!!float`, `!!bool`, `!!null`, `!!seq` and `!!map` are";
    let faults = [
        ("!!int x", "the value is not what its tag `!!int` says"),
        ("!!binary '*'", "`!!binary` holds no base64"),
        ("!!python/object:os.system x", tags),
        ("!own [x]", tags),
        ("!!map [x]", tags),
    ];
    for (value, fault) in faults {
        assert_eq!(refused(format!("#cloud-config\nx: {value}\n").as_bytes()).1, [format!("user-data:2: -: {fault}")]);
    }
}

#[test]
fn bytes_that_are_no_text_are_the_content_of_a_file_alone() {
    let text = "#cloud-config\nwrite_files:\n  - {path: /a, content: !!binary //79}\n  - {path: /b, encoding: gzip, content: !!binary H4sI/w==}\n  \
                - path: /c\n    content: !!binary |\n      aGVs\n      bG8=\n";
    let files = json!({"write_files": [
        {"path": "/a", "encoding": "b64", "content": "//79"},
        {"path": "/b", "encoding": "gz+b64", "content": "H4sI/w=="},
        {"path": "/c", "content": "hello"},
    ]});
    assert_eq!(keys(text), files);
    let why = "holds bytes that are no text; only `content` of `write_files` may, without an `encoding` or with `gzip`";
    let faults = refused(
        b"#cloud-config\nx: [!!binary //79]\nwrite_files:\n  - {path: /a, encoding: b64, content: !!binary //79}\n",
    );
    assert_eq!(faults.1, [format!("user-data:2: x[0]: {why}"), format!("user-data:4: write_files[0].content: {why}"),]);
}

#[test]
fn a_blueprint_still_means_what_it_shows() {
    let faults = [
        ("&a x", "anchors are not allowed; write the value out"),
        ("!!str x", "tags are not allowed; put quotes around a text"),
        ("{<<: {}}", "merge keys are not allowed; write the values out"),
    ];
    for (value, fault) in faults {
        let found: Vec<String> =
            check("x.yaml", &format!("cloud_config: {value}\n")).iter().map(|d| d.message.clone()).collect();
        assert_eq!(found, [fault]);
    }
}

#[test]
fn packed_user_data_is_what_it_holds_within_the_same_size() {
    let script = "#!/bin/sh\nexit 0\n";
    let plain = parse(script.as_bytes()).expect("good");
    assert_eq!(plain.scripts, [script]);
    let bytes = script.as_bytes();
    for packed in [gzip(bytes), base64(bytes), base64(&gzip(bytes)), [gzip(b"#!/bin/sh\n"), gzip(b"exit 0\n")].concat()]
    {
        assert_eq!(parse(&packed).expect("good"), plain);
    }
    let full = format!("#!/bin/sh\n{}", "#".repeat(65_526));
    assert_eq!(parse(&base64(full.as_bytes())).expect("64 KiB").scripts, [full.as_str()]);
    let hint = vec!["user-data has at most 65536 bytes, also when unpacked".to_owned()];
    let bomb = gzip(&vec![b'#'; 64 << 20]);
    assert_eq!(refused(&bomb), ("unpacked it is too large".to_owned(), vec![], hint.clone()));
    let large = format!("{full}#");
    assert_eq!(refused(large.as_bytes()), ("it has 65537 bytes".to_owned(), vec![], hint));
    let damaged = refused(&gzip(bytes)[..20]);
    assert_eq!((damaged.0.as_str(), damaged.1.len()), ("it is compressed with gzip, and damaged", 1));
    assert_eq!(refused(&gzip(&gzip(bytes))).0, "it is not UTF-8 text");
}

/// A MIME message of these parts: header lines and body.
fn message(parts: &[(&str, &str)]) -> String {
    let body: String = parts.iter().map(|(header, text)| format!("--B\n{header}\n\n{text}\n")).collect();
    format!("Content-Type: multipart/mixed; boundary=\"B\"\nMIME-Version: 1.0\n\n{body}--B--\n")
}

const CONFIG: &str = "Content-Type: text/cloud-config; charset=\"us-ascii\"";
const SCRIPT: &str = "Content-Type: text/x-shellscript";

#[test]
fn a_message_is_its_parts() {
    let named = format!("{SCRIPT}\nContent-Disposition: attachment; filename=\"10-first.sh\"");
    let coded = format!("{SCRIPT}\nContent-Transfer-Encoding: base64");
    let (first, packed) = ("#!/bin/sh\necho 1", String::from_utf8(base64(b"#!/bin/sh\necho 2\n")).expect("ASCII"));
    let text = message(&[
        (&coded, &packed),
        (CONFIG, "packages: [htop]\npackage_update: true"),
        (&named, first),
        ("Content-Type: text/plain", "#cloud-config\npackage_update: true\nruncmd: [ls]"),
    ]);
    let mailbox = format!("From nobody Sat Nov  7 11:00:00 2026\n{text}");
    for text in [text.clone(), mailbox] {
        for bytes in [text.as_bytes().to_vec(), gzip(text.as_bytes()), base64(&gzip(text.as_bytes()))] {
            let whole = parse(&bytes).expect("good");
            let keys = json!({"packages": ["htop"], "package_update": true, "runcmd": ["ls"]});
            assert_eq!(Value::Object(whole.cloud_config), keys);
            assert_eq!(whole.scripts, [first, "#!/bin/sh\necho 2\n"]);
        }
    }
    let single = parse(b"MIME-Version: 1.0\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n").expect("good");
    assert_eq!(single.scripts, ["#!/bin/sh\n"]);
}

#[test]
fn other_parts_and_faulty_ones_are_refused_in_words() {
    let downloads = "lite downloads nothing it cannot check: put the text itself into the file";
    let script = "a script starts with, for example, `#!/bin/bash`";
    let cases = [
        ("Content-Type: text/x-include-url", "http://example.org/", "its type is `text/x-include-url`", downloads),
        ("Content-Type: text/plain", "#include\nhttp://example.org/", "its first line is `#include`", downloads),
        (
            "Content-Type: text/cloud-boothook",
            "x",
            "its type is `text/cloud-boothook`",
            "use `bootcmd` in a `#cloud-config`",
        ),
        (
            "Content-Type: image/png",
            "x",
            "its type is `image/png`",
            "parts are `text/cloud-config` or `text/x-shellscript`",
        ),
        (SCRIPT, "echo", "its first line does not start with `#!`", script),
        (SCRIPT, "#!sh", "`#!sh` names no interpreter", script),
        (CONFIG, "packages: [a]", "an earlier part gives `packages` another value", "give each key in one part alone"),
    ];
    for (header, text, why, hint) in cases {
        let said = refused(message(&[(CONFIG, "packages: [htop]"), (header, text)]).as_bytes());
        assert_eq!(said, (format!("part 2 (`part-002`): {why}"), vec![], vec![hint.to_owned()]));
    }
    let faulty = refused(message(&[(CONFIG, "a: 1\nruncmd: x")]).as_bytes());
    assert_eq!(faulty.0, "part 1 (`part-001`): a value is refused");
    assert_eq!(faulty.1, ["user-data:2: runcmd: must be a list (`- item`)"]);
}

#[test]
fn a_message_is_bounded_in_parts_depth_and_size() {
    let many = refused(message(&[(CONFIG, "a: 1"); 65]).as_bytes());
    assert_eq!((many.0.as_str(), many.2), ("it has more than 64 parts", vec!["put scripts together".to_owned()]));
    let deep: String =
        (0..200).map(|n| format!("Content-Type: multipart/mixed; boundary=B{n:03}\n\n--B{n:03}\n")).collect();
    assert_eq!(refused(deep.as_bytes()).0, "it is not a MIME message");
    let none = refused(b"Content-Type: multipart/mixed; boundary=B\n\n");
    assert_eq!(none.0, "it is a MIME message without parts");
    let packed = format!("{CONFIG}\nContent-Transfer-Encoding: base64");
    let large = gzip(format!("a: {}", "x".repeat(40_000)).as_bytes());
    let large = String::from_utf8(base64(&large)).expect("ASCII");
    let said = refused(message(&[(&packed, &large), (&packed, &large)]).as_bytes());
    assert_eq!(said.0, "part 2 (`part-002`): unpacked it is too large");
}

/// What the program says of user-data by a shell's pipe.
fn by_shell(command: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new("bash")
        .args([
            "-c",
            &command.replace("LITE", &format!("{} create nginx --dry-run --user-data", env!("CARGO_BIN_EXE_lite"))),
        ])
        .env_clear()
        .env("LITE_STATE_DIR", folder.path())
        .stdin(Stdio::null())
        .output()
        .expect("bash");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_owned())
}

#[test]
fn user_data_comes_by_a_pipe_too() {
    let said = |name: &str| {
        (Some(2), format!("error: `{name}`: the user-data file cannot be used: its first line is `#include`"))
    };
    assert_eq!(by_shell("echo '#include x' | LITE -"), said("-"));
    assert_eq!(by_shell("echo '#include x' | LITE /dev/stdin"), said("/dev/stdin"));
    assert_eq!(by_shell("LITE <(echo '#include x')"), said("/dev/fd/63"));
    let cannot = |what: &str| (Some(2), format!("error: {what}"));
    assert_eq!(by_shell("LITE /dev/zero"), cannot("`/dev/zero` is no plain file and no pipe"));
    assert_eq!(by_shell("head -c 2000000 /dev/zero | LITE -"), cannot("standard input is larger than 1024 KiB"));
}

#[test]
fn a_pipe_that_sudo_closed_is_told_with_the_way_that_works() {
    let path = std::path::Path::new("/dev/fd/9999");
    let error = lite::app::files::read_limited(path, 1).expect_err("closed");
    assert_eq!((error.code, error.message.as_str()), (Code::FileUnreadable, "cannot read `/dev/fd/9999`"));
    assert_eq!(error.causes, [io::Error::from_raw_os_error(2).to_string()]);
    assert_eq!(
        error.hint_texts(),
        ["`sudo` closes such pipes: write `COMMAND | sudo lite …` and name `-` as the file"]
    );
}
