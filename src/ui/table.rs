//! Tables: two spaces between columns, headings in capitals, no borders; left aligned, money right.

use std::borrow::Cow;

use super::{Tone, ascii::ascii, clean};

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    head: Cow<'static, str>,
    right: bool,
    flexible: bool,
}

impl Column {
    /// Left aligned.
    pub fn left(head: impl Into<Cow<'static, str>>) -> Self {
        Self { head: head.into(), right: false, flexible: false }
    }

    /// Right aligned: money.
    pub fn right(head: impl Into<Cow<'static, str>>) -> Self {
        Self { head: head.into(), right: true, flexible: false }
    }

    /// Left aligned free text, cut with `…` where a terminal is too narrow; never cut in a pipe.
    pub fn flexible(head: impl Into<Cow<'static, str>>) -> Self {
        Self { head: head.into(), right: false, flexible: true }
    }
}

/// A cell; what comes from outside is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Option<Tone>,
    right: bool,
}

impl Cell {
    /// The cell in a tone.
    #[must_use]
    pub fn tone(mut self, tone: Tone) -> Self {
        self.tone = Some(tone);
        self
    }

    /// Right aligned, whatever its column is.
    #[must_use]
    pub fn to_right(mut self) -> Self {
        self.right = true;
        self
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(value: T) -> Self {
        Self { text: clean(&value.to_string()).into_owned(), tone: None, right: false }
    }
}

/// Columns a text takes on a terminal.
pub fn display_width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    let mut measure = comfy_table::Table::new();
    measure.add_row([text]);
    measure.column_max_content_widths().first().map_or(0, |w| usize::from(*w))
}

fn cut(text: &str, width: usize, mark: &str) -> String {
    if display_width(text) <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if display_width(&out) + display_width(mark) > width {
            out.pop();
            break;
        }
    }
    out.truncate(out.trim_end().len());
    out.push_str(mark);
    out
}

/// Rows under headings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    /// What stands for text that was cut off.
    mark: &'static str,
}

impl Table {
    /// An empty table.
    pub fn new(columns: impl Into<Vec<Column>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new(), mark: "…" }
    }

    /// Adds a row; missing cells are empty.
    pub fn row(&mut self, cells: impl Into<Vec<Cell>>) -> &mut Self {
        let mut cells = cells.into();
        cells.resize(self.columns.len(), Cell::from(""));
        self.rows.push(cells);
        self
    }

    /// The table in ASCII alone.
    #[must_use]
    pub fn to_ascii(&self) -> Self {
        let mut table = self.clone();
        table.mark = "...";
        table.columns.iter_mut().for_each(|column| column.head = ascii(&column.head).into_owned().into());
        table.rows.iter_mut().flatten().for_each(|cell| cell.text = ascii(&cell.text).into_owned());
        table
    }

    /// The whole table as text; `width` is that of the terminal, none in a pipe.
    pub fn render(&self, width: Option<usize>, color: bool) -> String {
        let widths = self.widths(width);
        let heads: Vec<Cell> = self.columns.iter().map(|c| Cell::from(&c.head).tone(Tone::Head)).collect();
        let mut out = String::new();
        for cells in std::iter::once(&heads).chain(&self.rows) {
            let mut pending = 0;
            for ((column, cell), width) in self.columns.iter().zip(cells).zip(&widths) {
                let text = cut(&cell.text, *width, self.mark);
                let gap = width - display_width(&text).min(*width);
                let before = if column.right || cell.right { gap } else { 0 };
                if !text.is_empty() {
                    out.extend(std::iter::repeat_n(' ', pending + before));
                    out.push_str(&cell.tone.map_or(text.clone(), |tone| tone.paint(&text, color)));
                    pending = gap - before;
                } else {
                    pending += gap;
                }
                pending += 2;
            }
            out.push('\n');
        }
        out
    }

    fn widths(&self, terminal: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.columns.iter().map(|c| display_width(&c.head)).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(display_width(&cell.text));
            }
        }
        let total = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
        if let Some(terminal) = terminal
            && total > terminal
            && let Some(flexible) = self.columns.iter().position(|c| c.flexible)
        {
            let least = display_width(&self.columns[flexible].head).max(12);
            widths[flexible] = widths[flexible].saturating_sub(total - terminal).max(least);
        }
        widths
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Column, Table, display_width};
    use crate::ui::Tone;

    fn sample() -> Table {
        let mut table = Table::new([Column::left("NAME"), Column::flexible("TITLE"), Column::right("PRICE")]);
        table.row([Cell::from("a"), Cell::from("日本 and more"), Cell::from("5.00")]);
        table.row([Cell::from("long-name"), Cell::from("x\u{1b}y"), Cell::from("1000.00")]);
        table.row([Cell::from("only")]);
        table
    }

    #[test]
    fn aligns_by_display_width_and_leaves_no_trailing_space() {
        let wanted = "NAME       TITLE            PRICE\n\
                      a          日本 and more     5.00\n\
                      long-name  x\\u{1b}y       1000.00\n\
                      only\n";
        assert_eq!(sample().render(None, false), wanted);
    }

    #[test]
    fn cuts_free_text_on_a_narrow_terminal_alone() {
        let mut table = Table::new([Column::left("NAME"), Column::flexible("TITLE")]);
        table.row([Cell::from("web"), Cell::from("The quick brown fox jumps")]);
        assert_eq!(table.render(Some(20), false), "NAME  TITLE\nweb   The quick bro…\n");
        assert_eq!(table.render(None, false), "NAME  TITLE\nweb   The quick brown fox jumps\n");
    }

    #[test]
    fn a_table_in_ascii_is_aligned_and_cut_in_ascii() {
        let mut table = Table::new([Column::flexible("TITLE"), Column::right("PRICE")]);
        table.row([Cell::from("é – the quick brown"), Cell::from("1")]);
        table.row([Cell::from("short"), Cell::from("10")]);
        assert_eq!(
            table.to_ascii().render(Some(23), false),
            "TITLE             PRICE\n\\u{e9} - the...       1\nshort                10\n"
        );
    }

    #[test]
    fn colour_does_not_move_columns() {
        let mut table = Table::new([Column::left("A"), Column::left("B")]);
        table.row([Cell::from("x").tone(Tone::Good), Cell::from("y")]);
        assert_eq!(table.render(None, true), "\u{1b}[1mA\u{1b}[0m  \u{1b}[1mB\u{1b}[0m\n\u{1b}[32mx\u{1b}[0m  y\n");
    }

    #[test]
    fn widths_are_columns_of_a_terminal() {
        assert_eq!(["", "abc", "日本", "é"].map(display_width), [0, 3, 4, 1]);
    }
}
