//! `lite resize`.

use crate::{
    model::Result,
    ui::Ui,
    view::{ResizedDocument, ResizedView},
};

/// Says on stderr what an instance has now, or in a dry run what it would have; with `--json` on stdout.
pub fn print_resized(ui: &Ui, resized: &[ResizedView], dry_run: bool) -> Result<()> {
    for view in resized {
        let (bundle, size) = (&view.now.bundle, view.sentence());
        match dry_run {
            true => ui.status(&format!("{} would get bundle {bundle}: {size}; nothing was changed", view.name)),
            false => ui.status(&format!(
                "{}: {bundle}, {} vCPUs, {} of memory, {} of disk, {} {}/month",
                view.name, view.now.vcpus, view.now.memory, view.now.disk, view.now.price, view.now.currency
            )),
        }
    }
    if ui.json { ui.document(&ResizedDocument { dry_run, resized }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::print_resized;
    use crate::{
        model::{Currency, Money, Size},
        ui::{Ui, testing::Capture},
        view::{ResizedView, SizeView},
    };

    fn view() -> ResizedView {
        let size = |bundle: &str, memory, disk: u64, price| SizeView {
            bundle: bundle.to_owned(),
            vcpus: 2,
            memory: Size::mib(memory),
            disk: Size::mib(disk << 10),
            price: Money::hundredths(price),
            currency: Currency::parse("USD").unwrap(),
        };
        ResizedView {
            name: "web".to_owned(),
            now: size("micro", 1024, 40, 700),
            before: size("nano", 512, 20, 500),
            restarts: true,
            smaller: None,
        }
    }

    #[test]
    fn says_what_it_has_and_what_it_would_have() {
        let capture = Capture::default();
        assert_eq!(print_resized(&capture.ui(), &[view()], false), Ok(()));
        let says = "web: micro, 2 vCPUs, 1 GiB of memory, 40 GiB of disk, 7.00 USD/month\n";
        assert_eq!((capture.stdout().as_str(), capture.stderr().as_str()), ("", says));
        let capture = Capture::default();
        assert_eq!(print_resized(&capture.ui(), &[view()], true), Ok(()));
        let says = "web would get bundle micro: 2 vCPUs, 1 GiB of memory (now 512 MiB), 40 GiB of disk (now 20 GiB), \
                    7.00 USD/month (now 5.00); nothing was changed\n";
        assert_eq!(capture.stderr(), says);
        let mut back = view();
        (back.now, back.before) = (back.before, back.now);
        back.now.disk = back.before.disk;
        back.smaller = Some(Size::mib(20 << 10));
        let says = "2 vCPUs, 512 MiB of memory (now 1 GiB), 40 GiB of disk, 5.00 USD/month (now 7.00); \
                    its disk keeps the 20 GiB that it has beyond the bundle's, which cost nothing";
        assert_eq!(back.sentence(), says);
    }

    #[test]
    fn json_shape() {
        let capture = Capture::default();
        assert_eq!(print_resized(&Ui { json: true, ..capture.ui() }, &[view()], true), Ok(()));
        let wanted = serde_json::json!({"schema": 2, "dry_run": true, "resized": [{
            "name": "web", "restarts": true,
            "now": {"bundle": "micro", "vcpus": 2, "memory_bytes": 1_073_741_824_u64, "disk_bytes": 42_949_672_960_u64,
                    "price": "7.00", "currency": "USD"},
            "before": {"bundle": "nano", "vcpus": 2, "memory_bytes": 536_870_912_u64, "disk_bytes": 21_474_836_480_u64,
                       "price": "5.00", "currency": "USD"},
        }]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
    }
}
