//! The Lightsail API: who is let in, what is seen, and that each name is answered as docs/api.md says.

mod add_ons;
mod balancers;
mod changes;
mod deaths;
mod errors;
mod monitoring;
mod one_name;
mod reads;
mod refusals;
mod signatures;
mod storage;

use std::{collections::BTreeMap, fs, path::Path};

use lite::lightsail::operations::{REFUSED, SERVED};

use crate::support::api::House;

/// Each name of the API, and what it is about, from botocore's model.
const NAMES: &str = include_str!("../fixtures/lightsail-operations.tsv");

const BEGIN: &str = "<!-- Made by tests/it/api.rs: -->\n";

fn names() -> BTreeMap<&'static str, &'static str> {
    NAMES.lines().skip(1).filter_map(|line| line.split_once('\t')).collect()
}

/// The tables of the page.
fn tables() -> String {
    let row = |name: &str, lacks: &str| match lacks {
        "" => format!("| {name} | yes |\n"),
        lacks => format!("| {name} | partly: {lacks} |\n"),
    };
    let served: String = SERVED.iter().map(|one| row(one.name, one.lacks)).collect();
    let refused =
        REFUSED.iter().map(|group| format!("| {} | {} | {} |\n", group.group, group.names.join(", "), group.why));
    let refused: String = refused.collect();
    let count: usize = REFUSED.iter().map(|group| group.names.len()).sum();
    format!(
        "{BEGIN}\n{} operations are answered:\n\n| operation | answered |\n|---|---|\n{served}\n{count} are refused in words \
         (`OperationFailureException`, \"lite does not offer …\"):\n\n| group | operations | why, and what there is instead \
         |\n|---|---|---|\n{refused}",
        SERVED.len()
    )
}

#[test]
fn the_page_says_of_each_name_how_it_is_answered() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md");
    let page = fs::read_to_string(&path).expect("read");
    let begin = page.find(BEGIN).expect("its tables");
    if std::env::var_os("LITE_TEST_WRITE_DOCS").is_some() {
        fs::write(&path, format!("{}{}", &page[..begin], tables())).expect("written");
        return;
    }
    assert_eq!(&page[begin..], tables(), "LITE_TEST_WRITE_DOCS=1 writes it anew");
}

#[test]
fn each_name_of_the_api_is_answered_as_the_page_says() {
    let mut ours: BTreeMap<&str, &str> = SERVED.iter().map(|one| (one.name, one.group)).collect();
    let refused = || REFUSED.iter().flat_map(|group| group.names.iter().map(move |name| (*name, group)));
    ours.extend(refused().map(|(name, group)| (name, group.group)));
    assert_eq!((ours, names().len()), (names(), 167));
    assert_eq!(SERVED.len() + refused().count(), 167, "one twice");
    let house = House::new();
    let anna = house.admin();
    for (name, group) in refused() {
        let told = house.call(&anna, name, "{}").fault();
        let text = format!("lite does not offer {name}: {}", group.why);
        assert_eq!(told, (400, "OperationFailureException".to_owned(), text));
    }
    for one in SERVED {
        let reply = house.call(&anna, one.name, "{}");
        let kind = if reply.status == 200 { "answered".to_owned() } else { reply.exception() };
        assert!(["answered", "InvalidInputException"].contains(&kind.as_str()), "{}: {reply:?}", one.name);
    }
    for unknown in ["GetNothing", "getinstances", "", "ü", "../GetRegions"] {
        assert_eq!(house.call(&anna, unknown, "{}").status, 400, "{unknown}");
    }
    assert_eq!(house.call(&anna, "GetNothing", "{}").exception(), "UnknownOperationException");
}
