//! Blocks: a label in capitals and its value, line by line, as at the end of `lite create`.

use super::{Tone, clean, display_width};

/// Labels and values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Block(Vec<(String, String)>);

impl Block {
    /// An empty block.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line. The label is printed in capitals; both are escaped.
    pub fn row(&mut self, label: &str, value: impl ToString) -> &mut Self {
        self.0.push((clean(label).to_uppercase(), clean(&value.to_string()).into_owned()));
        self
    }

    /// Adds a line if there is a value.
    pub fn maybe(&mut self, label: &str, value: Option<impl ToString>) -> &mut Self {
        match value {
            Some(value) => self.row(label, value),
            None => self,
        }
    }

    /// The block as text: values start at the same column, the 14th or later.
    pub fn render(&self, color: bool) -> String {
        let width = self.0.iter().map(|(label, _)| display_width(label)).max().unwrap_or(0).max(11) + 2;
        let mut out = String::new();
        for (label, value) in &self.0 {
            out.push_str(&Tone::Head.paint(label, color));
            if !value.is_empty() {
                out.extend(std::iter::repeat_n(' ', width - display_width(label)));
                out.push_str(value);
            }
            out.push('\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Block;

    #[test]
    fn values_start_at_one_column() {
        let mut block = Block::new();
        block.row("name", "web-1").row("A very long label", "x").maybe("none", None::<&str>).row("EMPTY", "");
        assert_eq!(block.render(false), "NAME               web-1\nA VERY LONG LABEL  x\nEMPTY\n");
        assert_eq!(Block::new().row("URL", "http://x/").render(false), "URL          http://x/\n");
    }
}
