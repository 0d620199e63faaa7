//! `lite image list`.

use jiff::SignedDuration;

use super::or_dash;
use crate::{
    model::Result,
    ui::{Cell, Column, Table, Ui},
    view::{BakedView, ImageRow, ImagesDocument},
};

fn words(baked: &BakedView) -> String {
    let old = if baked.current { "" } else { ", old" };
    let warm = baked.warm.as_ref().map(|warm| format!(", warm: {} vCPU, {}", warm.vcpus, warm.memory));
    format!("{} {} on {}{}{old}", baked.blueprint, baked.version, baked.base, warm.unwrap_or_default())
}

/// An age in the largest unit that fits: `4 d`.
fn age(age: SignedDuration) -> String {
    let minutes = age.as_mins().max(0);
    match (minutes / 60, minutes) {
        (0, minutes) => format!("{minutes} min"),
        (hours, _) if hours < 48 => format!("{hours} h"),
        (hours, _) => format!("{} d", hours / 24),
    }
}

/// Prints the images. None is nothing on stdout and the next command on stderr.
pub fn print_images(ui: &Ui, rows: &[ImageRow]) -> Result<()> {
    if ui.json {
        return ui.document(&ImagesDocument { images: rows });
    }
    if rows.is_empty() {
        ui.hint(
            "there are no images: `lite image build debian-13` makes one, `lite image pull debian-13` downloads one",
        );
        return Ok(());
    }
    let columns = ["IMAGE", "ORIGIN", "SIZE", "DIGEST", "AGE", "FOR"]
        .map(Column::left)
        .into_iter()
        .chain([Column::flexible("USED BY")]);
    let mut table = Table::new(columns.collect::<Vec<_>>());
    for row in rows {
        let digest: String = row.digest.chars().take(12).collect();
        let used = or_dash((!row.used_by.is_empty()).then(|| row.used_by.join(", ")));
        let cells: [Cell; 7] = [
            (&row.id).into(),
            (&row.origin).into(),
            row.size.about().into(),
            digest.into(),
            age(row.age).into(),
            or_dash(row.baked.as_ref().map(words)).into(),
            used.into(),
        ];
        table.row(cells);
    }
    ui.table(&table)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::{age, print_images};
    use crate::view::{BakedView, ImageRow};
    use crate::{
        model::Size,
        ui::{Ui, testing::Capture},
    };

    fn rows() -> Vec<ImageRow> {
        let row = |id: &str, origin: &str, used_by: &[&str]| ImageRow {
            id: id.to_owned(),
            origin: origin.to_owned(),
            size: Size::bytes(216_006_656),
            digest: "0123456789abcdef".repeat(4),
            used_by: used_by.iter().map(|u| (*u).to_owned()).collect(),
            created_at: "2026-03-01T10:20:30.5Z".parse().unwrap(),
            age: SignedDuration::from_hours(26),
            baked: None,
        };
        let baked = BakedView {
            blueprint: "nginx".to_owned(),
            version: "1".to_owned(),
            base: "debian-13".to_owned(),
            parameters: Default::default(),
            current: false,
            warm: None,
        };
        let baked = ImageRow { baked: Some(baked), ..row("nginx.debian-13.00ff00ff00ff", "baked", &[]) };
        vec![row("debian-13", "built", &["nginx-1", "test"]), row("mine", "imported", &[]), baked]
    }

    #[test]
    fn a_listing() {
        let capture = Capture::default();
        assert_eq!(print_images(&capture.ui(), &rows()), Ok(()));
        let wanted = "\
            IMAGE                         ORIGIN    SIZE       DIGEST        AGE   FOR                        USED BY\n\
            debian-13                     built     206.0 MiB  0123456789ab  26 h  -                          nginx-1, test\n\
            mine                          imported  206.0 MiB  0123456789ab  26 h  -                          -\n\
            nginx.debian-13.00ff00ff00ff  baked     206.0 MiB  0123456789ab  26 h  nginx 1 on debian-13, old  -\n";
        assert_eq!(capture.stdout(), wanted);
    }

    #[test]
    fn an_age_is_told_in_one_unit() {
        let told = |minutes| age(SignedDuration::from_mins(minutes));
        assert_eq!([-5, 59, 60, 47 * 60 + 59, 48 * 60].map(told), ["0 min", "59 min", "1 h", "47 h", "2 d"]);
    }

    #[test]
    fn json_shape() {
        let capture = Capture::default();
        assert_eq!(print_images(&Ui { json: true, ..capture.ui() }, &rows()[2..]), Ok(()));
        let wanted = serde_json::json!({"schema": 2, "images": [{
            "id": "nginx.debian-13.00ff00ff00ff", "origin": "baked", "size_bytes": 216_006_656, "digest": "0123456789abcdef".repeat(4), "used_by": [],
            "created_at": "2026-03-01T10:20:30Z",
            "baked": {"blueprint": "nginx", "version": "1", "base": "debian-13", "parameters": {}, "current": false, "warm": null},
        }]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
    }
}
