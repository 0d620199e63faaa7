//! The crate's own source, read as words and signs: enough for rules about who uses what, without a compiler's help.
#![allow(dead_code, reason = "each test binary uses its part")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// A word, a sign or a string of the source, with its line.
type Token = (usize, String);

/// Words, signs and strings, without comments and white space. A string is its text behind a `"`, escapes as written.
pub fn tokens(source: &str) -> Vec<Token> {
    let text: Vec<char> = source.chars().collect();
    let at = |i: usize| text.get(i).copied().unwrap_or('\0');
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut i, mut line, mut out) = (0, 1, Vec::new());
    while i < text.len() {
        let start = i;
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < text.len() && at(i) != '\n' {
                    i += 1
                }
            }
            '/' if at(i + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 || i >= text.len() {
                        break;
                    }
                }
            }
            '"' => {
                i = string_end(&text, i);
                let end = i.saturating_sub(1).clamp(start + 1, text.len());
                out.push((line, format!("\"{}", text[start + 1..end].iter().collect::<String>())));
            }
            '\'' if at(i + 1) == '\\' => {
                i += 3;
                while i < text.len() && at(i) != '\'' {
                    i += 1
                }
                i += 1;
            }
            '\'' if at(i + 2) == '\'' => i += 3,
            c if word(c) => {
                while word(at(i)) {
                    i += 1
                }
                let found: String = text[start..i].iter().collect();
                let hashes = text[i..].iter().take_while(|c| **c == '#').count();
                if ["r", "br", "cr"].contains(&found.as_str()) && at(i + hashes) == '"' {
                    i += hashes + 1;
                    let begin = i;
                    while i < text.len() && !(at(i) == '"' && (1..=hashes).all(|k| at(i + k) == '#')) {
                        i += 1
                    }
                    out.push((line, format!("\"{}", text[begin..i].iter().collect::<String>())));
                    i += hashes + 1;
                } else if found == "r" && hashes == 1 {
                    i += 1; // r#name
                } else {
                    out.push((line, found));
                }
            }
            ':' if at(i + 1) == ':' => {
                i += 2;
                out.push((line, "::".into()));
            }
            c => {
                i += 1;
                if !c.is_whitespace() {
                    out.push((line, c.to_string()))
                }
            }
        }
        line += text[start..i.min(text.len())].iter().filter(|c| **c == '\n').count();
    }
    out
}

/// Behind the string that opens at `i`.
fn string_end(text: &[char], mut i: usize) -> usize {
    i += 1;
    while i < text.len() && text[i] != '"' {
        i += if text[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// Takes `#[cfg(test)]` items out; tells the names of modules that lie in files of their own.
pub fn without_tests(all: &[Token]) -> (Vec<Token>, Vec<String>) {
    let is = |i: usize, want: &[&str]| want.iter().enumerate().all(|(k, w)| all.get(i + k).is_some_and(|t| t.1 == *w));
    let (mut i, mut kept, mut files) = (0, Vec::new(), Vec::new());
    while i < all.len() {
        if !is(i, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            kept.push(all[i].clone());
            i += 1;
            continue;
        }
        i += 7;
        let (mut depth, start) = (0, i);
        while i < all.len() {
            match all[i].1.as_str() {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
            i += 1;
            // The item ends at its `;`, or at its closing brace (a `use` group's brace is followed by its `;`).
            let more = all.get(i).is_some_and(|t| t.1 == ";");
            if depth == 0 && (all[i - 1].1 == ";" || all[i - 1].1 == "}" && !more) {
                break;
            }
        }
        let item = &all[start..i];
        if let [.., (_, keyword), (_, name), (_, end)] = item
            && keyword == "mod"
            && end == ";"
        {
            files.push(name.clone());
        }
    }
    (kept, files)
}

/// Every path, groups spread out: `a::{b, c::d}` is `a::b` and `a::c::d`.
pub fn paths(all: &[Token]) -> Vec<(usize, Vec<String>)> {
    let mut out = Vec::new();
    let name = |t: &str| t.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let mut i = 0;
    while i < all.len() {
        let before = i.checked_sub(1).map_or("", |b| all[b].1.as_str());
        let grows = all.get(i + 1).is_some_and(|t| t.1 == "::");
        if name(&all[i].1) && before != "::" && before != "." && (grows || before == "use") {
            i = spread(all, i, &mut Vec::new(), &mut out);
        } else {
            i += 1;
        }
    }
    out
}

/// One branch of a path from token `i`; the token behind it.
fn spread(all: &[Token], mut i: usize, stem: &mut Vec<String>, out: &mut Vec<(usize, Vec<String>)>) -> usize {
    let depth = stem.len();
    let text = |i: usize| all.get(i).map_or("", |t| t.1.as_str());
    let line = all.get(i).map_or(0, |t| t.0);
    loop {
        if text(i) == "{" {
            i += 1;
            while !matches!(text(i), "}" | "") {
                i = spread(all, i, stem, out);
                while !matches!(text(i), "," | "}" | "") {
                    i += 1
                } // `as name`
                if text(i) == "," {
                    i += 1
                }
            }
            i += 1;
            break;
        }
        if text(i) != "self" || depth == 0 && stem.is_empty() {
            stem.push(text(i).to_owned())
        }
        i += 1;
        if text(i) == "::"
            && (text(i + 1) == "{"
                || text(i + 1) == "*"
                || text(i + 1).starts_with(|c: char| c.is_alphabetic() || c == '_'))
        {
            i += 1;
            continue;
        }
        out.push((line, stem.clone()));
        break;
    }
    stem.truncate(depth);
    i
}

/// Every source file, and those that are test modules only.
pub fn sources(dir: &Path, found: &mut Vec<PathBuf>, tests: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(dir).expect("src").map(|e| e.expect("entry").path()) {
        if entry.is_dir() {
            sources(&entry, found, tests);
        } else if entry.extension().is_some_and(|e| e == "rs") {
            let stem = entry.file_stem().expect("stem");
            let home = if stem == "mod" || stem == "lib" || stem == "main" { dir.to_owned() } else { dir.join(stem) };
            let source = fs::read_to_string(&entry).expect("read");
            for name in without_tests(&tokens(&source)).1 {
                tests.extend([home.join(format!("{name}.rs")), home.join(&name)]);
            }
            found.push(entry);
        }
    }
}
