//! Whether to colour, and with what.

use anstyle::{AnsiColor, Style};

/// The `--color` flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ColorChoice {
    /// On a terminal, unless the environment says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What the environment says about colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ColorEnv {
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set, not empty and not `0`.
    pub force: bool,
    /// `TERM` is `dumb`.
    pub dumb: bool,
}

impl ColorEnv {
    /// Whether a stream is coloured: the flag, then `NO_COLOR`, then `CLICOLOR_FORCE`, then whether it is a terminal.
    pub fn decide(self, choice: ColorChoice, is_tty: bool) -> bool {
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => !self.no_color && (self.force || (is_tty && !self.dumb)),
        }
    }
}

/// What a coloured text says; it is always said in words too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// In between, or worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// Less important.
    Dim,
    /// A heading.
    Head,
    /// A next step.
    Hint,
}

impl Tone {
    fn style(self) -> Style {
        let fg = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Self::Good => fg(AnsiColor::Green),
            Self::Warn => fg(AnsiColor::Yellow),
            Self::Bad => fg(AnsiColor::Red).bold(),
            Self::Dim => Style::new().dimmed(),
            Self::Head => Style::new().bold(),
            Self::Hint => fg(AnsiColor::Cyan),
        }
    }

    /// The text in this tone, or as it is when `color` is off.
    pub fn paint(self, text: &str, color: bool) -> String {
        let style = self.style();
        if color { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::{ColorChoice, ColorEnv, Tone};

    #[test]
    fn the_flag_then_no_color_then_force_then_the_terminal() {
        let env = |no_color, force, dumb| ColorEnv { no_color, force, dumb };
        let cases = [
            (env(false, false, false), ColorChoice::Auto, true, true),
            (env(false, false, false), ColorChoice::Auto, false, false),
            (env(true, false, false), ColorChoice::Auto, true, false),
            (env(true, true, false), ColorChoice::Auto, true, false),
            (env(false, true, false), ColorChoice::Auto, false, true),
            (env(false, false, true), ColorChoice::Auto, true, false),
            (env(true, false, false), ColorChoice::Always, false, true),
            (env(false, true, false), ColorChoice::Never, true, false),
        ];
        for (env, choice, tty, wanted) in cases {
            assert_eq!(env.decide(choice, tty), wanted, "{env:?} {choice:?} {tty}");
        }
    }

    #[test]
    fn paint_is_the_text_itself_without_colour() {
        assert_eq!(Tone::Bad.paint("failed", false), "failed");
        assert_eq!(Tone::Good.paint("ok", true), "\u{1b}[32mok\u{1b}[0m");
    }
}
