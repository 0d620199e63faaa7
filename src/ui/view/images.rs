//! `lite image list`.

use jiff::Timestamp;
use serde::Serialize;

use super::{or_dash, row, time_text};
use crate::{
    model::{Result, Size},
    ui::{Cell, Column, SCHEMA, Table, Ui},
};

/// An image on this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImageRow {
    /// Id, such as `debian-13`.
    pub id: String,
    /// How it came here: `built`, `pulled`, `imported`, `baked`.
    pub origin: String,
    /// Bytes it takes.
    #[serde(rename = "size_bytes", serialize_with = "row::bytes")]
    pub size: Size,
    /// SHA-256, hexadecimal.
    pub digest: String,
    /// Names of the instances on it.
    pub used_by: Vec<String>,
    /// When it came here.
    #[serde(serialize_with = "row::time")]
    pub created_at: Timestamp,
}

#[derive(Serialize)]
struct ImagesJson<'a> {
    schema: u32,
    images: &'a [ImageRow],
}

/// Prints the images. None is nothing on stdout and the next command on stderr.
pub fn print_images(ui: &Ui, rows: &[ImageRow]) -> Result<()> {
    if ui.json {
        return ui.json(&ImagesJson { schema: SCHEMA, images: rows });
    }
    if rows.is_empty() {
        ui.hint(
            "there are no images: `lite image build debian-13` makes one, `lite image pull debian-13` downloads one",
        );
        return Ok(());
    }
    let columns = ["IMAGE", "ORIGIN", "SIZE", "DIGEST", "CREATED"]
        .map(Column::left)
        .into_iter()
        .chain([Column::flexible("USED BY")]);
    let mut table = Table::new(columns.collect::<Vec<_>>());
    for row in rows {
        let digest: String = row.digest.chars().take(12).collect();
        let used = or_dash((!row.used_by.is_empty()).then(|| row.used_by.join(", ")));
        let cells: [Cell; 6] = [
            (&row.id).into(),
            (&row.origin).into(),
            row.size.about().into(),
            digest.into(),
            time_text(row.created_at).into(),
            used.into(),
        ];
        table.row(cells);
    }
    ui.table(&table)
}

#[cfg(test)]
mod tests {
    use super::{ImageRow, print_images};
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
        };
        vec![row("debian-13", "built", &["nginx-1", "test"]), row("mine", "imported", &[])]
    }

    #[test]
    fn a_listing() {
        let capture = Capture::default();
        assert_eq!(print_images(&capture.ui(), &rows()), Ok(()));
        let wanted = "IMAGE      ORIGIN    SIZE       DIGEST        CREATED               USED BY\n\
                      debian-13  built     206.0 MiB  0123456789ab  2026-03-01T10:20:30Z  nginx-1, test\n\
                      mine       imported  206.0 MiB  0123456789ab  2026-03-01T10:20:30Z  -\n";
        assert_eq!(capture.stdout(), wanted);
    }

    #[test]
    fn json_shape() {
        let capture = Capture::default();
        assert_eq!(print_images(&Ui { json: true, ..capture.ui() }, &rows()[1..]), Ok(()));
        let wanted = serde_json::json!({"schema": 1, "images": [{
            "id": "mine", "origin": "imported", "size_bytes": 216_006_656, "digest": "0123456789abcdef".repeat(4), "used_by": [],
            "created_at": "2026-03-01T10:20:30Z",
        }]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
    }
}
