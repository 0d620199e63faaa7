//! `lite watch --install`.

use crate::{model::Result, ui::Ui, view::UnitView};

/// Says which unit was written and how it is started; `name` is the unit's.
pub fn print_unit(ui: &Ui, view: &UnitView, name: &str) -> Result<()> {
    ui.status(&format!("wrote {}", view.unit.display()));
    ui.hint(&format!("start it now and at every boot: `systemctl enable --now {name}`"));
    if ui.json { ui.document(view) } else { Ok(()) }
}
