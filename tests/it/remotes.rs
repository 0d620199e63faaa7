//! Remotes: what is refused, what is kept of one, and what is at its place. restic itself, over folders.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use lite::{
    app::{
        App, Caller,
        remote::{self, Add},
    },
    clock::SystemClock,
    engine::{self, Trouble},
    model::{Error, Location, Name, RemoteState, Result, Unobserved, Via},
    store::OldDatabases,
    view::RemoteAdded,
};
use secrecy::ExposeSecret;

use crate::support::world::World;

/// Use cases, with the names of what they are about as text.
struct Remotes<'a> {
    world: &'a World,
    app: App,
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn short(error: &Error) -> (&'static str, u8) {
    (error.code.as_str(), error.exit_code())
}

impl<'a> Remotes<'a> {
    fn of(world: &'a World) -> Self {
        let app = App::of_host(world.settings().clone(), Arc::new(SystemClock), world.hypervisor.clone());
        Self { world, app }
    }

    fn root() -> Caller {
        Caller::root(Via::Cli)
    }

    /// A folder beside that of the database.
    fn at(&self, folder: &str) -> PathBuf {
        self.world.state().parent().expect("a folder").join(folder)
    }

    fn add(&self, remote: &str, place: &Path, password: Option<&str>) -> Result<RemoteAdded> {
        let add = Add {
            name: name(remote),
            location: Location::parse(place.to_str().expect("a path"))?,
            password: password.map(Into::into),
            credentials: None,
            dry_run: false,
        };
        let accepted = remote::add(&self.app, &Self::root(), add, &mut Unobserved)?;
        accepted.run(&mut Unobserved).map(|mut added| added.remove(0))
    }

    fn remove(&self, remote: &str) -> Result<()> {
        remote::find_all(&self.app, &Self::root(), &[name(remote)], &mut Unobserved)?.run(&self.app).map(drop)
    }

    fn check(&self, remote: &str) -> Result<()> {
        remote::check(&self.app, &Self::root(), &name(remote), true, &mut Unobserved).map(drop)
    }

    /// The files that lite keeps of remotes, with their modes.
    fn files(&self) -> Vec<(String, u32)> {
        let mut all = Vec::new();
        for home in std::fs::read_dir(self.at("state").join("remotes")).into_iter().flatten() {
            let home = home.expect("read").path();
            assert_eq!(home.metadata().expect("there").mode() & 0o777, 0o700);
            for file in std::fs::read_dir(home).expect("read").map(|file| file.expect("read")) {
                let name = file.file_name().to_string_lossy().into_owned();
                all.push((name, file.metadata().expect("there").mode() & 0o777));
            }
        }
        all.sort();
        all.into_iter().filter(|(name, _)| name != "cache").collect()
    }

    fn names(&self) -> Vec<String> {
        let all = remote::list(&self.app, &Self::root(), &mut Unobserved).expect("listed");
        assert!(all.iter().all(|row| row.state == RemoteState::Available));
        all.into_iter().map(|row| row.name).collect()
    }
}

#[test]
fn a_remote_is_opened_by_a_password_that_is_shown_once_and_kept_in_a_file() {
    let world = World::new();
    let remotes = Remotes::of(&world);
    let far = remotes.at("far");
    let added = remotes.add("far", &far, None).expect("added");
    let password = added.password.expect("drawn");
    assert_eq!((password.expose_secret().len(), remotes.names()), (32, vec!["far".to_owned()]));
    let files = ["password", "remote.json"].map(|file| (file.to_owned(), 0o600));
    assert_eq!(remotes.files(), files);
    let shown = remote::secrets(&remotes.app, &Remotes::root(), &name("far"), &mut Unobserved).expect("shown");
    assert_eq!(shown[0].value.expose_secret(), password.expose_secret());
    // In no row of the database, not even of what was asked for.
    let database = std::fs::read(world.state().join("state.db")).expect("read");
    let wal = std::fs::read(world.state().join("state.db-wal")).unwrap_or_default();
    let needle = password.expose_secret().as_bytes();
    assert!(![database, wal].iter().any(|bytes| bytes.windows(needle.len()).any(|part| part == needle)));
    assert_eq!(remotes.check("far"), Ok(()));

    // A file that is not as it was written.
    let key = std::fs::read_dir(far.join("keys")).expect("read").next().expect("a key").expect("read").path();
    std::fs::rename(&key, far.join("key")).expect("moved");
    assert_eq!(remotes.check("far").map_err(|e| short(&e)), Err(("remote_failed", 1)));
    std::fs::rename(far.join("key"), &key).expect("moved");

    // Forgotten here, and still there for who has the password.
    assert_eq!(remotes.remove("far"), Ok(()));
    assert_eq!((remotes.files(), remotes.names()), (vec![], vec![]));
    let refused = |given| remotes.add("far", &far, given).map(drop).map_err(|e| short(&e));
    assert_eq!(refused(None), Err(("remote_not_empty", 2)));
    assert_eq!(refused(Some("another")), Err(("invalid_secret", 2)));
    assert_eq!(refused(Some("two\nlines")), Err(("invalid_secret", 2)));
    assert_eq!((remotes.files(), remotes.names()), (vec![], vec![]));
    let again = remotes.add("near", &far, Some(&format!("{}\n", password.expose_secret()))).expect("added");
    assert!(again.password.is_none());
    assert_eq!(remotes.check("near"), Ok(()));
}

/// What the audit finds of remotes, and what gc leaves alone.
fn told(world: &World) -> (Vec<(Trouble, String)>, Vec<String>) {
    let findings = engine::audit(&world.engine()).expect("audited").findings;
    let kept = engine::find_orphans(&mut world.engine(), false).expect("looked").kept;
    let is_of_one = |subject: &String| subject.contains("remote");
    let found = findings.into_iter().map(|one| (one.trouble, one.subject)).filter(|(_, subject)| is_of_one(subject));
    (found.collect(), kept.into_iter().map(|(subject, _)| subject).filter(is_of_one).collect())
}

/// The database is lost, and nothing beside it.
fn lose_database(world: &World) {
    for entry in std::fs::read_dir(world.state()).expect("read") {
        let path = entry.expect("read").path();
        if path.file_name().expect("a name").to_string_lossy().starts_with("state.db") {
            std::fs::remove_file(path).expect("removed");
        }
    }
}

fn rebuild(world: &World) -> Vec<String> {
    let old = OldDatabases::open(world.state()).expect("opened");
    let done = engine::rebuild(&mut world.engine(), &world.catalog, &old).expect("rebuilt");
    assert_eq!(done.refused, Vec::<String>::new());
    done.remotes
}

#[test]
fn a_lost_database_is_no_lost_remote() {
    let world = World::new();
    Remotes::of(&world).add("far", &Remotes::of(&world).at("far"), None).expect("added");
    assert_eq!(told(&world), (vec![], vec![]));
    lose_database(&world);
    let far = || "remote `far`".to_owned();
    assert_eq!(told(&world), (vec![(Trouble::Unrecorded, far())], vec![far()]));
    assert_eq!((rebuild(&world), rebuild(&world)), (vec!["far".to_owned()], vec![]));
    assert_eq!(told(&world), (vec![], vec![]));
    let remotes = Remotes::of(&world);
    assert_eq!((remotes.names(), remotes.check("far")), (vec!["far".to_owned()], Ok(())));

    // An earlier lite's does not say what it is, until it is worked with.
    let homes = std::fs::read_dir(remotes.at("state").join("remotes")).expect("read");
    let home = homes.map(|home| home.expect("read").path()).next().expect("a folder");
    std::fs::remove_file(home.join("remote.json")).expect("removed");
    assert_eq!(remotes.check("far"), Ok(()));
    let about = std::fs::read_to_string(home.join("remote.json")).expect("written again");
    // One that says nothing that a remote is stays as it is, and is told of.
    for text in
        [None, Some(""), Some("{}"), Some(&*about.replace("\"far\"", "\"../far\"")), Some(&about.replace(": 1", ": 2"))]
    {
        std::fs::remove_file(home.join("remote.json")).expect("removed");
        text.into_iter().for_each(|text| std::fs::write(home.join("remote.json"), text).expect("written"));
        lose_database(&world);
        let folder = format!("folder `remotes/{}`", home.file_name().expect("a name").to_string_lossy());
        assert_eq!(told(&world), (vec![(Trouble::UnknownFile, folder.clone())], vec![folder]));
        assert_eq!(rebuild(&world), Vec::<String>::new());
        std::fs::write(home.join("remote.json"), &about).expect("written");
    }
    assert_eq!(rebuild(&world), ["far"]);
}

#[test]
fn places_that_copies_cannot_lie_at_are_refused_and_nothing_is_made() {
    let world = World::new();
    let remotes = Remotes::of(&world);
    let refused = |place: &Path| remotes.add("far", place, None).map(drop).map_err(|e| short(&e));
    let at = |folder: &str| remotes.at(folder);
    for own in ["pool", "pool/far", "state", "state/a/b", "logs", ""] {
        assert_eq!(refused(&at(own)), Err(("invalid_remote", 2)), "{own}");
    }
    // Through a link, too.
    std::fs::create_dir_all(at("pool")).expect("made");
    std::os::unix::fs::symlink(at("pool"), at("link")).expect("a link");
    assert_eq!(refused(&at("link/far")), Err(("invalid_remote", 2)));
    assert_eq!(refused(&at("nobody/mounted/this")), Err(("remote_unreachable", 2)));
    std::fs::create_dir(at("full")).expect("made");
    std::fs::write(at("full/thesis.txt"), "").expect("written");
    assert_eq!(refused(&at("full")), Err(("remote_not_empty", 2)));
    std::fs::write(at("file"), "").expect("written");
    assert_eq!(refused(&at("file")), Err(("remote_unreachable", 2)));
    let keys = Add {
        name: name("far"),
        location: Location::parse("/mnt/far").expect("a place"),
        password: None,
        credentials: Some("x".into()),
        dry_run: false,
    };
    let bucket = Location::parse("s3://127.0.0.1:1/bucket").expect("a place");
    let add = |add: Add| remote::add(&remotes.app, &Remotes::root(), add, &mut Unobserved).map(drop);
    assert_eq!(add(keys.clone()).map_err(|e| short(&e)), Err(("usage", 2)));
    assert_eq!(
        add(Add { location: bucket.clone(), ..keys.clone() }).map_err(|e| short(&e)),
        Err(("invalid_secret", 2))
    );
    assert_eq!(add(Add { location: bucket, credentials: None, ..keys }).map_err(|e| short(&e)), Err(("usage", 2)));
    assert_eq!((remotes.files(), remotes.names()), (vec![], vec![]));
    assert_eq!(std::fs::read_dir(at("full")).expect("read").count(), 1);

    // A name has one owner, and a place one name.
    world.create("web").expect("created");
    assert_eq!(remotes.add("web", &at("far"), None).map(drop).map_err(|e| short(&e)), Err(("name_taken", 2)));
    assert!(!at("far").exists());
    remotes.add("far", &at("far"), None).expect("added");
    assert_eq!(remotes.add("far", &at("other"), None).map(drop).map_err(|e| short(&e)), Err(("name_taken", 2)));
    assert_eq!(remotes.add("near", &at("far"), None).map(drop).map_err(|e| short(&e)), Err(("name_taken", 2)));
    assert_eq!(world.create("far").map(drop).map_err(|e| short(&e)), Err(("name_taken", 2)));
    std::fs::rename(at("far"), at("unmounted")).expect("moved");
    assert_eq!(remotes.check("far").map_err(|e| short(&e)), Err(("remote_unreachable", 2)));
}
