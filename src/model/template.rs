//! What templates of others may hold. The engine's fuel pays for steps and bytes, but not for a list that is joined to itself
//! lazily: two dozen such statements take minutes and all memory.

use minijinja::{
    machinery::{Token, tokenize},
    syntax::SyntaxConfig,
};

/// Statements that bind nothing new.
const STATEMENTS: [&str; 8] = ["for", "endfor", "if", "elif", "else", "endif", "autoescape", "endautoescape"];

/// Refuses a template that could grow a value step by step: `set` and its kin, a loop over anything but a variable, a list that
/// is added or multiplied. Text that is no template is left to the engine.
///
/// # Errors
/// What is refused, and what is allowed.
pub fn check_template(template: &str) -> Result<(), String> {
    let tokens = tokenize(template, false, SyntaxConfig::default()).map_while(Result::ok).map(|(token, _)| token);
    let tokens: Vec<Token<'_>> = tokens.collect();
    for (at, token) in tokens.iter().enumerate() {
        if let (Token::BlockStart, Some(Token::Ident(name))) = (token, tokens.get(at + 1)) {
            if !STATEMENTS.contains(name) {
                return Err(format!("`{name}` is not allowed; a template has `for` and `if`, and binds nothing"));
            }
            if *name == "for" {
                check_loop(&tokens[at..])?;
            }
        }
    }
    let grows = tokens.iter().any(|t| matches!(t, Token::Plus | Token::Mul | Token::Pow));
    if grows && tokens.windows(2).any(|pair| matches!(pair, [before, Token::BracketOpen] if !is_value(before))) {
        return Err("a list beside `+` or `*` is not allowed; a template builds no lists".to_owned());
    }
    Ok(())
}

/// Whether a token ends a value, so that `[` after it looks an item up.
fn is_value(token: &Token<'_>) -> bool {
    matches!(token, Token::Ident(name) if !["in", "if", "else", "and", "or", "not", "is"].contains(name))
        || matches!(token, Token::BracketClose | Token::ParenClose | Token::Str(_) | Token::String(_))
}

fn check_loop(tokens: &[Token<'_>]) -> Result<(), String> {
    let inside = tokens.iter().take_while(|t| !matches!(t, Token::BlockEnd));
    let mut over = inside.skip_while(|t| !matches!(t, Token::Ident("in"))).skip(1);
    let plain = over
        .by_ref()
        .take_while(|t| !matches!(t, Token::Ident("if")))
        .all(|t| matches!(t, Token::Ident(name) if *name != "recursive") || matches!(t, Token::Dot));
    if plain { Ok(()) } else { Err("a loop goes over a variable such as `data.points`, and nothing else".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::check_template;

    #[test]
    fn what_grows_is_refused() {
        let binds = |name: &str| format!("`{name}` is not allowed; a template has `for` and `if`, and binds nothing");
        let list = "a list beside `+` or `*` is not allowed; a template builds no lists".to_owned();
        let over = "a loop goes over a variable such as `data.points`, and nothing else".to_owned();
        let cases = [
            ("{% set a = a + a %}", binds("set")),
            ("{%- with a = 1 %}{% endwith %}", binds("with")),
            ("{% macro m() %}{% endmacro %}", binds("macro")),
            ("{% filter upper %}{% endfilter %}", binds("filter")),
            ("{{ ([0] * 400000000) == 1 }}", list.clone()),
            ("{{ 1 in [0] + [0] }}", list),
            ("{% for x in [a, a] %}{% endfor %}", over.clone()),
            ("{% for x in a ~ a %}{% endfor %}", over.clone()),
            ("{% for x in range(9) %}{% endfor %}", over.clone()),
            ("{% for x in a recursive %}{% endfor %}", over),
        ];
        for (template, why) in cases {
            assert_eq!(check_template(template), Err(why), "{template}");
        }
        let good = [
            "{{ data.points[7] + 1 }}",
            "{{ value * 100 }}",
            "{% if a in ['x', 'y'] %}y{% else %}n{% endif %}",
            "{% for p in data.points if p.value > 1 %}{{ loop.index }}{% endfor %}",
            "{{ not closed",
        ];
        for template in good {
            assert_eq!(check_template(template), Ok(()), "{template}");
        }
    }
}
