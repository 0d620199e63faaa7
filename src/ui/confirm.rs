//! Questions before something is destroyed.

use std::io::{BufRead, Write};

use super::{Tone, Ui, clean, locked};
use crate::model::{Code, Error, Result};

impl Ui {
    /// Asks a question on the terminal; only `y` or `yes` is a yes. Where there is no terminal to ask on it is refused
    /// (`needs_yes`, exit 2): a script says `--yes`.
    pub fn confirm(&self, prompt: &str) -> Result<bool> {
        if !self.stdin_tty || !self.stderr_tty {
            return Err(Error::new(Code::NeedsYes, format!("not done without a yes: {}", clean(prompt)))
                .hint("there is no terminal to ask on: add `--yes`"));
        }
        {
            let mut err = locked(&self.stderr);
            let question = format!("{} [y/N] ", Tone::Head.paint(&clean(prompt), self.color_err));
            err.write_all(question.as_bytes()).and_then(|()| err.flush()).ok();
        }
        let mut answer = String::new();
        locked(&self.stdin).read_line(&mut answer).map_err(|e| {
            Error::new(Code::NoAnswer, "cannot read the answer from the terminal").cause(e).hint("or add `--yes`")
        })?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }
}

#[cfg(test)]
mod tests {
    use crate::ui::testing::Capture;

    #[test]
    fn only_a_yes_is_a_yes() {
        for (input, yes) in
            [("y\n", true), ("YES\n", true), ("n\n", false), ("\n", false), ("", false), ("yeah\n", false)]
        {
            let (ui, capture) = Capture::terminal(input);
            assert_eq!(ui.confirm("delete `web-1`?"), Ok(yes), "{input:?}");
            assert_eq!(capture.stdout(), "");
            assert_eq!(capture.stderr(), "\u{1b}[1mdelete `web-1`?\u{1b}[0m [y/N] ");
        }
    }

    #[test]
    fn without_a_terminal_it_is_refused() {
        let capture = Capture::default();
        let error = capture.ui().confirm("delete `web-1`?").err();
        assert_eq!(error.as_ref().map(|e| (e.code.as_str(), e.exit_code())), Some(("needs_yes", 2)));
        assert_eq!(error.map(|e| e.hint_texts()), Some(vec!["there is no terminal to ask on: add `--yes`".to_owned()]));
        assert_eq!(capture.stderr(), "");
    }
}
