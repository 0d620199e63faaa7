//! `lite bundles`.

use super::{or_dash, price_cell, print_disk};
use crate::{
    model::{DiskUsage, Result},
    ui::{Cell, Column, Table, Ui},
    view::{BundleRow, BundlesDocument, DiskView},
};

/// Prints the bundles, with how many more of each fit, and on stderr the host's disk.
pub fn print_bundles(ui: &Ui, rows: &[BundleRow], disk: Option<DiskUsage>) -> Result<()> {
    if ui.json {
        return ui.document(&BundlesDocument { bundles: rows, disk: disk.map(DiskView::from) });
    }
    let currency = rows.first().map(|r| r.currency.as_str()).filter(|c| rows.iter().all(|r| r.currency.as_str() == *c));
    let mut table = Table::new([
        Column::left("BUNDLE"),
        Column::left("VCPU"),
        Column::left("MEMORY"),
        Column::left("DISK"),
        Column::left("TRANSFER/MONTH"),
        Column::right(format!("{}/MONTH", currency.unwrap_or("PRICE"))),
        Column::left("FITS"),
    ]);
    for row in rows {
        let fits = match row.fits {
            Some(0) => format!("no: {}", row.short.join(", ")),
            fits => or_dash(fits.map(|f| format!("{f} more"))),
        };
        let price = price_cell(row.price, &row.currency, currency);
        let cells: [Cell; 7] = [
            (&row.id).into(),
            row.vcpus.into(),
            row.memory.into(),
            row.disk.into(),
            row.transfer.into(),
            price,
            fits.into(),
        ];
        table.row(cells);
    }
    ui.table(&table)?;
    print_disk(ui, disk);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::print_bundles;
    use crate::view::BundleRow;
    use crate::{
        model::{Currency, DiskUsage, Money, Size},
        ui::{Ui, testing::Capture},
    };

    fn rows() -> Vec<BundleRow> {
        let row = |id: &str, mib, disk: u64, transfer: u64, hundredths, fits| BundleRow {
            id: id.to_owned(),
            vcpus: 2,
            memory: Size::mib(mib),
            disk: Size::mib(disk << 10),
            transfer: Size::mib(transfer << 20),
            price: Money::hundredths(hundredths),
            currency: Currency::parse("USD").unwrap(),
            fits,
            short: if fits == Some(0) { vec!["memory", "disk"] } else { vec![] },
        };
        vec![
            row("nano", 512, 20, 1, 500, Some(12)),
            row("small", 2048, 60, 3, 1200, Some(0)),
            row("large", 8192, 160, 5, 4400, None),
        ]
    }

    fn usage() -> DiskUsage {
        let [promised, limit, used, free, reserve] = [60, 208, 1, 51, 5].map(|gib| Size::mib(gib << 10));
        DiskUsage { promised, limit, used, free, reserve }
    }

    #[test]
    fn says_how_many_more_fit() {
        let capture = Capture::default();
        assert_eq!(print_bundles(&capture.ui(), &rows(), Some(usage())), Ok(()));
        let wanted = "BUNDLE  VCPU  MEMORY   DISK     TRANSFER/MONTH  USD/MONTH  FITS\n\
                      nano    2     512 MiB  20 GiB   1 TiB                5.00  12 more\n\
                      small   2     2 GiB    60 GiB   3 TiB               12.00  no: memory, disk\n\
                      large   2     8 GiB    160 GiB  5 TiB               44.00  -\n";
        assert_eq!(capture.stdout(), wanted);
        assert_eq!(capture.stderr(), "disk: 60 GiB promised of at most 208 GiB, 1 GiB used, 51 GiB free\n");
    }

    #[test]
    fn json_shape() {
        let capture = Capture::default();
        assert_eq!(print_bundles(&Ui { json: true, ..capture.ui() }, &rows()[..1], Some(usage())), Ok(()));
        let wanted = serde_json::json!({"schema": 2, "bundles": [{
            "id": "nano", "vcpus": 2, "memory_bytes": 536_870_912_u64, "disk_bytes": 21_474_836_480_u64,
            "transfer_bytes": 1_099_511_627_776_u64, "price": "5.00", "currency": "USD", "fits": 12, "short": [],
        }], "disk": {
            "promised_bytes": 64_424_509_440_u64, "limit_bytes": 223_338_299_392_u64, "used_bytes": 1_073_741_824_u64,
            "free_bytes": 54_760_833_024_u64, "reserve_bytes": 5_368_709_120_u64,
        }});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
    }
}
