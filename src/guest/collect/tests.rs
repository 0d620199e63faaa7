use std::os::unix::fs::MetadataExt;

use tar::Header;

use super::*;
use crate::clock::SystemClock;

const FEW: Limits = Limits { bytes: 1000, members: 8 };

/// A member, with what `change` does to its header.
fn member(name: &[u8], kind: EntryType, body: &[u8], change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let mut header = Header::new_gnu();
    // By hand: the crate would put it right.
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_size(body.len() as u64);
    header.set_mode(0o644);
    header.set_entry_type(kind);
    change(&mut header);
    header.set_cksum();
    let mut all = [header.as_bytes().as_slice(), body].concat();
    all.resize(all.len().next_multiple_of(512), 0);
    all
}

fn file(name: &str, body: &str) -> Vec<u8> {
    member(name.as_bytes(), EntryType::Regular, body.as_bytes(), |_| ())
}

fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), vec![0; 1024]].concat()
}

/// What is below a folder, and what of it beside the folder.
fn below_of(folder: &Path) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match path.symlink_metadata().unwrap().is_dir() {
            true => all.extend(
                std::iter::once(format!("{name}/"))
                    .chain(below_of(&path).into_iter().map(|inner| format!("{name}/{inner}"))),
            ),
            false => all.push(name),
        }
    }
    all.sort();
    all
}

/// What a guest that sends this leaves here: what was brought, or why not; and all that is there.
fn sent(bytes: &[u8], limits: Limits) -> (io::Result<Collected>, Vec<String>) {
    let place = tempfile::tempdir().unwrap();
    let source = tempfile::NamedTempFile::new().unwrap();
    fs::write(source.path(), bytes).unwrap();
    let mut command = Command::new("cat");
    let out = place.path().join("out");
    let brought = collect(command.arg(source.path()), &out, limits, &mut || false, &SystemClock);
    (brought, below_of(place.path()))
}

fn refused(members: &[Vec<u8>], limits: Limits) -> String {
    let (brought, left) = sent(&archive(members), limits);
    assert_eq!(left, Vec::<String>::new(), "nothing of it is here");
    brought.unwrap_err().to_string()
}

#[test]
fn files_and_folders_come_as_tar_packs_them() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().join("out");
    let long = "n".repeat(180);
    fs::create_dir_all(out.join("a/empty")).unwrap();
    fs::write(out.join("a").join(&long), "long").unwrap();
    fs::write(out.join("plain"), "plain").unwrap();
    fs::write(out.join("program"), "").unwrap();
    fs::set_permissions(out.join("program"), Permissions::from_mode(0o4755)).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", out.join("link")).unwrap();
    fs::hard_link(out.join("plain"), out.join("plain2")).unwrap();
    let words = crate::guest::job::pack_words();
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env("HOME", home.path());
    let to = home.path().join("here");
    let brought = collect(&mut command, &to, LIMITS, &mut || false, &SystemClock).unwrap();
    assert_eq!((brought.files, brought.bytes, brought.left_out), (4, 14, 1));
    let wanted = ["a/", "a/empty/", &format!("a/{long}"), "plain", "plain2", "program"];
    assert_eq!(below_of(&to), wanted);
    let mode = |name: &str| fs::metadata(to.join(name)).unwrap().mode() & 0o7777;
    assert_eq!((mode("program") & 0o7100, mode("plain") & 0o7111), (0o100, 0), "no set-uid, and no program but that");
}

#[test]
fn nothing_is_written_outside_whatever_it_is_called() {
    for name in ["../x", "a/../../x", "/x", "/", "a/..", ".."] {
        for kind in [EntryType::Regular, EntryType::Directory, EntryType::Symlink] {
            let text = refused(&[member(name.as_bytes(), kind, b"", |_| ())], FEW);
            assert_eq!(text, format!("the name `{name}`"), "{kind:?}");
        }
    }
    let deep = "d/".repeat(65);
    let long = |name: &[u8]| member(b"././@LongLink", EntryType::GNULongName, name, |_| ());
    assert_eq!(refused(&[long(deep.as_bytes()), file("x", "")], FEW), format!("the name `{}`", escaped(&deep)));
    assert_eq!(refused(&[long(b"../x\0"), file("x", "")], FEW), "the name `../x`");
    assert_eq!(refused(&[long(b"a\0b\0"), file("x", "")], FEW), "the name `a\\u{0}b`");
    let huge = vec![b'n'; 5000];
    assert_eq!(refused(&[long(&huge), file("x", "")], FEW), "a name of more than 4096 bytes");
    assert_eq!(refused(&[file(".", "x")], FEW), "a file without a name");
}

#[test]
fn a_link_is_never_made_and_so_never_followed() {
    let link =
        |name: &str, kind, to: &str| member(name.as_bytes(), kind, b"", |header| header.set_link_name(to).unwrap());
    let members = [
        link("etc", EntryType::Symlink, "/etc"),
        file("etc/lite-was-here", "x"),
        link("hard", EntryType::Link, "etc/lite-was-here"),
        member(b"null", EntryType::Char, b"", |_| ()),
        member(b"disk", EntryType::Block, b"", |_| ()),
        member(b"pipe", EntryType::Fifo, b"", |_| ()),
        member(b"sparse", EntryType::GNUSparse, b"", |_| ()),
    ];
    let (brought, left) = sent(&archive(&members), FEW);
    let named = ["etc", "hard", "null"].map(str::to_owned).to_vec();
    assert_eq!(brought.unwrap(), Collected { files: 1, bytes: 1, left_out: 6, named });
    assert_eq!(left, ["out/", "out/etc/", "out/etc/lite-was-here"]);
    assert!(!Path::new("/etc/lite-was-here").exists());
}

#[test]
fn too_much_too_many_cut_off_and_twice_the_same_leave_nothing() {
    let text = "x".repeat(501);
    assert_eq!(refused(&[file("a", &text), file("b", &text)], FEW), "more than 1000 bytes");
    let claims = member(b"a", EntryType::Regular, b"", |header| header.set_size(1 << 62));
    assert_eq!(refused(&[claims], FEW), "more than 1000 bytes");
    let many: Vec<Vec<u8>> = (0..9).map(|n| file(&n.to_string(), "")).collect();
    assert_eq!(refused(&many, FEW), "more than 8 files and folders");
    let links = vec![member(b"l", EntryType::Symlink, b"", |_| ()); 9];
    assert_eq!(refused(&links, FEW), "more than 8 files and folders");
    let (twice, left) = sent(&archive(&[file("a", "1"), file("a", "2")]), FEW);
    assert_eq!((twice.unwrap_err().kind(), left), (ErrorKind::AlreadyExists, vec![]));
    let (under, left) = sent(&archive(&[file("a", "1"), file("a/b", "2")]), FEW);
    assert!(under.is_err() && left.is_empty(), "a file is no folder: {under:?}");
    let whole = file("a", &"x".repeat(600));
    let (cut, left) = sent(&whole[..700], FEW);
    assert!(cut.is_err() && left.is_empty(), "{cut:?}");
    let (noise, left) = sent(&[b'x'; 4096], FEW);
    assert!(noise.is_err() && left.is_empty(), "{noise:?}");
    // Behind all of the above there is a bound of what is read.
    let endless = Limits { bytes: 0, members: 1 };
    let skipped = member(b"x", EntryType::XHeader, b"", |header| header.set_size(1 << 40));
    let (bounded, left) = sent(&[skipped, vec![b'x'; 1 << 20]].concat(), endless);
    assert!(bounded.is_err() && left.is_empty(), "{bounded:?}");
}

#[test]
fn one_that_fails_or_takes_too_long_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let run = |script: &str, stop: bool| {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let error = collect(&mut command, &out, FEW, &mut || stop, &SystemClock).unwrap_err();
        assert_eq!(below_of(place.path()), Vec::<String>::new());
        (error.kind(), error.to_string())
    };
    let packed = "dd if=/dev/zero bs=1024 count=1 2>&-; exit 2";
    let failed = "`tar` did not pack all of it (exit status: 2)".to_owned();
    assert_eq!(run(packed, false), (ErrorKind::InvalidData, failed));
    assert_eq!(run("exec sleep 600", true), (ErrorKind::TimedOut, "it was to stop".to_owned()));
}

#[test]
fn a_folder_is_new_or_empty_and_lies_in_one_that_is_there() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    fs::write(at("file"), "").unwrap();
    fs::create_dir_all(at("full/inner")).unwrap();
    fs::create_dir(at("empty")).unwrap();
    std::os::unix::fs::symlink(at("empty"), at("link")).unwrap();
    for name in ["new", "empty", "full/inner", "full/inner/new"] {
        assert_eq!(check(&at(name)), Ok(()), "{name}");
    }
    let says = |path: &Path| {
        let error = check(path).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.message.rsplit_once("` ").unwrap().1.to_owned()
    };
    assert_eq!(says(&at("file")), "is there, and no folder");
    assert_eq!(says(&at("link")), "is there, and no folder");
    assert_eq!(says(&at("full")), "is not empty");
    assert_eq!(says(&at("none/new")), "lies in no folder that is there");
    assert_eq!(says(Path::new("..")), "is no name for a new folder");
    // It becomes what was brought, in the place of the empty one.
    let source = at("source");
    fs::write(&source, archive(&[file("a", "1")])).unwrap();
    collect(Command::new("cat").arg(&source), &at("empty"), FEW, &mut || false, &SystemClock).unwrap();
    assert_eq!(below_of(&at("empty")), ["a"]);
}
