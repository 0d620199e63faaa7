//! What a page is sent: what is another than what it shows. Pure.

use std::fmt::Write;

/// An element of a page, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its id.
    pub id: String,
    /// The element.
    pub html: String,
}

/// What is shown of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// By what a page says that it shows this.
    pub version: String,
    /// The rows of its table, in their order; none: it has none.
    pub rows: Option<Vec<Part>>,
    /// What stands around the rows: before them, and after them. Without rows the first is all of it.
    pub around: [String; 2],
    /// All else that moves.
    pub parts: Vec<Part>,
    /// What is spoken of when it is another: a name and its state.
    pub states: Vec<(String, String)>,
}

/// Where the rows are, and where they and what stands around them.
const ROWS: &str = "rows";
const LIST: &str = "list";
/// Where it is spoken.
const SPOKEN: &str = "spoken";
/// Most that are spoken of at once.
const MOST: usize = 5;

/// What is sent to a page that shows `before`; without one to a page of which nothing is known. Empty: nothing.
pub fn difference(before: Option<&Shown>, now: &Shown) -> String {
    let mut text = String::new();
    if let Some(rows) = &now.rows {
        let old = before.and_then(|before| before.rows.as_ref());
        let is_same = |old: &[Part]| old.iter().map(|row| &row.id).eq(rows.iter().map(|row| &row.id));
        let all = || rows.iter().map(|row| row.html.as_str()).collect::<String>();
        match old {
            Some(old) if is_same(old) => {
                rows.iter().zip(old).filter(|(new, old)| new != old).for_each(|(new, _)| put(&mut text, new));
            }
            Some(old) if !old.is_empty() && !rows.is_empty() => partial(&mut text, ROWS, "innerMorph", &all()),
            // A page without rows has no table that one could go into, and of which nothing is known may be that.
            _ => partial(&mut text, LIST, "outerMorph", &now.around.join(&all())),
        }
    }
    let is_known = |part: &&Part| before.is_none_or(|before| !before.parts.contains(part));
    now.parts.iter().filter(is_known).for_each(|part| put(&mut text, part));
    let spoken = before.map(|before| changes(&before.states, &now.states)).unwrap_or_default();
    if !spoken.is_empty() {
        partial(&mut text, SPOKEN, "textContent", &spoken);
    }
    text
}

/// What states are others, in words. The words are names and states: letters, digits and hyphens.
fn changes(before: &[(String, String)], now: &[(String, String)]) -> String {
    let old = |name: &str| before.iter().find(|(of, _)| of == name).map(|(_, state)| state);
    let other = now.iter().filter(|(name, state)| old(name).is_none_or(|old| old != state));
    let gone = before.iter().filter(|(name, _)| !now.iter().any(|(of, _)| of == name));
    let mut all: Vec<String> = other.map(|(name, state)| format!("{name} is {state}.")).collect();
    all.extend(gone.map(|(name, _)| format!("{name} is gone.")));
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    if more > 0 {
        all.push(format!("{more} more have changed."));
    }
    all.join(" ")
}

fn put(text: &mut String, part: &Part) {
    partial(text, &part.id, "outerMorph", &part.html);
}

fn partial(text: &mut String, id: &str, swap: &str, html: &str) {
    let _ = writeln!(text, "<hx-partial hx-target=\"#{id}\" hx-swap=\"{swap}\">{html}</hx-partial>");
}

/// An event of server-sent events; the version is its id, which a browser that comes back tells.
pub fn event(version: &str, text: &str) -> String {
    let lines: String = text.lines().map(|line| format!("data: {line}\n")).collect();
    format!("id: {version}\n{lines}\n")
}

#[cfg(test)]
mod tests {
    use super::{Part, Shown, difference, event};

    fn shown(rows: &[(&str, &str)], sum: &str) -> Shown {
        let part = |(id, html): &(&str, &str)| Part { id: format!("r-{id}"), html: format!("<tr>{html}") };
        let states = rows.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect();
        let parts = vec![Part { id: "sum".to_owned(), html: sum.to_owned() }];
        let around = match rows {
            [] => ["<div>none</div>".to_owned(), String::new()],
            _ => ["<div><tbody>".to_owned(), "</tbody></div>".to_owned()],
        };
        Shown { version: sum.to_owned(), rows: Some(rows.iter().map(part).collect()), around, parts, states }
    }

    #[test]
    fn what_is_another_is_sent_and_spoken_and_nothing_else() {
        let before = shown(&[("blog", "running"), ("shop", "running")], "10");
        assert_eq!(difference(Some(&before), &before), "");
        let stopped = shown(&[("blog", "running"), ("shop", "stopped")], "10");
        let partial = |id: &str, swap: &str, html: &str| {
            format!("<hx-partial hx-target=\"#{id}\" hx-swap=\"{swap}\">{html}</hx-partial>\n")
        };
        let spoken = |text: &str| partial("spoken", "textContent", text);
        assert_eq!(
            difference(Some(&before), &stopped),
            partial("r-shop", "outerMorph", "<tr>stopped") + &spoken("shop is stopped.")
        );
        let gone = shown(&[("shop", "running")], "5");
        let all = partial("rows", "innerMorph", "<tr>running") + &partial("sum", "outerMorph", "5");
        assert_eq!(difference(Some(&before), &gone), all + &spoken("blog is gone."));
        let whole =
            |inside: &str, sum: &str| partial("list", "outerMorph", inside) + &partial("sum", "outerMorph", sum);
        let one = whole("<div><tbody><tr>running</tbody></div>", "5");
        assert_eq!(difference(None, &gone), one, "a page of which nothing is known is told all, and nothing is spoken");
        let none = shown(&[], "");
        assert_eq!(difference(Some(&gone), &none), whole("<div>none</div>", "") + &spoken("shop is gone."));
        assert_eq!(difference(Some(&none), &gone), one + &spoken("shop is running."));
    }

    #[test]
    fn of_many_that_change_at_once_some_are_spoken_of() {
        let names = ["a", "b", "c", "d", "e", "f", "g"];
        let all = |state: &'static str| shown(&names.map(|name| (name, state)), "1");
        let text = difference(Some(&all("running")), &all("stopped"));
        assert!(text.ends_with("d is stopped. e is stopped. 2 more have changed.</hx-partial>\n"), "{text}");
    }

    #[test]
    fn an_event_has_its_lines_marked() {
        assert_eq!(event("7", "<a>\n<b>\r\n\n"), "id: 7\ndata: <a>\ndata: <b>\ndata: \n\n");
    }
}
