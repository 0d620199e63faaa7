//! A document of each command, with nothing left out.

mod host;
mod monitoring;
mod storage;

use std::collections::BTreeMap;

use lite::{
    model::{
        AlarmState, Certificate, CertificateState, Code, Currency, DesiredState, Domain, Error, Event, EventData,
        EventKind, Hint, InstanceState, JobState, Metric, Missing, Money, NetworkMode, Notify, Port, Protocol,
        Publication, ResourceKind, Role, Rule, Rules, Service, Site, Size, Statistic, Tag,
    },
    view::{self, Versioned},
};
use serde::Serialize;
use serde_json::Value;

fn row(name: &str) -> view::ListRow {
    view::ListRow {
        name: name.to_owned(),
        uuid: uuid::Uuid::nil(),
        state: InstanceState::Running,
        health: Some("ok".to_owned()),
        blueprint: "nginx".to_owned(),
        blueprint_version: "1".to_owned(),
        image_digest: "00ff".to_owned(),
        base: "debian-13".to_owned(),
        bundle: "nano".to_owned(),
        vcpus: 2,
        memory: Size::mib(512),
        disk: Size::mib(20 << 10),
        static_address: None,
        address: Some([192, 0, 2, 1].into()),
        address6: "2001:db8::1".parse().ok(),
        network: NetworkMode::Nat,
        ports: Service::parse("80/tcp").into_iter().collect(),
        published: vec![publication()],
        sites: vec![site()],
        price: Money::hundredths(500),
        currency: usd(),
        job: Some(text("job-0123abcd")),
        tags: Tag::parse("live").into_iter().collect(),
        created_at: now(),
        last_snapshot: Some(now()),
        power: InstanceState::Running,
        firewall: Vec::new(),
        transfer: Size::mib(1 << 20),
        asked: None,
    }
}

/// A domain whose certificate is there.
fn site() -> view::SiteView {
    let domain = Domain::parse("müller.example").expect("a domain");
    let certificate = Certificate {
        domain: domain.clone(),
        state: CertificateState::Issued,
        file: Some(text("a.pem")),
        not_after: Some(now()),
        due: now(),
        failures: 1,
        tried: vec![now()],
        error: Some(text("refused")),
        challenge: None,
        unused_since: None,
    };
    view::SiteView::new(Site { domain, guest_port: 80, sources: publication().sources }, Some(certificate))
}

fn usd() -> Currency {
    Currency::parse("USD").expect("a currency")
}

fn now() -> jiff::Timestamp {
    "2026-03-01T10:20:30Z".parse().expect("a time")
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn alarm() -> view::AlarmRow {
    view::AlarmRow {
        name: text("a"),
        instance: Some(text("web")),
        load_balancer: None,
        state: AlarmState::Ok,
        since: now(),
        metric: Metric::CpuUtilization,
        condition: text(">= 90"),
        datapoints: 3,
        of: 5,
        period_minutes: 1,
        muted_until: Some(now()),
    }
}

/// A document of each row of the page, in its order.
pub fn documents() -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    documents_of_instances(&mut all);
    documents_of_the_catalog(&mut all);
    host::documents_of_the_host(&mut all);
    monitoring::documents_of_monitoring(&mut all);
    all
}

fn add(all: &mut Vec<(&'static str, Value)>, commands: &'static str, document: &impl Serialize) {
    all.push((commands, serde_json::to_value(Versioned::new(document)).expect("JSON")));
}

fn publication() -> Publication {
    Publication {
        address: Some([192, 0, 2, 7].into()),
        port: 8080,
        protocol: Protocol::Tcp,
        guest_port: 80,
        sources: vec!["192.0.2.0/24".parse().expect("a network")],
    }
}

fn rules() -> Rules {
    Rule::try_from(text("80/tcp from 192.0.2.0/24")).into_iter().collect()
}

fn documents_of_instances(all: &mut Vec<(&'static str, Value)>) {
    let rows = [row("web")];
    add(all, "`list`", &view::ListDocument::of(&rows, &storage::rows(), Some(disk())));
    let shown = view::ShowView {
        row: row("web"),
        desired_state: DesiredState::Running,
        kept_until: Some(now()),
        blueprint_version: text("1"),
        transfer: text("1 TiB"),
        mac: lite::model::Mac::ours([0, 0, 1]),
        firewall: view::OpenService::all(&rules()),
        image_digest: text("00ff"),
        outputs: vec![(text("URL"), text("http://x/"))],
        power: InstanceState::Running,
        drift: vec![lite::model::Drift { what: "name", recorded: text("web"), now: text("x") }],
        metrics: BTreeMap::from([("CPUUtilization", 1.5)]),
        failure: Some(text("x")),
        storage: storage::rows(),
        operation: Some(text("op-1")),
        host_key: Some(text("ssh-ed25519 x")),
        os: Some(text("Debian GNU/Linux 13 (trixie)")),
        reboot_required: Some(false),
    };
    add(all, "`show`", &view::ShowDocument { instances: &[shown] });
    let created = view::CreatedView {
        name: text("web"),
        uuid: uuid::Uuid::nil(),
        state: InstanceState::Running,
        ready: true,
        blueprint: text("nginx"),
        bundle: text("nano"),
        outputs: vec![(text("URL"), text("http://x/"))],
        address: Some([192, 0, 2, 1].into()),
        address6: "2001:db8::1".parse().ok(),
        price: Money::hundredths(500),
        currency: usd(),
        secrets: vec![view::ShownSecret { label: text("ADMIN"), user: Some(text("admin")), value: "x".into() }],
        operation: text("op-1"),
        image: view::ImageUsed { id: Some(text("debian-13")), digest: text("00ff"), baked: false },
        stages: vec![view::StageTime { name: text("boot"), milliseconds: 1 }],
    };
    add(all, "`create`, `import`", &view::CreatedDocument { instance: &created });
    let job = view::JobRow {
        id: text("job-0123abcd"),
        state: JobState::Waiting,
        place: Some(1),
        command: text("true"),
        blueprint: text("debian-13"),
        bundle: text("nano"),
        instance: Some(text("job-debian-13-1")),
        keep: false,
        exit_code: Some(0),
        error: Some(text("x")),
        actor: text("root"),
        created_at: now(),
        started_at: Some(now()),
        ended_at: Some(now()),
    };
    add(all, "`run --list`", &view::JobsDocument { jobs: &[job] });
    let plan = view::PlanView { facts: vec![(text("name"), text("web"))], steps: vec![text("start")] };
    add(all, "`create`, `import` and `run` with `--dry-run`", &view::PlanDocument { dry_run: true, plan: &plan });
    add(all, "`image bake --dry-run`", &view::PlansDocument { dry_run: true, plans: &[plan] });
    let receipt = view::Receipt {
        name: text("web"),
        removed: vec![text("disk")],
        kept: vec!["image".into()],
        kept_until: Some(now()),
    };
    let deleted = view::DeletedRow {
        name: text("web"),
        uuid: uuid::Uuid::nil(),
        kept_until: now(),
        blueprint: text("nginx"),
        bundle: text("nano"),
        disk: Size::mib(20 << 10),
        tags: Tag::parse("live").into_iter().collect(),
    };
    add(all, "`list --deleted`", &view::DeletedDocument { deleted: &[deleted] });
    add(all, "`delete`, `gc`, `image prune`", &view::ReceiptsDocument { dry_run: false, receipts: &[receipt] });
    let changed = [view::Changed::new("web", "running")];
    let commands = "`start`, `stop`, `reboot`, `restore`, `upgrade`, `undelete`, `protect`, `unprotect`, `repair NAME`, `image remove`, `operations cancel`, `run --cancel`, `alarm put`, `alarm delete`, `alarm test`, \
                    `alarm mute`, `ip release`, `lb delete`, `disk delete`, `snapshot delete`, `snapshot auto`, `snapshot push`, `snapshot verify`, `remote check`, `remote delete`, `remote remove`, `export`, `contact remove`, `user role`, `user disable`, `user enable`, `user logout`, `user remove`, `key disable`, `key enable`, `key remove`, `contact test`, `contact verify`, `contact redeliver`, `cp`";
    add(all, commands, &view::ChangedDocument { changed: &changed });
    let planned = view::PlannedDocument { dry_run: true, changed: &changed };
    add(all, "`image build`, `pull`, `import` and `remove` with `--dry-run`", &planned);
    storage::documents_of_sizes(all);
    let name = lite::model::Name::parse("web").expect("a name");
    let static_ip = view::StaticIpRow {
        name: text("site"),
        address: [192, 0, 2, 7].into(),
        instance: Some(text("web")),
        created_at: now(),
    };
    let document = view::StaticIpsDocument { static_ips: &[static_ip] };
    add(all, "`ip allocate`, `ip attach`, `ip detach`, `ip list`, `ip show`", &document);
    let target = view::TargetView {
        name: text("web"),
        address: Some([192, 0, 2, 1].into()),
        state: lite::model::TargetState::Healthy,
        reason: Some(text("x")),
    };
    let balancer = view::LoadBalancerView {
        id: uuid::Uuid::nil(),
        name: text("shop"),
        domain: lite::model::Domain::parse("shop.example.org").ok(),
        listen: Some(8080),
        urls: vec![text("http://shop.example.org/")],
        instance_port: 80,
        health_path: text("/"),
        sticky: true,
        certificate: Some(lite::model::CertificateState::Issued),
        valid_until: Some(now()),
        error: Some(text("x")),
        targets: vec![target],
        created_at: now(),
    };
    let document = view::LoadBalancersDocument { load_balancers: &[balancer] };
    add(all, "`lb create`, `lb attach`, `lb detach`, `lb list`, `lb show`", &document);
    storage::documents_of_storage(all);
    let published = view::PublishedView {
        sites: vec![site()],
        unanswered: vec![publication()],
        ..view::PublishedView::new(&name, vec![publication()], Some([192, 0, 2, 7].into()))
    };
    add(all, "`publish`, `unpublish`", &published);
    add(all, "`firewall`", &view::FirewallView::new(&name, &rules()));
    add(all, "`tag`", &view::TagsView { name: text("web"), tags: Tag::parse("live").into_iter().collect() });
    add(all, "`repair`", &view::RepairView { dry_run: false, actions: vec![text("undid it")] });
    let rebuilt = view::RebuiltView { name: text("web"), lost: vec!["passwords"], salvaged: vec!["host key"] };
    let rebuild = view::RebuildView {
        set_aside: Some(text("x")),
        rebuilt: vec![rebuilt],
        snapshots: vec![text("kept")],
        disks: vec![text("disk-0a1b2c3d")],
        remotes: vec![text("far")],
        load_balancers: vec![text("front")],
        static_addresses: vec![text("site")],
        refused: vec![text("y")],
    };
    add(all, "`repair --rebuild`", &rebuild);
    let plan = view::RebuildPlan {
        dry_run: true,
        damaged: true,
        instances: vec![text("web")],
        remotes: vec![text("far")],
        load_balancers: vec![text("front")],
        static_addresses: vec![text("site")],
    };
    add(all, "`repair --rebuild --dry-run`", &plan);
    add(all, "`cost`", &view::CostDocument::of(&rows, &storage::rows()));
    let secret =
        view::SecretView { name: text("admin"), description: text("x"), user: Some(text("admin")), value: "x".into() };
    add(all, "`secrets`", &view::SecretsDocument { instance: "web", secrets: &[secret] });
}

fn disk() -> view::DiskView {
    let gib = Size::mib(1 << 10);
    view::DiskView { promised: gib, limit: gib, used: gib, free: gib, reserve: gib }
}

fn documents_of_the_catalog(all: &mut Vec<(&'static str, Value)>) {
    let bundle = view::BundleRow {
        id: text("nano"),
        vcpus: 2,
        memory: Size::mib(512),
        disk: Size::mib(20 << 10),
        transfer: Size::mib(1 << 20),
        price: Money::hundredths(500),
        currency: usd(),
        fits: Some(1),
        short: vec!["memory"],
    };
    add(all, "`bundles`", &view::BundlesDocument { bundles: &[bundle], disk: Some(disk()) });
    let blueprint = view::BlueprintView {
        id: text("nginx"),
        group: text("app"),
        version: text("1"),
        title: text("x"),
        description: text("x"),
        bases: vec![text("debian-13")],
        min_memory: Size::mib(512),
        min_disk: Size::mib(5 << 10),
        smallest_bundle: Some(text("nano")),
        ports: Port::parse("80/tcp").into_iter().collect(),
        parameters: vec![view::ParameterView {
            name: text("title"),
            description: text("x"),
            default: Some(text("Hi")),
        }],
        secrets: vec![text("admin")],
        verified: vec![view::VerifiedView {
            base: text("debian-13"),
            how: text("boot"),
            date: Some(jiff::civil::date(2026, 3, 1)),
            image: Some(text("00ff")),
            seconds: Some(70),
        }],
        health: Some(text("port 80 accepts")),
        user: text("debian"),
    };
    add(all, "`blueprints`, `blueprints show`", &view::BlueprintsDocument { blueprints: &[blueprint] });
    let fault = view::FaultView { file: text("a.yaml"), line: Some(1), key: Some(text("id")), message: text("x") };
    add(all, "`blueprints check`", &view::CheckDocument { files: 1, faults: &[fault] });
    let test = view::TestView {
        blueprint: text("nginx"),
        version: text("1"),
        base: text("debian-13"),
        booted: true,
        image: Some(text("00ff")),
        stages: vec![view::StageTime { name: text("boot"), milliseconds: 1 }],
        error: Some(failure()),
    };
    add(all, "`blueprints test`", &view::TestsDocument::of(&[test]));
    let outdated = view::OutdatedRow {
        name: text("web"),
        blueprint: text("nginx"),
        version: text("1"),
        today: Some(text("2")),
        command: Some(text("lite upgrade web")),
        created_at: now(),
    };
    add(all, "`blueprints outdated`", &view::OutdatedDocument { outdated: &[outdated] });
    let image = view::ImageRow {
        id: text("nginx.x"),
        origin: text("baked"),
        size: Size::mib(200),
        digest: text("00ff"),
        used_by: vec![text("web")],
        created_at: now(),
        age: jiff::SignedDuration::ZERO,
        baked: Some(view::BakedView {
            blueprint: text("nginx"),
            version: text("1"),
            base: text("debian-13"),
            parameters: BTreeMap::from([(text("title"), text("Hi"))]),
            current: true,
            warm: Some(view::WarmView { vcpus: 2, memory: Size::mib(512), size: Size::mib(200), qemu: text("10.0.2") }),
        }),
    };
    let commands = "`image list`, `image build`, `image pull`, `image import`, `image bake`, `image warm`";
    add(all, commands, &view::ImagesDocument { images: &[image] });
}

fn failure() -> Error {
    Error::new(Code::NoSuchInstance, "x").cause("y").hint("z")
}
