//! `lite tag`.

use super::tag_text;
use crate::{model::Result, ui::Ui, view::TagsView};

/// Prints the tags of an instance, one a line.
pub fn print_tags(ui: &Ui, view: &TagsView) -> Result<()> {
    if ui.json {
        return ui.document(view);
    }
    ui.data(&view.tags.iter().map(|t| format!("{}\n", tag_text(t))).collect::<String>())
}
