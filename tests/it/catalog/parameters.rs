//! Parameters: defaults, values, and what is refused.

use super::*;

fn set(pairs: &[(&str, &str)]) -> Result<BTreeMap<String, String>, Error> {
    let pairs: Vec<_> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let catalog = Catalog::load(&[source("wiki.yaml", WIKI), source("wiki/install.sh", "")]).expect("good files");
    resolve_params(catalog.blueprint("wiki").expect("known"), &pairs)
}

#[test]
fn parameters_take_defaults_and_values() {
    let values = set(&[("site", "a\u{7}b".trim_end_matches("\u{7}b")), ("pages", "-5")]).expect("good");
    let expected = [("open", "true"), ("pages", "-5"), ("site", "a")];
    assert_eq!(values, expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect());
}

#[test]
fn bad_parameters_are_refused() {
    let long = "é".repeat(1025);
    type Pairs<'a> = &'a [(&'a str, &'a str)];
    let cases: [(Pairs<'_>, &str, &str); 10] = [
        (&[("site", "a"), ("page", "1")], "`wiki` has no parameter `page`", "did you mean `pages`?"),
        (&[], "`wiki` needs a value for `site`: short name", "add `--set site=…`"),
        (&[("site", "A b")], "`site` cannot be `A b`", "the value must match `[a-z]+|x{2}`"),
        (&[("site", "xxA")], "`site` cannot be `xxA`", "the value must match `[a-z]+|x{2}`"),
        (
            &[("site", "a\u{1b}[2J")],
            "`site` holds a control character: `a\\u{1b}[2J`",
            "a value is printable text; line feed and tab are allowed",
        ),
        (
            &[("site", "a\r")],
            "`site` holds a control character: `a\\r`",
            "a value is printable text; line feed and tab are allowed",
        ),
        (&[("site", &long)], "`site` has 1025 characters", "a value has at most 1024 characters"),
        (&[("site", "a"), ("pages", "1.5")], "`pages` cannot be `1.5`", "the value is a whole number such as `5`"),
        (&[("site", "a"), ("open", "yes")], "`open` cannot be `yes`", "the value is `true` or `false`"),
        (
            &[("site", "a"), ("admin", "x")],
            "`admin` of `wiki` is a secret and cannot be set",
            "leave it out: it is generated, and `lite secrets NAME` shows it",
        ),
    ];
    for (pairs, message, hint) in cases {
        let (said, hints, code) = said(set(pairs));
        assert_eq!((said.as_str(), hints.first().map(String::as_str), code), (message, Some(hint), 2));
    }
}

#[test]
fn a_name_that_is_taken_is_refused() {
    let catalog = embedded();
    let lamp = catalog.blueprint("lamp").expect("known");
    let set = |value: &str| resolve_params(lamp, &[("database".to_owned(), value.to_owned())]);
    assert_eq!(
        said(set("root")),
        (
            "`database` cannot be `root`: that name is taken".to_owned(),
            vec!["choose another; the name is the system's own".to_owned()],
            2
        )
    );
    assert!(set("roots").is_ok());
}
