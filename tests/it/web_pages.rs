//! The console's other pages: cost, firewall, metrics, access, lists of the host.

use lite::{
    model::{Role, Scope},
    web::PAGES,
};

use crate::support::{
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
    for served in [shop(), Served::new()] {
        let cookie = root(&served);
        for page in PAGES.iter().filter(|page| page.method == "GET") {
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
    assert_eq!((refused.status, value(&refused.body, "sources")), (400, "nowhere"));
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
fn nothing_measured_is_said_and_a_point_is_in_picture_and_table() {
    let served = shop();
    let cookie = root(&served);
    let page = served.get("/instances/shop/metrics", &cookie).body;
    assert!(page.contains("<p class=\"hint\">Nothing was measured in this time.</p>"), "{page}");
    assert!(!page.contains("<svg"), "{page}");
    for span in ["1h", "1d", "2w", "2m", "15m"] {
        let page = served.get(&format!("/instances/shop/metrics?span={span}"), &cookie).body;
        let now = part(&page, "aria-current=\"true\">", "<");
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
    let row = "<tr><th scope=\"row\">vera</th><td data-label=\"Role\">viewer</td><td data-label=\"Sees\">everything</td>\
               <td data-label=\"Comes in by\">password</td><td data-label=\"Sessions\" class=\"number\">1</td>\
               <td data-label=\"Keys\" class=\"number\">0</td></tr>";
    assert!(rows(&users).contains(&row), "{users}");
    let audit = served.get("/audit", &admin).body;
    assert!(audit.contains("<td data-label=\"Who\">vera</td>"), "{audit}");
}
