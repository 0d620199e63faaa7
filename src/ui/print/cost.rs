//! `lite cost`.

use super::{ListColumn, list::priced};
use crate::{
    model::Result,
    ui::Ui,
    view::{CostDocument, ListRow, StorageRow},
};

/// Prints what each instance costs a month, all disks and snapshots, and the sum; stopped instances cost the same.
pub fn print_cost(ui: &Ui, (rows, storage): (&[ListRow], &[StorageRow])) -> Result<()> {
    let document = CostDocument::of(rows, storage);
    if ui.json {
        return ui.document(&document);
    }
    if rows.is_empty() && document.totals.is_empty() {
        ui.hint("there are no instances, and nothing to pay; `lite bundles` lists the prices");
        return Ok(());
    }
    ui.table(&priced(
        (rows, storage),
        &[ListColumn::Name, ListColumn::State, ListColumn::Bundle, ListColumn::Created, ListColumn::Price],
        &document.totals,
    ))
}

#[cfg(test)]
mod tests {
    use super::print_cost;
    use crate::ui::{Ui, testing::Capture};
    use crate::{
        model::{Currency, Money, ResourceKind, Size, StoragePrices},
        view::{StorageRow, row::tests::two},
    };

    fn storage() -> Vec<StorageRow> {
        let at = StoragePrices {
            disk: Money::hundredths(10),
            snapshot: Money::hundredths(5),
            currency: Currency::parse("USD").unwrap(),
        };
        let row = |kind, name: &str, instance: Option<&str>, gib: u64| {
            StorageRow::new(kind, (name.to_owned(), instance.map(str::to_owned)), Size::mib(gib << 10), &at)
        };
        vec![row(ResourceKind::Disk, "data", None, 50), row(ResourceKind::Snapshot, "before", Some("test"), 2)]
    }

    #[test]
    fn each_and_the_sum() {
        let capture = Capture::default();
        assert_eq!(print_cost(&capture.ui(), (&two(), &storage())), Ok(()));
        let wanted = "NAME         STATE    BUNDLE  CREATED               USD/MONTH\n\
                      wordpress-1  running  small   2026-03-01T10:20:30Z      12.00\n\
                      test         stopped  nano    2026-03-01T10:20:30Z       5.00\n\
                      \x20                                            disks       5.00\n\
                      \x20                                        snapshots       0.10\n\
                      \x20                                            total      22.10\n";
        assert_eq!(capture.stdout(), wanted);
    }

    #[test]
    fn json_shape() {
        let capture = Capture::default();
        assert_eq!(print_cost(&Ui { json: true, ..capture.ui() }, (&two(), &storage()[1..])), Ok(()));
        let wanted = serde_json::json!({
            "schema": 2,
            "instances": [
                {"name": "wordpress-1", "bundle": "small", "price": "12.00", "currency": "USD"},
                {"name": "test", "bundle": "nano", "price": "5.00", "currency": "USD"},
            ],
            "storage": [{"kind": "snapshot", "name": "before", "instance": "test", "mount": null, "size_bytes": 2_147_483_648_u64,
                         "price": "0.10", "currency": "USD"}],
            "totals": [{"price": "17.10", "currency": "USD"}],
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
    }
}
