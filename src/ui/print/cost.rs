//! `lite cost`.

use super::{ListColumn, list::priced};
use crate::{
    model::Result,
    ui::Ui,
    view::{CostDocument, ListRow},
};

/// Prints what each instance costs a month, and the sum; stopped instances cost the same.
pub fn print_cost(ui: &Ui, rows: &[ListRow]) -> Result<()> {
    let document = CostDocument::of(rows);
    if ui.json {
        return ui.document(&document);
    }
    if rows.is_empty() {
        ui.hint("there are no instances, and nothing to pay; `lite bundles` lists the prices");
        return Ok(());
    }
    ui.table(&priced(
        rows,
        &[ListColumn::Name, ListColumn::State, ListColumn::Bundle, ListColumn::Created, ListColumn::Price],
        &document.totals,
    ))
}

#[cfg(test)]
mod tests {
    use super::print_cost;
    use crate::ui::{Ui, testing::Capture};
    use crate::view::row::tests::two;

    #[test]
    fn each_and_the_sum() {
        let capture = Capture::default();
        assert_eq!(print_cost(&capture.ui(), &two()), Ok(()));
        let wanted = "NAME         STATE    BUNDLE  CREATED               USD/MONTH\n\
                      wordpress-1  running  small   2026-03-01T10:20:30Z      12.00\n\
                      test         stopped  nano    2026-03-01T10:20:30Z       5.00\n\
                      \x20                                            total      17.00\n";
        assert_eq!(capture.stdout(), wanted);
    }

    #[test]
    fn json_shape() {
        let capture = Capture::default();
        assert_eq!(print_cost(&Ui { json: true, ..capture.ui() }, &two()), Ok(()));
        let wanted = serde_json::json!({
            "schema": 2,
            "instances": [
                {"name": "wordpress-1", "bundle": "small", "price": "12.00", "currency": "USD"},
                {"name": "test", "bundle": "nano", "price": "5.00", "currency": "USD"},
            ],
            "totals": [{"price": "17.00", "currency": "USD"}],
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
    }
}
