//! The console's other pages: cost, firewall, metrics, access, lists of the host.

use std::time::Duration;

use lite::{
    app::{Caller, metric},
    model::{HostId, Metric, Name, Point, Role, Scope, Unobserved, Via},
    store::metrics::{MinuteOf, SeriesCache, insert_minute},
    web::{Needs, PAGES},
};

use crate::support::{
    furnished::furnished,
    html::{faults, part, rows, value},
    served::Served,
    world::World,
};

fn shop() -> Served {
    let world = World::new();
    world.create("shop").expect("made");
    Served::of(world, |_| {})
}

fn root(served: &Served) -> String {
    served.log_in(&served.code())
}

#[test]
fn each_page_is_made_whole_with_and_without_instances() {
    for served in [Served::of(furnished(), |_| {}), Served::new()] {
        let cookie = root(&served);
        for page in PAGES.iter().filter(|page| page.method == "GET" && page.needs != Needs::Token) {
            let answer = served.get(page.example, &cookie);
            let is_made = match answer.status {
                200 | 404 => page.path == "/assets/{name}" || answer.body.ends_with("</main>\n</body>\n</html>"),
                303 => page.path == "/",
                _ => false,
            };
            assert!(is_made, "{}: {} {}", page.path, answer.status, answer.body);
        }
    }
}

#[test]
fn who_sees_one_tag_meets_no_byte_of_others_on_any_page() {
    let served = Served::of(furnished(), |_| {});
    let cookie = served.log_in(&served.add("anna", Role::Operator, Scope::parse("client=acme").expect("a scope")));
    for page in PAGES.iter().filter(|page| page.method == "GET" && page.path != "/assets/{name}") {
        let answer = served.get(page.example, &cookie);
        for word in ["blog", "erstwhile", "spare", "frontdoor", "oncall", "skeleton", "vault"] {
            let body = answer.body.as_str();
            assert!(!body.contains(word), "{}: {word}: {body}", page.path);
        }
    }
    for path in [
        "/instances/blog/storage",
        "/disks/spare",
        "/load-balancers/frontdoor",
        "/contacts/oncall",
        "/instances/blog/logs",
        "/key-pairs/skeleton",
        "/remotes/vault",
    ] {
        let there = served.get(path, &cookie);
        let end = path
            .replace("blog", "none")
            .replace("spare", "none")
            .replace("frontdoor", "none")
            .replace("oncall", "none")
            .replace("skeleton", "none")
            .replace("vault", "none");
        let absent = served.get(&end, &cookie);
        assert_eq!(there.status, absent.status, "{path}");
    }
}

#[test]
fn the_cost_is_that_of_all_or_of_a_tag() {
    let served = shop();
    let cookie = root(&served);
    let page = served.get("/cost", &cookie).body;
    assert_eq!(part(&page, "<p class=\"sum\">", "</p>"), "5.00 USD/month");
    let row = "<tr><th scope=\"row\"><a href=\"/instances/shop\">shop</a></th><td data-label=\"What\">nano</td>\
               <td data-label=\"Price/month\" class=\"number\">5.00 USD</td></tr>";
    assert_eq!(rows(&page), [row]);
    let none = served.get("/cost?tag=client%3Dacme", &cookie).body;
    assert_eq!(part(&none, "<p class=\"sum\">", "</p>"), "nothing");
    let wrong = served.get("/cost?tag=%3D%22%3E", &cookie);
    assert_eq!((wrong.status, value(&wrong.body, "tag")), (400, "=&quot;&gt;"));
    assert!(faults(&wrong.body)[0].starts_with("<a href=\"#f-tag\">"), "{}", wrong.body);
}

#[test]
fn the_month_so_far_is_the_time_that_each_was_there() {
    let served = shop();
    let cookie = root(&served);
    let so_far = |page: &str| part(page, "by the time that each was there: <strong>", "</strong>").to_owned();
    assert_eq!(so_far(&served.get("/cost", &cookie).body), "0.00 USD", "it was made just now");
    served.world.sql("UPDATE instance SET record = json_set(record, '$.created_at', '1970-01-01T00:00:00Z')");
    let rows =
        lite::app::instance::list::cost(&served.app, &Caller::root(Via::Cli), &[], &mut Unobserved).expect("rows").0;
    let of = |at: jiff::Timestamp| {
        let so_far = lite::view::MonthSoFar::of(&rows, &[], at).expect("a month");
        (format!("{} USD", so_far.totals[0].price), so_far.since)
    };
    let before = of(jiff::Timestamp::now());
    let page = served.get("/cost", &cookie).body;
    let after = of(jiff::Timestamp::now());
    assert!([&before.0, &after.0].contains(&&so_far(&page)), "{page}");
    assert!(page.contains(&format!("Since {}, by the time", before.1)) || before.1 != after.1, "{page}");
    assert_ne!(before.0, "0.00 USD");
}

#[test]
fn a_port_is_opened_and_closed_and_what_is_none_stands_at_its_field() {
    let served = shop();
    let cookie = root(&served);
    let path = "/instances/shop/firewall";
    let open = |page: &str| -> Vec<String> {
        let of = |row: &str| part(row, "<th scope=\"row\">", "</th>").to_owned();
        rows(page).into_iter().map(of).collect()
    };
    let before = open(&served.get(path, &cookie).body);
    let refused = served.post(path, &cookie, "action=open&port=70000&sources=nowhere");
    let (_, form) = refused.body.split_once("<h2>Open a port</h2>").expect("the form");
    let typed = |name: &str| value(form, &format!("{name}\" type=\"text"));
    assert_eq!((refused.status, typed("port"), typed("sources")), (400, "70000", "nowhere"));
    let fields: Vec<_> = faults(&refused.body).iter().map(|one| part(one, "#f-", "\"").to_owned()).collect();
    assert_eq!(fields, ["port", "sources"]);
    let told =
        |answer: &crate::support::served::Answer| answer.field("location").map(|to| to.starts_with("/operations/op-"));
    let opened = served.post(path, &cookie, "action=open&port=8443&sources=192.0.2.0/24");
    assert_eq!((opened.status, told(&opened)), (303, Some(true)));
    let until = |wanted: &dyn Fn(&str) -> bool| {
        for _ in 0..600 {
            let page = served.get(path, &cookie).body;
            if wanted(&page) {
                return page;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the page does not change");
    };
    let page = until(&|page| page.contains("8443/tcp"));
    assert!(page.contains("<th scope=\"row\">8443/tcp</th><td data-label=\"From\">192.0.2.0/24</td>"), "{page}");
    let closed = served.post(path, &cookie, "action=close&port=8443/tcp&sources=192.0.2.0/24");
    assert_eq!(closed.status, 303);
    assert_eq!(open(&until(&|page| !page.contains("8443/tcp"))), before);
}

#[test]
fn a_form_that_was_shown_before_another_change_is_refused_with_both() {
    let served = shop();
    let cookie = root(&served);
    let path = "/instances/shop/firewall";
    let page = served.get(path, &cookie).body;
    let seen = value(&page, "seen").to_owned();
    let form =
        |port: &str| format!("action=open&port={port}&sources=&seen={}", seen.replace(' ', "+").replace(';', "%3B"));
    served.does(path, &cookie, &form("8443"));
    let stale = served.post(path, &cookie, &form("9443"));
    assert_eq!(stale.status, 400);
    let told = faults(&stale.body)[0];
    let now = value(&served.get(path, &cookie).body, "seen").to_owned();
    assert_ne!(seen, now);
    let (was, is) = (format!("let in was then: {seen}"), format!("let in is now: {now}"));
    assert!(told.contains(&was) && told.contains(&is), "{told}");
    served.does(
        path,
        &cookie,
        &format!("action=open&port=9443&sources=&seen={}", now.replace(' ', "+").replace(';', "%3B")),
    );
}

#[test]
fn nothing_measured_is_said_and_a_point_is_in_picture_and_table() {
    let served = shop();
    let cookie = root(&served);
    let page = served.get("/instances/shop/metrics", &cookie).body;
    assert!(page.contains("<p class=\"hint\">Nothing was measured in this time.</p>"), "{page}");
    assert!(!page.contains("<svg"), "{page}");
    for span in ["1h", "1d", "2w", "2m", "15m"] {
        let page = served.get(&format!("/instances/shop/metrics?span={span}"), &cookie).body;
        let (_, spans) = page.split_once("<nav aria-label=\"How far back\">").expect("the spans");
        let now = part(spans, "aria-current=\"true\">", "<");
        assert!(page.contains(&format!("?span={span}\" aria-current=\"true\">{now}</a>")), "{span}: {page}");
    }
}

#[test]
fn a_password_is_set_twice_alike_and_ends_the_session() {
    let served = shop();
    let cookie = served.log_in(&served.add("vera", Role::Viewer, Scope::All));
    let page = served.get("/access", &cookie).body;
    assert!(!page.contains("<h2>Users</h2>"), "{page}");
    for (form, field) in
        [("password=correct+horse+battery&again=correct+horse", "again"), ("password=short&again=short", "password")]
    {
        let refused = served.post("/access/password", &cookie, form);
        assert_eq!((refused.status, part(faults(&refused.body)[0], "#f-", "\"")), (400, field));
        assert!(!refused.body.contains("correct horse") && !refused.body.contains("\"short\""), "{}", refused.body);
    }
    let set = served.post("/access/password", &cookie, "password=+correct+horse+battery&again=+correct+horse+battery");
    assert_eq!((set.status, set.field("location")), (303, Some("/login")));
    assert_eq!(served.get("/access", &cookie).status, 303, "the session is over");
    let logged_in = served.post("/login", "", "user=vera&password=+correct+horse+battery");
    assert_eq!(logged_in.status, 303, "{logged_in:?}");
    let admin = root(&served);
    let users = served.get("/access", &admin).body;
    let row = "<tr><th scope=\"row\"><a href=\"/users/vera\">vera</a></th><td data-label=\"Role\">viewer</td><td data-label=\"Sees\">everything</td>\
               <td data-label=\"Comes in by\">password</td><td data-label=\"Sessions\" class=\"number\">1</td>\
               <td data-label=\"Keys\" class=\"number\">0</td></tr>";
    assert!(rows(&users).contains(&row), "{users}");
    let audit = served.get("/audit", &admin).body;
    assert!(audit.contains("<td data-label=\"Who\">vera</td>"), "{audit}");
}

#[test]
fn the_table_of_a_metric_is_what_its_json_has_and_a_gap_stays_one() {
    let served = shop();
    let cookie = root(&served);
    let shop = Name::parse("shop").expect("a name");
    let mut store = served.world.engine().store;
    let uuid = store.require(&shop).expect("there").record.uuid;
    let (now, mut cache) = (jiff::Timestamp::now().as_second() / 60, SeriesCache::default());
    let written = store.write(|t| {
        for n in [50, 49, 40, 3, 2] {
            let point = Point { count: 3, sum: 10.0 * f64::from(n), min: 1.25, max: 99.5 };
            let known = [MinuteOf { instance: uuid, points: vec![(Metric::CpuUtilization, point)] }];
            let minute = now - i64::from(n);
            insert_minute(t, &mut cache, &HostId::local(), minute, minute * 60, &known, |_| true)?;
        }
        Ok(())
    });
    written.expect("written");
    let (root, hour) = (Caller::root(Via::Cli), Duration::from_secs(3600));
    let view =
        metric::points(&served.app, &root, &shop, Metric::CpuUtilization, hour, &mut Unobserved).expect("points");
    let json = serde_json::to_value(&view).expect("JSON");
    let number = |value: &serde_json::Value| (value.as_f64().expect("a number") * 1000.0).round() / 1000.0;
    let of_json: Vec<(String, [f64; 3])> = json["points"]
        .as_array()
        .expect("points")
        .iter()
        .map(|p| {
            (p["at"].as_str().expect("a time").to_owned(), ["average", "minimum", "maximum"].map(|k| number(&p[k])))
        })
        .collect();
    assert_eq!(of_json.len(), 5);
    let page = served.get("/instances/shop/metrics?span=1h", &cookie).body;
    let of_page: Vec<(String, [f64; 3])> = rows(&page)
        .into_iter()
        .map(|row| {
            let cell = |label: &str| part(row, &format!("data-label=\"{label}\" class=\"number\">"), "</td>").parse();
            let values = ["Average", "Smallest", "Largest"].map(|label| cell(label).expect("a number"));
            (part(row, "<time datetime=\"", "\"").to_owned(), values)
        })
        .collect();
    assert_eq!(of_page, of_json);
    // A line for 50 and 49, a point at 40, a line for 3 and 2.
    assert_eq!(part(&page, "class=\"line\" d=\"", "\"").matches('M').count(), 3);
}
