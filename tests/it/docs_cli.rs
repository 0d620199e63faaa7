//! `docs/cli.md` says what is so: each document it shows has the shape that is printed, and no command is forgotten.

use std::{collections::BTreeMap, path::Path};

use lite::{
    model::{
        AlarmState, Code, Currency, Error, Event, EventData, EventKind, InstanceState, Metric, Missing, Money,
        NetworkMode, Notify, Port, Size, Statistic, Tag, Wanted,
    },
    view::{self, Versioned},
};
use serde::Serialize;
use serde_json::Value;

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md")).expect("the page")
}

/// The documents of the page: the commands of a row, and its shape.
fn rows() -> Vec<(String, String)> {
    let page = page();
    let table = page.split("\n| command | document |\n").nth(1).and_then(|t| t.split("\n\n").next()).expect("a table");
    let rows = table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("|-"));
    rows.map(|line| {
        let (commands, rest) = line[2..].split_once(" | `").expect("two cells");
        (commands.to_owned(), rest.split('`').next().expect("a shape").to_owned())
    })
    .collect()
}

/// What a key of the page holds whose value is neither text nor null.
fn words(heading: &str) -> Vec<String> {
    let page = page();
    let line = page.lines().find_map(|l| l.strip_prefix(&format!("- {heading}: "))).expect("a line");
    line.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The shape of a value: its keys, and what those of objects below hold.
fn shape(value: &Value, free: &[String]) -> String {
    let Value::Object(fields) = value else { panic!("no object: {value}") };
    let one = |(key, value): (&String, &Value)| match value {
        Value::Object(inner) if !free.contains(key) && !inner.is_empty() => format!("{key}: {}", shape(value, free)),
        Value::Array(items) => match items.first() {
            Some(Value::Object(_)) => format!("{key}: [{}]", shape(&items[0], free)),
            _ => key.clone(),
        },
        _ => key.clone(),
    };
    format!("{{{}}}", fields.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// Every leaf of a value, by its key.
fn leaves<'a>(value: &'a Value, free: &[String], found: &mut Vec<(&'a str, &'a Value)>) {
    let Value::Object(fields) = value else { return };
    for (key, value) in fields {
        match value {
            Value::Object(_) if !free.contains(key) => leaves(value, free, found),
            Value::Array(items) if items.first().is_some_and(Value::is_object) => {
                items.iter().for_each(|item| leaves(item, free, found));
            }
            _ => found.push((key, value)),
        }
    }
}

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
        address: Some([192, 0, 2, 1].into()),
        network: NetworkMode::Nat,
        ports: Port::parse("80/tcp").into_iter().collect(),
        price: Money::hundredths(500),
        currency: usd(),
        tags: Tag::parse("live").into_iter().collect(),
        created_at: now(),
    }
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
        instance: text("web"),
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
fn documents() -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    documents_of_instances(&mut all);
    documents_of_the_catalog(&mut all);
    documents_of_the_host(&mut all);
    documents_of_monitoring(&mut all);
    all
}

fn add(all: &mut Vec<(&'static str, Value)>, commands: &'static str, document: &impl Serialize) {
    all.push((commands, serde_json::to_value(Versioned::new(document)).expect("JSON")));
}

fn documents_of_instances(all: &mut Vec<(&'static str, Value)>) {
    let rows = [row("web")];
    add(all, "`list`", &view::ListDocument::of(&rows));
    let shown = view::ShowView {
        row: row("web"),
        wanted: Wanted::Running,
        blueprint_version: text("1"),
        transfer: text("1 TiB"),
        mac: lite::model::Mac::ours([0, 0, 1]),
        image_digest: text("00ff"),
        outputs: vec![(text("URL"), text("http://x/"))],
        power: InstanceState::Running,
        drift: vec![lite::model::Drift { what: "name", recorded: text("web"), now: text("x") }],
        metrics: BTreeMap::from([("CPUUtilization", 1.5)]),
        failure: Some(text("x")),
        operation: Some(text("op-1")),
        host_key: Some(text("ssh-ed25519 x")),
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
        price: Money::hundredths(500),
        currency: usd(),
        secrets: vec![view::ShownSecret { label: text("ADMIN"), user: Some(text("admin")), value: "x".into() }],
        operation: text("op-1"),
        image: view::ImageUsed { id: Some(text("debian-13")), digest: text("00ff"), baked: false },
        stages: vec![view::StageTime { name: text("boot"), milliseconds: 1 }],
    };
    add(all, "`create`", &view::CreatedDocument { instance: &created });
    let plan = view::PlanView { facts: vec![(text("name"), text("web"))], steps: vec![text("start")] };
    add(all, "`create --dry-run`", &view::PlanDocument { dry_run: true, plan: &plan });
    add(all, "`image bake --dry-run`", &view::PlansDocument { dry_run: true, plans: &[plan] });
    let receipt = view::Receipt { name: text("web"), removed: vec![text("disk")], kept: vec![text("image")] };
    add(all, "`delete`, `gc`, `image prune`", &view::ReceiptsDocument { dry_run: false, receipts: &[receipt] });
    let changed = [view::Changed::new("web", "running")];
    let commands = "`start`, `stop`, `reboot`, `protect`, `unprotect`, `repair NAME`, `image remove`, `operations cancel`, `alarm put`, `alarm delete`, `alarm test`, \
                    `alarm mute`, `contact remove`, `contact test`, `contact redeliver`";
    add(all, commands, &view::ChangedDocument { changed: &changed });
    let planned = view::PlannedDocument { dry_run: true, changed: &changed };
    add(all, "`image build`, `pull`, `import` and `remove` with `--dry-run`", &planned);
    add(all, "`tag`", &view::TagsView { name: text("web"), tags: Tag::parse("live").into_iter().collect() });
    add(all, "`repair`", &view::RepairView { dry_run: false, actions: vec![text("undid it")] });
    let rebuilt = view::RebuiltView { name: text("web"), lost: vec!["passwords"], salvaged: vec!["host key"] };
    let rebuild = view::RebuildView { set_aside: Some(text("x")), rebuilt: vec![rebuilt], refused: vec![text("y")] };
    add(all, "`repair --rebuild`", &rebuild);
    let plan = view::RebuildPlan { dry_run: true, damaged: true, instances: vec![text("web")] };
    add(all, "`repair --rebuild --dry-run`", &plan);
    add(all, "`cost`", &view::CostDocument::of(&rows));
    let secret =
        view::SecretView { name: text("admin"), description: text("x"), user: Some(text("admin")), value: "x".into() };
    add(all, "`secrets`", &view::SecretsDocument { instance: "web", secrets: &[secret] });
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
    };
    add(all, "`bundles`", &view::BundlesDocument { bundles: &[bundle] });
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
        }),
    };
    let commands = "`image list`, `image build`, `image pull`, `image import`, `image bake`";
    add(all, commands, &view::ImagesDocument { images: &[image] });
}

fn failure() -> Error {
    Error::new(Code::NoSuchInstance, "x").cause("y").hint("z")
}

fn documents_of_the_host(all: &mut Vec<(&'static str, Value)>) {
    let operation = || view::OperationRow {
        id: text("op-1"),
        kind: text("create"),
        resource: text("web"),
        instance: Some(uuid::Uuid::nil()),
        state: text("failed"),
        started_at: now(),
        milliseconds: Some(1),
        error: Some(text("x")),
    };
    add(all, "`operations`", &view::OperationsDocument { operations: &[operation()] });
    let step = view::StepView { name: text("seed"), state: text("done"), error: Some(text("x")) };
    let shown = view::OperationView {
        row: operation(),
        stage: Some(text("image")),
        note: Some(text("download")),
        done_bytes: Some(1),
        total_bytes: Some(2),
        steps: vec![step],
    };
    add(all, "`operations show`", &view::OperationsDocument { operations: &[shown] });
    let check = view::CheckView {
        name: text("libvirt"),
        verdict: view::Verdict::Ok,
        sentence: text("x"),
        fix: Some(text("x")),
    };
    add(all, "`doctor`", &view::DoctorDocument::of(&[check]));
    let audit = view::AuditView {
        findings: vec![view::FindingView {
            kind: text("orphan"),
            subject: text("x"),
            problem: text("x"),
            fix: text("x"),
        }],
        unknown: vec![view::UnknownView::of("domains", &failure())],
        scanned: vec![("domains", 1)],
        exit_code: 1,
    };
    add(all, "`doctor --audit`", &audit.document());
    add(all, "`watch --install`", &view::UnitView { unit: "lite-watch.service".into() });
}

fn documents_of_monitoring(all: &mut Vec<(&'static str, Value)>) {
    let metric = Metric::CpuUtilization;
    let latest = view::MetricRow { metric, unit: metric.unit(), point: Some((now(), 1.5)) };
    add(all, "`metrics`", &view::MetricsDocument::of("web", &[latest]));
    let point = view::MetricPoint { at: now(), seconds: 60, average: 1.5, minimum: 1.5, maximum: 1.5, sum: 1.5 };
    let over_time = view::MetricView {
        instance: text("web"),
        metric,
        unit: metric.unit(),
        from: now(),
        to: now(),
        points: vec![point],
    };
    add(all, "`metrics --metric`", &over_time);
    add(all, "`alarm list`", &view::AlarmsDocument { alarms: &[alarm()] });
    let shown = view::AlarmView {
        row: alarm(),
        statistic: Statistic::Average,
        missing: Missing::Missing,
        notify: vec![Notify::Alarm],
        repeat_minutes: 240,
        reason: text("x"),
        incident: Some(text("in-1")),
    };
    add(all, "`alarm show`", &view::AlarmsDocument { alarms: &[shown] });
    let secret = view::SecretOnce { name: text("ops"), secret: text("whsec_x") };
    add(all, "`contact add`, `contact rotate`", &view::ContactsDocument { contacts: &[secret] });
    let contact = view::ContactRow {
        name: text("ops"),
        url: text("https://x"),
        format: text("standard"),
        private: false,
        waiting: 1,
        dead: 1,
        lost: 1,
        disabled: Some(text("x")),
    };
    add(all, "`contact list`", &view::ContactsDocument { contacts: &[contact] });
    let delivery = view::DeliveryRow {
        id: text("msg_1"),
        contact: text("ops"),
        made_at: now(),
        what: text("alarm.firing"),
        state: text("queued"),
        attempts: 1,
        next_at: Some(now()),
        status: Some(500),
        error: Some(text("x")),
    };
    add(all, "`contact deliveries`", &view::DeliveriesDocument { deliveries: &[delivery] });
    let event = Event { at: now(), kind: EventKind::HostCapacity, data: EventData::says("x"), suppressed: false };
    let event = view::EventRow { id: 1, title: text("x"), event };
    add(all, "`events`, `alarm history`", &view::EventsDocument::of(&[event]));
    add(all, "an error", &view::ErrorView::from(&failure()));
}

/// A shape of the page with its keys in alphabetical order, as those of [`shape`] are.
fn sorted(text: &str) -> String {
    let mut rest = text;
    let sorted = object(&mut rest);
    assert_eq!(rest, "", "{text}");
    sorted
}

fn object(rest: &mut &str) -> String {
    let mut keys = BTreeMap::new();
    *rest = rest.strip_prefix('{').unwrap_or_else(|| panic!("no object: {rest}"));
    loop {
        let end = rest.find([',', ':', '}']).unwrap_or_else(|| panic!("no end: {rest}"));
        let (key, after) = rest.split_at(end);
        *rest = after;
        let mut below = String::new();
        if let Some(value) = rest.strip_prefix(": ") {
            *rest = value.strip_prefix('[').unwrap_or(value);
            let inner = object(rest);
            below = match value.starts_with('[') {
                true => format!(": [{inner}]"),
                false => format!(": {inner}"),
            };
            *rest = if value.starts_with('[') { rest.strip_prefix(']').expect("closed") } else { rest };
        }
        keys.insert(key.trim().to_owned(), below);
        match rest.strip_prefix(", ") {
            Some(next) => *rest = next,
            None => break,
        }
    }
    *rest = rest.strip_prefix('}').unwrap_or_else(|| panic!("not closed: {rest}"));
    format!("{{{}}}", keys.iter().map(|(k, below)| format!("{k}{below}")).collect::<Vec<_>>().join(", "))
}

#[test]
fn every_document_has_the_shape_that_is_shown() {
    let free = words("objects with keys of their own");
    let printed: Vec<(String, String)> =
        documents().iter().map(|(commands, value)| ((*commands).to_owned(), shape(value, &free))).collect();
    let shown: Vec<(String, String)> = rows().into_iter().map(|(commands, text)| (commands, sorted(&text))).collect();
    for (printed, shown) in printed.iter().zip(&shown) {
        assert_eq!(shown, printed);
    }
    assert_eq!(shown.len(), printed.len());
}

#[test]
fn every_value_is_of_the_type_that_is_said() {
    let free = words("objects with keys of their own");
    let text_too = words("text in another document");
    let (numbers, truths, lists) = (words("numbers"), words("true or false"), words("lists of text"));
    let documents = documents();
    let mut seen = std::collections::BTreeSet::new();
    for (commands, document) in &documents {
        let mut found = Vec::new();
        leaves(document, &free, &mut found);
        for (key, value) in found {
            let is_in = |list: &[String]| list.iter().any(|k| k == key || key.ends_with("_bytes") && k == "…_bytes");
            let wanted = match value {
                Value::Number(_) => is_in(&numbers),
                Value::Bool(_) => is_in(&truths),
                Value::Array(items) => is_in(&lists) && items.iter().all(Value::is_string),
                Value::Object(_) => is_in(&free),
                _ => is_in(&text_too) || ![&numbers, &truths, &lists, &free].into_iter().any(|list| is_in(list)),
            };
            assert!(wanted, "{commands}: `{key}` is {value}");
            seen.insert(if key.ends_with("_bytes") { "…_bytes" } else { key });
        }
    }
    for key in [numbers, truths, lists, free].concat() {
        assert!(seen.contains(key.as_str()), "`{key}` is in no document");
    }
}

#[test]
fn every_command_that_takes_json_is_in_the_table() {
    // What they print is not a document of lite's, or comes line by line.
    const WITHOUT: [&str; 5] = ["ssh", "console", "logs", "completion", "man"];
    let text: String = rows().into_iter().map(|(commands, _)| commands).collect::<Vec<_>>().join(" ");
    let command = lite::cli::command(80);
    for verb in command.get_subcommands().filter(|v| !WITHOUT.contains(&v.get_name())) {
        let name = verb.get_name();
        let below: Vec<String> = verb.get_subcommands().map(|s| format!("{name} {}", s.get_name())).collect();
        let all = if below.is_empty() || !verb.is_subcommand_required_set() {
            [vec![name.to_owned()], below].concat()
        } else {
            below
        };
        for command in all {
            let shown = text.contains(&format!("`{command}`")) || text.contains(&format!("`{command} "));
            assert!(shown, "`{command}` is not in the table of docs/cli.md");
        }
    }
}
