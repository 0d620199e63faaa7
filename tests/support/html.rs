//! Parts of pages, for tests that compare them whole.
#![allow(dead_code, reason = "each test binary uses its part")]

/// What stands between two marks; panics with the page where it has no such part.
pub fn part<'a>(page: &'a str, begin: &str, end: &str) -> &'a str {
    let after = page.split_once(begin).unwrap_or_else(|| panic!("no `{begin}` in {page}")).1;
    after.split_once(end).unwrap_or_else(|| panic!("no `{end}` after `{begin}` in {page}")).0
}

/// The rows of the first table.
pub fn rows(page: &str) -> Vec<&str> {
    let table = part(page, "<tbody", "</tbody>");
    table.split_once(">\n").map_or("", |(_, rows)| rows).lines().collect()
}

/// What is wrong with a form: each with the address of its field, if it has one, and what follows.
pub fn faults(page: &str) -> Vec<&str> {
    part(page, "<div class=\"faults\" role=\"alert\" tabindex=\"-1\" autofocus>", "</div>")
        .split("<li>")
        .skip(1)
        .map(|one| one.split("</li>").next().unwrap_or_default().trim())
        .collect()
}

/// The value of a field of one line.
pub fn value<'a>(page: &'a str, name: &str) -> &'a str {
    part(page, &format!(" name=\"{name}\" value=\""), "\"")
}

/// The name of each row of the first table; none: the page has no table.
pub fn names(page: &str) -> Vec<String> {
    if !page.contains("<tbody") {
        return Vec::new();
    }
    let name = |row: &str| {
        let head = part(row, "<th scope=\"row\">", "</th>");
        head.split_once("\">").map_or(head, |(_, rest)| rest).split('<').next().unwrap_or_default().to_owned()
    };
    rows(page).into_iter().map(name).collect()
}

/// The value behind a label of a list.
pub fn fact<'a>(page: &'a str, label: &str) -> &'a str {
    part(page, &format!("<dt>{label}</dt><dd>"), "</dd>")
}
