//! `lite list`.

use super::{ListColumn, price_cell, print_disk};
use crate::{
    model::{Currency, DiskUsage, Money, ResourceKind, Result},
    ui::{Cell, Table, Ui},
    view::{DiskView, ListDocument, ListRow, StorageRow, Total, totals_of},
};

/// Prints the instances and the sum of their prices, and on stderr the host's disk. Nothing to list is nothing on stdout and
/// the next command on stderr.
pub fn print_list(
    ui: &Ui,
    (rows, storage): (&[ListRow], &[StorageRow]),
    disk: Option<DiskUsage>,
    columns: &[ListColumn],
) -> Result<()> {
    if ui.json {
        return ui.document(&ListDocument::of(rows, storage, disk.map(DiskView::from)));
    }
    if rows.is_empty() && costing(storage).is_empty() {
        ui.hint("there are no instances: `lite create nginx` makes one, `lite blueprints` lists what there is");
        return Ok(());
    }
    ui.table(&priced((rows, storage), columns, &totals_of(rows, storage)))?;
    print_disk(ui, disk);
    Ok(())
}

/// The table of some instances. Its last rows are the totals, one per currency, if the price is shown beside something.
pub(super) fn priced((rows, storage): (&[ListRow], &[StorageRow]), columns: &[ListColumn], sums: &[Total]) -> Table {
    let currency = match sums {
        [one] => Some(one.currency.as_str()),
        _ => None,
    };
    let mut table = Table::new(columns.iter().map(|c| c.column(currency)).collect::<Vec<_>>());
    for row in rows {
        table.row(columns.iter().map(|c| c.cell(row, currency)).collect::<Vec<_>>());
    }
    if let Some(at) = columns.iter().position(|c| *c == ListColumn::Price).filter(|at| *at > 0) {
        let mut line = |what: &str, price: Money, of: &Currency| {
            let mut cells = vec![Cell::from(""); at - 1];
            cells.push(Cell::from(what).to_right());
            cells.push(price_cell(price, of, currency));
            table.row(cells);
        };
        for (what, price, of) in costing(storage) {
            line(what, price, &of);
        }
        for sum in sums {
            line("total", sum.price, &sum.currency);
        }
    }
    table
}

/// What all disks cost, and all snapshots, where they cost anything.
fn costing(storage: &[StorageRow]) -> Vec<(&'static str, Money, Currency)> {
    let of = |kind: ResourceKind, what| {
        let mut rows = storage.iter().filter(|row| row.kind == kind).peekable();
        let currency = rows.peek()?.currency.clone();
        let sum: Money = rows.map(|row| row.price).sum();
        (sum > Money::default()).then_some((what, sum, currency))
    };
    [of(ResourceKind::Disk, "disks"), of(ResourceKind::Snapshot, "snapshots")].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::{ListColumn, print_list};
    use crate::view::row::tests::two;
    use crate::{
        model::Currency,
        ui::{Ui, testing::Capture},
    };

    fn listed(columns: &[ListColumn]) -> String {
        let capture = Capture::default();
        assert_eq!(print_list(&capture.ui(), (&two(), &[]), None, columns), Ok(()));
        assert_eq!(capture.stderr(), "");
        capture.stdout()
    }

    #[test]
    fn the_list_of_the_design() {
        let wanted = "NAME         STATE    HEALTH  BLUEPRINT  BUNDLE  ADDRESS         USD/MONTH\n\
                      wordpress-1  running  ok      wordpress  small   192.168.150.10      12.00\n\
                      test         stopped  -       debian-13  nano    192.168.150.11       5.00\n\
                      \x20                                                         total      17.00\n";
        assert_eq!(listed(&ListColumn::DEFAULT), wanted);
    }

    #[test]
    fn columns_as_asked_for() {
        use ListColumn::{Base, Created, Disk, Memory, Name, Network, Ports, Price, Tags, Uuid, Vcpus};
        assert_eq!(listed(&[Name]), "NAME\nwordpress-1\ntest\n");
        assert_eq!(listed(&[Price, Name]), "USD/MONTH  NAME\n    12.00  wordpress-1\n     5.00  test\n");
        let wanted = "BASE       VCPU  MEMORY   DISK    NETWORK  PORTS           TAGS               CREATED\n\
                      debian-13  2     2 GiB    60 GiB  nat      22/tcp, 80/tcp  client=acme, live  2026-03-01T10:20:30Z\n\
                      debian-13  2     512 MiB  20 GiB  nat      -               -                  2026-03-01T10:20:30Z\n";
        assert_eq!(listed(&[Base, Vcpus, Memory, Disk, Network, Ports, Tags, Created]), wanted);
        assert_eq!(listed(&[ListColumn::Snapshot]), "LAST SNAPSHOT\n2026-03-02T03:00:01Z\n-\n");
        use ListColumn::{Image, Version};
        let wanted = "VERSION  IMAGE\n1        0123456789ab\n1        0123456789ab\n";
        assert_eq!(listed(&[Version, Image]), wanted);
        let wanted = "UUID                                  USD/MONTH\n\
                      00000000-0000-0000-0000-00000000000a      12.00\n\
                      00000000-0000-0000-0000-00000000000b       5.00\n\
                      \x20                              total      17.00\n";
        assert_eq!(listed(&[Uuid, Price]), wanted);
    }

    #[test]
    fn two_currencies_have_two_totals() {
        let mut rows = two();
        rows[1].currency = Currency::parse("EUR").unwrap();
        let capture = Capture::default();
        assert_eq!(print_list(&capture.ui(), (&rows, &[]), None, &[ListColumn::Name, ListColumn::Price]), Ok(()));
        let wanted = "NAME         PRICE/MONTH\n\
                      wordpress-1    12.00 USD\n\
                      test            5.00 EUR\n\
                      \x20     total     5.00 EUR\n\
                      \x20     total    12.00 USD\n";
        assert_eq!(capture.stdout(), wanted);
    }

    #[test]
    fn nothing_to_list() {
        let capture = Capture::default();
        assert_eq!(print_list(&capture.ui(), (&[], &[]), None, &ListColumn::DEFAULT), Ok(()));
        let hint =
            "hint: there are no instances: `lite create nginx` makes one, `lite blueprints` lists what there is\n";
        assert_eq!((capture.stdout().as_str(), capture.stderr().as_str()), ("", hint));
    }

    #[test]
    fn json_shape() {
        let capture = Capture::default();
        assert_eq!(
            print_list(&Ui { json: true, ..capture.ui() }, (&two()[..1], &[]), None, &ListColumn::DEFAULT),
            Ok(())
        );
        let wanted = r#"{
  "schema": 2,
  "instances": [
    {
      "name": "wordpress-1",
      "uuid": "00000000-0000-0000-0000-00000000000a",
      "state": "running",
      "health": "ok",
      "blueprint": "wordpress",
      "base": "debian-13",
      "bundle": "small",
      "vcpus": 2,
      "memory_bytes": 2147483648,
      "disk_bytes": 64424509440,
      "address": "192.168.150.10",
      "static_address": null,
      "network": "nat",
      "ports": [
        "22/tcp",
        "80/tcp"
      ],
      "published": [],
      "sites": [],
      "price": "12.00",
      "currency": "USD",
      "tags": {
        "client": "acme",
        "live": ""
      },
      "created_at": "2026-03-01T10:20:30Z"
    }
  ],
  "storage": [],
  "totals": [
    {
      "price": "12.00",
      "currency": "USD"
    }
  ],
  "disk": null
}
"#;
        assert_eq!(capture.stdout(), wanted);
    }

    #[test]
    fn an_unknown_column_names_the_nearest() {
        let error = ListColumn::parse("adress").err();
        assert_eq!(
            error.as_ref().map(|e| (e.code.as_str(), e.message.as_str())),
            Some(("unknown_column", "there is no column `adress`"))
        );
        assert_eq!(error.and_then(|e| e.hint_texts().first().cloned()), Some("did you mean `address`?".to_owned()));
    }
}
