//! What moves on pages that are open: a stream of events, rendered once for all who see the same.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    sync::atomic::Ordering,
    time::Duration,
};

use lite::{
    access::password::Cost,
    app::{
        Caller,
        instance::{change, power, tag},
        session::{self, Door, Entered, GoingOn, Proof, Who},
        user,
    },
    model::{Name, Role, Scope, Tag, Unobserved, Via},
};

use crate::support::{html::part, served::Served, world::World};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn served() -> Served {
    let world = World::new();
    world.create("blog").expect("made");
    world.create("shop").expect("made");
    Served::of(world, |_| {})
}

/// As `lite` does it in a shell.
fn switch(served: &Served, is_on: bool, instance: &str) {
    let (root, to) = (Caller::root(Via::Cli), (&name(instance), false));
    let quiet = &mut Unobserved;
    match is_on {
        true => {
            let start = power::Start { until_ready: None };
            change::accept(&served.app, &root, &start, to, quiet).and_then(|begun| begun.run(quiet)).map(drop)
        }
        false => {
            let stop = power::Stop { force: true, timeout: Duration::ZERO };
            change::accept(&served.app, &root, &stop, to, quiet).and_then(|begun| begun.run(quiet)).map(drop)
        }
    }
    .expect("switched");
}

/// An open page's stream.
struct Stream {
    from: BufReader<TcpStream>,
    id: String,
}

impl Stream {
    /// Opens one; the status where it is refused.
    fn open(served: &Served, path: &str, cookie: &str, more: &str) -> Result<Self, String> {
        let mut stream = served.connect();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\nAccept: text/html, text/event-stream\r\nCookie: {cookie}\r\n{more}\r\n",
            served.address
        );
        stream.write_all(head.as_bytes()).expect("sent");
        let mut from = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(from.read_line(&mut head).expect("a head"), 0, "{head}");
        }
        if head.contains("content-type: text/event-stream\r\n") {
            return Ok(Self { from, id: String::new() });
        }
        Err(head.split(' ').nth(1).unwrap_or_default().to_owned())
    }

    /// Of the page at an address.
    fn of(served: &Served, page: &str, cookie: &str) -> Self {
        let path = address(served, page, cookie);
        let stream = Self::open(served, &path, cookie, "").expect("a stream");
        // Who says nothing of what it shows is told all by the look that this one is told by too.
        let (of, _) = path.rsplit_once("&v=").expect("a version");
        Self::open(served, of, cookie, "").expect("a stream").next().expect("all");
        stream
    }

    /// The next event; none: the stream has ended.
    fn next(&mut self) -> Option<String> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if self.from.read_line(&mut line).expect("the server says something") == 0 || line == "0\r\n" {
                return None;
            }
            let line = line.trim_end();
            if let Some(id) = line.strip_prefix("id: ") {
                self.id = id.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                text = text + data + "\n";
            } else if line.is_empty() && !text.is_empty() {
                return Some(text);
            }
        }
    }

    /// All that comes until something is said, that included.
    fn until(&mut self, wanted: &str) -> String {
        let mut all = String::new();
        while !all.contains(wanted) {
            all += &self.next().unwrap_or_else(|| panic!("no `{wanted}` in {all}"));
        }
        all
    }
}

/// Where a page is told what moves on it.
fn address(served: &Served, page: &str, cookie: &str) -> String {
    let page = served.get(page, cookie).body;
    part(&page, "hx-sse:connect=\"", "\"").replace("&#x2f;", "/").replace("&amp;", "&").replace("&#x3d;", "=")
}

#[test]
fn a_change_in_a_shell_is_told_to_an_open_page_and_nothing_beside_it() {
    let served = served();
    let cookie = served.log_in(&served.code());
    let mut page = Stream::of(&served, "/instances", &cookie);
    switch(&served, false, "shop");
    let told = page.until("shop is stopped.");
    assert!(told.contains("<hx-partial hx-target=\"#r-shop\" hx-swap=\"outerMorph\"><tr id=\"r-shop\">"), "{told}");
    assert!(!told.contains("r-blog") && !told.contains("#rows"), "what is as it was is not told: {told}");
    let row = served.get("/instances", &cookie).body;
    let row = part(&row, "<tr id=\"r-shop\">", "</tr>").to_owned();
    assert!(told.contains(&row), "a part is as it is in the page: {told} {row}");
    // Who comes back is told nothing that it knows, and all if it does not.
    let (path, id) = (address(&served, "/instances", &cookie), format!("Last-Event-ID: {}\r\n", page.id));
    let mut back = Stream::open(&served, &path, &cookie, &id).expect("a stream");
    let mut late = Stream::open(&served, &path, &cookie, "Last-Event-ID: before\r\n").expect("a stream");
    let all = late.until("hx-target=\"#sum\"");
    assert!(all.starts_with("<hx-partial hx-target=\"#list\" hx-swap=\"outerMorph\">"), "{all}");
    assert!(all.contains("<tbody id=\"rows\">\n<tr id=\"r-blog\">"), "{all}");
    assert!(!all.contains("spoken"), "{all}");
    switch(&served, true, "shop");
    assert!(!back.until("shop is running.").contains("#rows"));
    served.world.create("new").expect("made");
    let told = page.until("<tr id=\"r-new\">");
    assert!(told.contains("hx-target=\"#rows\"") && told.contains("10.00 USD") || told.contains("15.00 USD"), "{told}");
}

#[test]
fn each_sees_its_part_and_no_word_of_the_rest() {
    let served = served();
    let retag = tag::Retag {
        name: name("blog"),
        set: vec![Tag::parse("client=beta").expect("a tag")],
        remove: vec![],
        wait: false,
        dry_run: false,
    };
    tag::change(&served.app, &Caller::root(Via::Cli), &retag, &mut Unobserved).expect("tagged");
    let beta = Scope::parse("client=beta").expect("a scope");
    let scoped = served.log_in(&served.add("bert", Role::Operator, beta));
    let viewer = served.log_in(&served.add("vera", Role::Viewer, Scope::All));
    let mut part_of_it = Stream::of(&served, "/instances", &scoped);
    let mut looks = Stream::of(&served, "/instances", &viewer);
    let mut searched = Stream::of(&served, "/instances?q=state%3Arunning", &viewer);
    let mut others = Stream::open(&served, "/live?of=instance&name=shop&v=", &scoped, "").expect("a stream");
    switch(&served, false, "shop");
    let told = looks.until("shop is stopped.");
    assert!(told.contains("r-shop") && !told.contains("class=\"pick\""), "a viewer chooses nothing: {told}");
    assert!(searched.until("shop is gone.").contains("#rows"), "what is no longer found goes");
    switch(&served, false, "blog");
    let told = part_of_it.until("blog is stopped.");
    assert!(!told.contains("shop"), "{told}");
    user::log_out(&served.app, &Caller::root(Via::Cli), &name("bert")).expect("logged out");
    let mut none =
        Stream::open(&served, "/live?of=instance&name=none&v=", &scoped_again(&served), "").expect("a stream");
    let (theirs, absent) = (others.until("id=\"power\""), none.until("id=\"power\""));
    assert_eq!(theirs, absent.replace("instance none", "instance shop"), "what is not theirs is as what is not there");
    assert_eq!(others.next().as_deref(), Some("over\n"));
}

/// Another who sees what `bert` sees.
fn scoped_again(served: &Served) -> String {
    served.log_in(&served.add("berta", Role::Operator, Scope::parse("client=beta").expect("a scope")))
}

#[test]
fn an_instance_that_goes_is_told_to_its_page_and_the_first_to_an_empty_list() {
    let served = Served::of(World::new(), |_| {});
    let cookie = served.root();
    let mut list = Stream::of(&served, "/instances", &cookie);
    served.world.create("shop").expect("made");
    let told = list.until("shop is ");
    let whole = "<hx-partial hx-target=\"#list\" hx-swap=\"outerMorph\"><div id=\"list\">";
    assert!(told.starts_with(whole), "a page without a table gets one: {told}");
    assert!(told.contains("<tbody id=\"rows\">") && told.contains("<tr id=\"r-shop\">"), "{told}");
    // It is the list as its page has it.
    let is_frame = |line: &&str| !line.is_empty() && !line.starts_with("<tr ") && *line != "</tbody>";
    let lines = |text: &str| text.lines().filter(is_frame).map(str::to_owned).collect::<Vec<_>>();
    let page = served.get("/instances", &cookie).body;
    let of_page = lines(part(&page, "<div id=\"list\">", "</div>"));
    assert_eq!(lines(part(&told, whole, "</div>")), of_page);
    let mut kept = Stream::of(&served, "/instances/shop", &cookie);
    kept.until("hx-target=\"#power\"");
    served.does("/instances/shop/delete", &cookie, "name=shop");
    let told = kept.until("shop is kept.");
    assert!(told.contains("shop is deleted, and kept until ") && told.contains("<a href=\"/deleted\">"), "{told}");
    assert!(told.contains("<div id=\"power\">\n</div>"), "nothing is to be done with it: {told}");
    served.world.create("brief").expect("made");
    list.until("<tr id=\"r-brief\">");
    let (mut one, mut metrics) =
        (Stream::of(&served, "/instances/brief", &cookie), Stream::of(&served, "/instances/brief/metrics", &cookie));
    one.until("hx-target=\"#power\"");
    metrics.until("hx-target=\"#gone\"");
    served.does("/instances/brief/delete", &cookie, "name=brief&now=yes");
    let told = one.until("brief is gone.");
    let gone =
        "<p class=\"notice over\">There is no instance brief any more. <a href=\"/instances\">All instances</a></p>";
    assert!(told.contains(&format!("<div id=\"gone\">{gone}</div>")), "{told}");
    assert!(metrics.until(gone).contains("hx-target=\"#gone\""));
    let told = list.until("brief is gone.");
    assert!(told.contains("<p>There are no instances yet.") && !told.contains("<tbody"), "{told}");
    // A page that was open, and hidden, while that happened.
    let mut late = Stream::open(&served, "/live?of=instance&name=brief&v=before", &cookie, "").expect("a stream");
    assert!(late.until(gone).contains("hx-target=\"#power\""));
}

#[test]
fn fifty_pages_cost_the_looks_of_one() {
    let served = served();
    let cookie = served.root();
    let mut pages: Vec<Stream> = (0..50).map(|_| Stream::of(&served, "/instances", &cookie)).collect();
    let looks = |calls: &[&'static str]| calls.iter().filter(|call| **call == "domains").count();
    let state = served.world.state().to_owned();
    let (calls, statements) = (served.world.hypervisor.calls().len(), lite::store::counted::prepared(&state));
    served.world.sql("UPDATE instance SET record = json_set(record, '$.bundle', 'huge') WHERE name = 'shop'");
    for page in &mut pages {
        page.until("debian-13, huge");
    }
    let calls = served.world.hypervisor.calls()[calls..].to_vec();
    let statements = lite::store::counted::prepared(&state) - statements;
    // One for the change; another may have been due by the clock, or for what was changed before it.
    assert!((1..=3).contains(&looks(&calls)), "{} looks for fifty pages: {calls:?}", looks(&calls));
    assert!(calls.len() <= 8 * looks(&calls), "{calls:?}");
    println!("{} calls of libvirt and {statements} statements for {} looks", calls.len(), looks(&calls));
    assert!(statements <= 200 * looks(&calls) as u64, "{statements} statements for {} looks", looks(&calls));
}

#[test]
fn one_look_at_the_database_tells_of_all_who_stay() {
    let served = served();
    let limits = lite::access::session::Limits::default();
    let door = Door::new(&served.app, limits, Cost::LEAST);
    let code = |name: &str| served.add(name, Role::Viewer, Scope::All);
    let entered = |name: &str| {
        let code = code(name);
        let here = [127, 0, 0, 1].into();
        match session::log_in(&served.app, &door, Proof::Code(&code), here).expect("in") {
            Entered::In(them) => (them.token.digest(), session::who(&served.app, &door, &them.token, here)),
            Entered::Half(_) => panic!("there is no second factor"),
        }
    };
    let of = |(digest, who): (String, lite::model::Result<Option<Who>>)| (digest, who.expect("asked").expect("in"));
    let all: Vec<(String, Who)> = (0..50).map(|n| of(entered(&format!("user-{n}")))).collect();
    let each = || all.iter().map(|(digest, who)| (digest.as_str(), who));
    let state = served.world.state().to_owned();
    let prepared = || lite::store::counted::prepared(&state);
    let mut going_on = GoingOn::new(&served.app);
    let mut cost = |most: usize| {
        let before = prepared();
        let goes_on = going_on.of(&door, each().take(most)).expect("looked");
        (goes_on.iter().filter(|goes_on| **goes_on).count(), prepared() - before)
    };
    assert_eq!(cost(50).0, 50);
    assert_eq!((cost(1), cost(50)), ((1, 1), (50, 1)), "where nothing was changed that alone is asked");
    user::log_out(&served.app, &Caller::root(Via::Cli), &name("user-7")).expect("logged out");
    let one = cost(1);
    served.world.sql("UPDATE account SET role = 'operator' WHERE name = 'user-8'");
    let fifty = cost(50);
    assert_eq!(((one.0, fifty.0), one.1), ((1, 48), fifty.1), "a change costs the same, however many stay");
    assert!(fifty.1 <= 3, "{}", fifty.1);
    served
        .world
        .sql("UPDATE account SET disabled = 1 WHERE name = 'user-9'; DELETE FROM session WHERE account = 'user-10'");
    assert_eq!(cost(50).0, 46);
}

#[test]
fn a_page_of_an_instance_and_one_of_an_operation_are_told_how_it_goes() {
    let served = served();
    let cookie = served.log_in(&served.code());
    let mut page = Stream::of(&served, "/instances/shop", &cookie);
    let first = page.until("hx-target=\"#power\"");
    assert!(first.contains("value=\"stop\"") && first.contains("<p class=\"sum\" id=\"state\">"), "{first}");
    switch(&served, false, "shop");
    let told = page.until("shop is stopped.");
    assert!(told.contains("value=\"start\""), "{told}");
    let id = served.world.engine().store.operations(1).expect("operations").remove(0).id;
    let mut ended = Stream::open(&served, &format!("/live?of=operation&id={id}&v="), &cookie, "").expect("a stream");
    let told = ended.until("hx-target=\"#ends\"");
    assert!(told.contains("id=\"steps\"") && told.contains("succeeded"), "{told}");
    assert!(!served.get(&format!("/operations/{id}"), &cookie).body.contains("hx-sse"), "what is over moves no more");
    let mut measured = Stream::of(&served, "/instances/shop/metrics", &cookie);
    assert!(measured.until("hx-target=\"#last-1\"").contains("<p class=\"hint\" id=\"last-1\"></p>"));
}

/// htmx begins as soon as it is there: an extension that came in a file of its own was too late now and then, and the page stood still.
#[test]
fn what_moves_a_page_comes_in_one_file() {
    let served = served();
    let cookie = served.log_in(&served.code());
    let page = served.get("/instances", &cookie).body;
    let loaded: Vec<&str> =
        page.match_indices("<script src=\"").map(|(at, _)| part(&page[at..], "/assets/", "?")).collect();
    let files = ["htmx.min.js", "hx-sse.min.js"]
        .map(|file| std::fs::read_to_string(crate::web_vendor::folder().join(file)).expect("vendored"));
    assert_eq!(served.get("/assets/htmx.js", &cookie).body, files.join("\n"));
    assert_eq!(loaded, ["page.js", "htmx.js"]);
}

#[test]
fn a_stream_ends_with_its_session_and_with_the_server() {
    let served = served();
    let code = served.add("anna", Role::Operator, Scope::All);
    let cookie = served.log_in(&code);
    assert_eq!(Stream::open(&served, "/live?of=instances", "", "").map(drop), Err("401".to_owned()));
    for nothing in ["/live", "/live?of=x", "/live?of=instance&name=..%2Fx"] {
        assert_eq!(Stream::open(&served, nothing, &cookie, "").map(drop), Err("404".to_owned()), "{nothing}");
    }
    let path = address(&served, "/instances", &cookie);
    let mut own = Stream::open(&served, &path, &cookie, "").expect("a stream");
    user::log_out(&served.app, &Caller::root(Via::Cli), &name("anna")).expect("logged out");
    assert_eq!((own.next().as_deref(), own.next()), (Some("over\n"), None));
    assert_eq!(Stream::open(&served, &path, &cookie, "").map(drop), Err("401".to_owned()));
    let cookie = served.log_in(&served.code());
    let mut last = Stream::of(&served, "/instances", &cookie);
    served.closing.store(true, Ordering::Relaxed);
    assert_eq!(last.next(), None, "the page comes back by itself");
}
