//! The console's pages of what a host has beside instances: its figures, images, key pairs and remotes.

use std::process::Command;

use lite::{
    engine,
    image::{self, Images, Origin},
    model::{Role, Scope},
};

use crate::support::{
    furnished::furnished,
    html::{fact, names, part, value},
    off_site::{far, ready_to_push},
    served::Served,
    world::World,
};

fn house() -> (Served, String) {
    let served = Served::of(furnished(), |_| {});
    let cookie = served.root();
    (served, cookie)
}

fn told(page: &str) -> &str {
    part(page, "<p class=\"told\" role=\"status\">", "</p>")
}

fn acme(served: &Served) -> String {
    served.log_in(&served.add("anna", Role::Operator, Scope::parse("client=acme").expect("a scope")))
}

#[test]
fn the_figures_of_the_host_are_those_that_a_create_is_measured_by() {
    let (served, cookie) = house();
    let has = engine::host_usage(&served.world.engine()).expect("told");
    let page = served.get("/instances", &cookie).body;
    let figures = part(&page, "<dl class=\"figures\" id=\"figures\">", "</dl>");
    let vcpus = format!(
        "{} of {} promised<br><span class=\"hint\">{} CPUs are there</span>",
        has.vcpus_promised, has.vcpus_limit, has.cpus
    );
    assert_eq!((has.vcpus_promised > 0, fact(figures, "vCPUs")), (true, vcpus.as_str()));
    let memory = format!(
        "{} of {} promised<br><span class=\"hint\">{} is there</span>",
        has.memory_promised.about(),
        has.memory_limit.about(),
        has.memory.about()
    );
    assert_eq!(fact(figures, "Memory"), memory);
    let disk = has.disk.expect("a disk");
    let says = format!("{} of {} promised", disk.promised.about(), disk.limit.about());
    assert_eq!(fact(figures, "Disk").split('<').next(), Some(says.as_str()));
    let host = served.get("/host", &cookie).body;
    assert_eq!(fact(&host, "vCPUs"), vcpus);
    assert_eq!(fact(&host, "Memory free now"), has.memory_free.about());
    let part_of_it = served.get("/instances", &acme(&served)).body;
    assert!(part_of_it.contains("<dl class=\"figures\" id=\"figures\"></dl>"), "{part_of_it}");
}

/// Puts another version of an image into the pool.
fn put(world: &World, id: &str, size: &str) {
    let pool = &world.settings().host.folders.pool;
    let file = pool.join("new");
    let made = Command::new("qemu-img").args(["create", "-q", "-f", "qcow2"]).arg(&file).arg(size).status();
    assert!(made.expect("qemu-img runs").success());
    let (images, now) = (Images::in_folder(pool), jiff::Timestamp::UNIX_EPOCH);
    image::adopt(&images, id, &file, Origin::Built, None, now).expect("kept");
}

#[test]
fn images_are_listed_removed_by_their_name_and_pruned() {
    let (served, cookie) = house();
    let page = served.get("/images", &cookie).body;
    assert_eq!(names(&page), ["debian-12", "debian-13"]);
    let days = (jiff::Timestamp::now().as_second() / 86_400).to_string();
    assert_eq!(part(&page, "data-label=\"Days old\" class=\"number\">", "</td>"), days);
    assert_eq!(served.refuses("/images/debian-12", &cookie, "action=remove&confirm="), ["confirm: `` is not its name"]);
    served.does("/images/debian-12", &cookie, "action=remove&confirm=debian-12");
    assert_eq!(names(&served.get("/images", &cookie).body), ["debian-13"]);
    assert_eq!(served.get("/images/debian-12", &cookie).status, 404);
    let outdated = || told(&served.post("/images", &cookie, "action=outdated").body).to_owned();
    assert_eq!(outdated(), "Nothing would go: what is out of date is in use, or there is none.");
    put(&served.world, "debian-13", "2M");
    put(&served.world, "debian-13", "3M");
    let would = outdated();
    assert!(would.starts_with("Would go: older version <code>base-debian-13-"), "{would}");
    assert_eq!(would.matches("older version").count(), 2, "{would}");
    served.does("/images", &cookie, "action=prune");
    // The first is the operation that was shown; the run goes on with the others.
    assert!((0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        outdated().starts_with("Nothing would go")
    }));
    assert_eq!(served.does("/images", &cookie, "action=prune"), "/images", "there is nothing to do");
}

#[test]
fn an_image_in_use_stays_and_says_who_uses_it() {
    let (served, cookie) = house();
    let images = Images::in_folder(&served.world.settings().host.folders.pool);
    let debian = image::get(&images, "debian-13").expect("read").expect("there");
    served.world.sql(&format!("UPDATE instance SET image = '{}' WHERE name = 'shop'", debian.volume));
    let page = served.get("/images/debian-13", &cookie).body;
    assert_eq!(fact(&page, "Used by"), "<a href=\"/instances/shop\">shop</a>");
    assert!(!page.contains("Remove image"), "{page}");
    let refused = served.refuses("/images/debian-13", &cookie, "action=remove&confirm=debian-13");
    assert_eq!(refused, ["-: image `debian-13` is in use by shop"]);
}

#[test]
fn an_image_is_made_by_an_operation_and_what_cannot_be_stands_at_its_field() {
    let (served, cookie) = house();
    for (form, wrong) in [
        ("action=bake&blueprint=none", "blueprint: there is no blueprint `none`"),
        ("action=bake&blueprint=debian-13", "blueprint: `debian-13` cannot be baked: it has no install part"),
        ("action=bake&blueprint=nginx&set=much", "set: `much` sets nothing"),
        ("action=pull&base=debian-12&url=https://127.0.0.1:1/x", "digest: what comes from elsewhere needs its digest"),
        ("action=melt", "-: there is nothing to do called `melt`"),
    ] {
        assert_eq!(served.refuses("/images", &cookie, form), [wrong], "{form}");
    }
    let kept = served.post("/images", &cookie, "action=bake&blueprint=nginx&set=much");
    assert!(
        kept.body.contains("spellcheck=\"false\" aria-invalid=\"true\" aria-describedby=\"e-set\">\nmuch</textarea>")
    );
    // A download that nobody answers: the operation tells.
    let digest = format!("sha256:{}", "0".repeat(64));
    let form = format!("action=pull&base=ubuntu-24.04&digest={digest}&url=https://127.0.0.1:1/x");
    let begun = served.post("/images", &cookie, &form);
    let page = served.ended(begun.field("location").expect("an operation"), &cookie);
    assert!(page.contains("</span>failed</span>") && page.contains("<h1>pull ubuntu-24.04</h1>"), "{page}");
    let begun = served.post("/images", &cookie, "action=bake&blueprint=nginx");
    let operation = begun.field("location").expect("an operation").to_owned();
    assert_eq!(part(&served.get(&operation, &cookie).body, "<h1>", "</h1>").split(".").next(), Some("bake nginx"));
    assert_eq!(served.post(&format!("{operation}/cancel"), &cookie, "").status, 303);
    let page = served.ended(&operation, &cookie);
    assert!(page.contains("</span>failed</span>"), "{page}");
}

#[test]
fn who_may_not_make_images_or_remotes_sees_them_and_is_offered_nothing() {
    let (served, _) = house();
    let vera = served.log_in(&served.add("olga", Role::Operator, Scope::All));
    for path in ["/images", "/images/debian-13", "/remotes", "/remotes/vault"] {
        let page = served.get(path, &vera);
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.body.contains(&format!("<form method=\"post\" action=\"{path}\"")), "{path}: {}", page.body);
        assert_eq!(served.post(path, &vera, "action=remove").status, 403, "{path}");
    }
}

#[test]
fn a_key_pair_is_kept_made_shown_once_and_deleted_by_its_name() {
    let (served, cookie) = house();
    let list = |cookie: &str| names(&served.get("/key-pairs", cookie).body);
    assert_eq!(list(&cookie), ["laptop", "skeleton"]);
    assert_eq!(served.refuses("/key-pairs", &cookie, "name=No+Name&public="), ["name: `No Name` is not a valid name"]);
    assert_eq!(served.refuses("/key-pairs", &cookie, "name=laptop&public=").len(), 1);
    let wrong = served.post("/key-pairs", &cookie, "name=other&public=nonsense");
    assert_eq!((wrong.status, value(&wrong.body, "name\" type=\"text")), (400, "other"));
    assert!(
        wrong.body.contains("<a href=\"#f-public\">") && wrong.body.contains(">\nnonsense</textarea>"),
        "{}",
        wrong.body
    );
    let made = served.post("/key-pairs", &cookie, "name=desk&public=").body;
    let private = part(&made, "<pre>", "</pre>");
    assert!(private.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"), "{made}");
    let public = part(&made, "<dt>Public key</dt><dd><code>", "</code>").to_owned();
    let one = served.get("/key-pairs/desk", &cookie).body;
    assert_eq!(fact(&one, "Public key"), format!("<code>{public}</code>"));
    assert!(!one.contains("PRIVATE"), "{one}");
    assert_eq!(
        served.does(
            "/key-pairs",
            &cookie,
            &format!("name=same&public={}", public.replace(' ', "%20").replace('+', "%2B"))
        ),
        "/key-pairs"
    );
    assert_eq!(
        served.refuses("/key-pairs/desk", &cookie, "action=delete&confirm=des"),
        ["confirm: `des` is not its name"]
    );
    served.does("/key-pairs/desk", &cookie, "action=delete&confirm=desk");
    assert_eq!(list(&cookie), ["laptop", "same", "skeleton"]);
    let anna = acme(&served);
    assert_eq!(list(&anna), ["laptop"], "what has no tag of hers is not there");
    assert_eq!(served.get("/key-pairs/skeleton", &anna).status, 404);
    served.post("/key-pairs", &anna, "name=hers&public=");
    assert_eq!(list(&anna), ["hers", "laptop"]);
    let vera = served.log_in(&served.add("otto", Role::Viewer, Scope::All));
    assert!(!served.get("/key-pairs", &vera).body.contains("Keep a key pair"));
    assert_eq!(served.post("/key-pairs", &vera, "name=no&public=").status, 403);
    let audit = served.audit();
    let last: Vec<&str> = audit.iter().map(String::as_str).filter(|row| row.contains("key-pair")).collect();
    assert!(last.contains(&"anna 127.0.0.1 key-pair-create hers done"), "{last:?}");
}

#[test]
fn an_instance_is_made_with_the_key_pairs_that_are_ticked() {
    let (served, cookie) = house();
    let page = served.get("/create?blueprint=debian-13", &cookie).body;
    assert!(page.contains("name=\"key_pair\" value=\"laptop\"> laptop</label>"), "{page}");
    let form = "blueprint=debian-13&bundle=nano&name=new&key_pair=";
    let refused = served.refuses("/create", &cookie, &format!("{form}none"));
    assert_eq!(refused, ["key_pair: there is no key pair `none`"]);
    let planned = served.post("/create", &cookie, &format!("{form}laptop&plan=yes"));
    assert_eq!(planned.status, 200, "{}", planned.body);
    assert!(planned.body.contains("value=\"laptop\" checked> laptop</label>"), "{}", planned.body);
    let hers = served.post("/create", &acme(&served), &format!("{form}skeleton"));
    assert_eq!(hers.status, 400, "another's key pair is not there");
    let begun = served.post("/create", &cookie, &format!("{form}laptop"));
    assert!(begun.field("location").is_some_and(|to| to.starts_with("/operations/op-")), "{begun:?}");
    let laptop = served.get("/key-pairs/laptop", &cookie).body;
    let key = part(&laptop, "<dt>Public key</dt><dd><code>", "</code>").to_owned();
    let seed = || {
        let query = "SELECT coalesce(seed, '') FROM instance WHERE name = 'new'";
        served.world.engine().store.read().query_row(query, [], |row| row.get::<_, String>(0)).expect("read")
    };
    assert!((0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(20));
        seed().contains(&key)
    }));
}

#[test]
fn a_remote_is_added_checked_and_forgotten_and_its_secrets_stay_where_they_are() {
    let (served, cookie) = house();
    let place = served.world.state().with_file_name("elsewhere");
    let form = |name: &str, location: &str, more: &str| format!("name={name}&location={location}{more}");
    let (bucket, none) = ("s3%3A%2F%2Fsrv%2Fbin", "a bucket is opened by two keys, and this is none");
    let keys = |id: &str, secret: &str| format!("&bucket_key={id}&bucket_secret={secret}");
    for (form, wrong) in [
        (form("near", bucket, &keys("a+b", "hunter2")), vec![format!("bucket_key: {none}")]),
        (
            form("near", bucket, &keys("a", "hunter2%0Acredential_process+%3D+sh")),
            vec![format!("bucket_secret: {none}")],
        ),
        (form("near", bucket, ""), vec![format!("bucket_key: {none}"), format!("bucket_secret: {none}")]),
        (
            form("near", "%2Fmnt%2Fusb", &keys("", "hunter2")),
            vec!["bucket_key: these keys are for `s3://` alone".to_owned()],
        ),
        (form("vault", "%2Fmnt%2Fusb", ""), vec!["name: there is a remote `vault` already".to_owned()]),
        (
            form("near", "%2Fsrv%2Fvault", "&password=hunter2"),
            vec!["name: `/srv/vault` is remote `vault` already".to_owned()],
        ),
    ] {
        assert_eq!(served.refuses("/remotes", &cookie, &form), wrong, "{form}");
        let answer = served.post("/remotes", &cookie, &form);
        assert!(!answer.body.contains("hunter2"), "{form}: {}", answer.body);
    }
    let refused = served.refuses("/remotes", &cookie, &form("No+Name", "relative", ""));
    let fields: Vec<&str> = refused.iter().map(|one| one.split(':').next().unwrap_or_default()).collect();
    assert_eq!(fields, ["name", "location"], "{refused:?}");
    served.does("/remotes", &cookie, &form("near", &place.display().to_string().replace('/', "%2F"), "&password="));
    assert_eq!(names(&served.get("/remotes", &cookie).body), ["near", "vault"]);
    let page = served.get("/remotes/near", &cookie).body;
    assert_eq!(fact(&page, "Where"), place.display().to_string());
    assert_eq!(told(&served.post("/remotes/near", &cookie, "action=check").body), "<code>near</code> is in order.");
    let shown = served.post("/remotes/near", &cookie, "action=password").body;
    let password = part(&shown, "<dt>Password</dt><dd><code>", "</code>");
    assert_eq!(password.len(), 32, "{shown}");
    assert!(!page.contains(password));
    assert!(served.audit().contains(&"root 127.0.0.1 remote-secrets near done".to_owned()), "{:?}", served.audit());
    // What lasts wants a log-in of late.
    served.world.sql("UPDATE session SET began_at = began_at - 3600000000");
    for (path, form) in
        [("/remotes/near", "action=password".to_owned()), ("/remotes", form("more", "%2Ftmp%2Fmore", ""))]
    {
        assert_eq!(served.refuses(path, &cookie, &form), ["-: the log-in is too long ago for this"], "{path}");
    }
    assert_eq!(served.refuses("/remotes/near", &cookie, "action=remove&confirm="), ["confirm: `` is not its name"]);
    served.does("/remotes/near", &cookie, "action=remove&confirm=near");
    assert_eq!((served.get("/remotes/near", &cookie).status, place.join("config").exists()), (404, true));
    let nobody = served.post("/remotes/vault", &cookie, "action=check");
    assert_eq!(nobody.status, 400, "{}", nobody.body);
}

#[test]
fn a_snapshot_is_copied_to_a_remote_from_its_page() {
    let world = World::new();
    ready_to_push(&world);
    assert!(far(&world).exists());
    let served = Served::of(world, |_| {});
    let cookie = served.root();
    assert!(served.get("/snapshots/kept", &cookie).body.contains("<option>far</option>"));
    let refused = served.refuses("/snapshots/kept", &cookie, "action=push&remote=near");
    assert_eq!(refused, ["remote: there is no remote `near`"]);
    served.does("/snapshots/kept", &cookie, "action=push&remote=far");
    let whole = served.world.engine();
    let remote = whole.store.require_remote(&lite::model::Name::parse("far").expect("a name")).expect("there");
    let found = engine::remote_contents(&whole.settings, &remote, &std::sync::atomic::AtomicBool::new(false));
    assert_eq!(found.expect("told").snapshots.len(), 1);
}
