//! The console's form for a new instance: what it offers, what it refuses and keeps, and what it makes.

use crate::support::{
    html::{faults, part, value},
    served::Served,
    world::World,
};

fn root(served: &Served) -> String {
    served.log_in(&served.code())
}

#[test]
fn the_blueprint_is_chosen_first_and_brings_its_sizes_and_parameters() {
    let served = Served::new();
    let cookie = root(&served);
    let page = served.get("/create", &cookie).body;
    assert!(page.contains("<a href=\"/create?blueprint=wordpress\"><strong>wordpress</strong></a>"), "{page}");
    assert!(!page.contains("name=\"bundle\""), "{page}");
    let page = served.get("/create?blueprint=wordpress", &cookie).body;
    let ticked: Vec<_> = page
        .split("<input type=\"radio\"")
        .skip(1)
        .filter(|one| one.split('>').next().is_some_and(|tag| tag.ends_with(" checked")))
        .collect();
    assert_eq!(ticked.len(), 1);
    assert!(ticked[0].starts_with(" name=\"bundle\" value=\"micro\""), "{}", ticked[0]);
    assert!(page.contains("too small: it needs"), "{page}");
    let page = served.get("/create?blueprint=wordpres", &cookie);
    assert_eq!(page.status, 400);
    assert!(faults(&page.body)[0].starts_with("there is no blueprint <code>wordpres</code>"), "{}", page.body);
}

#[test]
fn what_is_wrong_stands_at_its_field_and_what_was_typed_stays() {
    let served = Served::new();
    served.world.create("taken").expect("made");
    let cookie = root(&served);
    let sent = |form: &str| served.post("/create", &cookie, form);
    let fields = |body: &str| -> Vec<String> {
        let field = |fault: &&str| {
            fault.strip_prefix("<a href=\"#f-").and_then(|rest| rest.split('"').next()).unwrap_or("-").to_owned()
        };
        faults(body).iter().map(field).collect()
    };
    let answer = sent(
        "blueprint=debian-13&bundle=nano&name=No+Name&tags=%3Dx&timezone=Mars+Base&fqdn=-&user_data=%23!%2Fbin%2Fsh%0D%0Aecho+hi&ssh_keys=",
    );
    assert_eq!(
        (answer.status, fields(&answer.body)),
        (400, ["name", "fqdn", "timezone", "tags"].map(str::to_owned).to_vec())
    );
    assert_eq!(value(&answer.body, "name"), "No Name");
    assert_eq!(value(&answer.body, "timezone"), "Mars Base");
    assert_eq!(
        part(&answer.body, "name=\"user_data\" rows=\"4\" spellcheck=\"false\">\n", "</textarea>"),
        "#!/bin/sh\necho hi"
    );
    let at_field = part(&answer.body, "id=\"e-name\">", "</span>");
    assert_eq!(at_field, "<code>No Name</code> is not a valid name", "in the words of the command line");
    assert!(answer.body.contains("value=\"No Name\" autocapitalize=\"none\" autocomplete=\"off\" spellcheck=\"false\" aria-invalid=\"true\" aria-describedby=\"e-name\""), "{}", answer.body);
    for (form, field) in [
        ("blueprint=debian-13&bundle=nano&name=taken", "name"),
        ("blueprint=wordpress&bundle=nano&name=web", "bundle"),
        ("blueprint=debian-13&bundle=none&name=web", "bundle"),
        ("blueprint=debian-13&bundle=nano&name=web&user_data=nonsense", "user_data"),
        ("blueprint=debian-13&bundle=nano&name=web&ssh_keys=nonsense", "ssh_keys"),
        ("blueprint=debian-13&bundle=nano&name=web&tags=a%3D1+a%3D2", "tags"),
    ] {
        let answer = sent(form);
        assert_eq!((answer.status, fields(&answer.body)), (400, vec![field.to_owned()]), "{form}: {}", answer.body);
    }
    let names = served.world.engine().store.instances().expect("instances").len();
    assert_eq!(names, 1, "nothing was made");
}

#[test]
fn it_shows_what_would_be_made_and_makes_it() {
    let served = Served::of(World::with_images(), |_| {});
    let cookie = root(&served);
    let form = "blueprint=debian-13&bundle=nano&name=web&tags=client%3Dacme+live";
    let plan = served.post("/create", &cookie, &format!("{form}&plan=yes"));
    assert_eq!(plan.status, 200);
    assert!(plan.body.contains("<h2 id=\"plan\">What would be made</h2>"), "{}", plan.body);
    assert_eq!(value(&plan.body, "name"), "web", "the form is kept");
    assert_eq!(served.world.engine().store.instances().expect("instances").len(), 0);
    let made = served.post("/create", &cookie, form);
    let path = made.field("location").expect("a place");
    assert!(made.status == 303 && path.starts_with("/operations/op-"), "{made:?}");
    let page = served.get(path, &cookie).body;
    assert_eq!(part(&page, "<h1>", "</h1>"), "create web");
    let record = served.world.engine().store.instances().expect("instances").remove(0).record;
    let tags: Vec<String> = record.tags.iter().map(ToString::to_string).collect();
    assert_eq!(
        (record.name.as_str(), record.bundle.as_str(), tags),
        ("web", "nano", vec!["client=acme".to_owned(), "live".to_owned()])
    );
}
