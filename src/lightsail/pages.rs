//! Lists in pages. A token says after what its page begins, so that nothing is kept for who never comes back.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::fault::{Answer, Fault};

/// Longest token that is looked at.
const LONGEST: usize = 512;

/// What of a list is on a page, in the order of `key`, and the token of the next page.
///
/// # Errors
/// The token is none of this list.
pub fn page<T>(
    list: &str,
    items: Vec<T>,
    key: impl Fn(&T) -> String,
    (token, size): (Option<&str>, usize),
) -> Answer<(Vec<T>, Option<String>)> {
    let after = after(list, token)?;
    let mut keyed: Vec<(String, T)> = items.into_iter().map(|item| (key(&item), item)).collect();
    keyed.retain(|(key, _)| after.as_ref().is_none_or(|after| key > after));
    keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
    let more = keyed.len() > size;
    keyed.truncate(size);
    let next = keyed.last().filter(|_| more).map(|(key, _)| URL_SAFE_NO_PAD.encode(format!("{list}\n{key}")));
    Ok((keyed.into_iter().map(|(_, item)| item).collect(), next))
}

/// After what the page of a token begins; none: it is the first.
///
/// # Errors
/// The token is none of this list.
pub fn after(list: &str, token: Option<&str>) -> Answer<Option<String>> {
    token.map(|token| read(list, token)).transpose()
}

fn read(list: &str, token: &str) -> Answer<String> {
    let wrong = || Fault::invalid("`pageToken` is none of this list").tip("leave it out to begin anew");
    if token.len() > LONGEST {
        return Err(wrong());
    }
    let text = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(wrong)?;
    let (of, key) = text.split_once('\n').ok_or_else(wrong)?;
    if of == list { Ok(key.to_owned()) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::page;

    fn names(token: Option<&str>, size: usize) -> Result<(Vec<&'static str>, Option<String>), &'static str> {
        page("names", vec!["c", "a", "b"], |name| (*name).to_owned(), (token, size)).map_err(|fault| fault.kind)
    }

    #[test]
    fn pages_follow_each_other_and_the_last_has_no_token() {
        let (first, token) = names(None, 2).unwrap();
        assert_eq!(first, ["a", "b"]);
        assert_eq!(names(token.as_deref(), 2), Ok((vec!["c"], None)));
        assert_eq!(names(None, 3), Ok((vec!["a", "b", "c"], None)));
    }

    #[test]
    fn a_token_of_something_else_is_refused_and_one_of_what_is_gone_goes_on_after_it() {
        let token = |text: &str| URL_SAFE_NO_PAD.encode(text);
        assert_eq!(names(Some(&token("names\naa")), 9), Ok((vec!["b", "c"], None)));
        assert_eq!(names(Some(&token("names\n\u{10ffff}")), 9), Ok((vec![], None)));
        let long = token(&format!("names\n{}", "a".repeat(600)));
        for forged in ["", "!", "names", &token("disks\na"), &token("names"), "_w", &long] {
            assert_eq!(names(Some(forged), 9), Err("InvalidInputException"), "{forged}");
        }
    }
}
