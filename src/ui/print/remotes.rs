//! `lite remote`.

use secrecy::ExposeSecret;

use super::time_text;
use crate::{
    model::Result,
    ui::{Block, Cell, Column, Table, Ui},
    view::{
        RemoteAdded, RemoteRow, RemoteSecretsDocument, RemoteSnapshotRow, RemoteSnapshotsDocument, RemotesDocument,
        SecretView, remote_password,
    },
};

/// Prints remotes, a line each.
pub fn print_remotes(ui: &Ui, rows: &[RemoteRow]) -> Result<()> {
    if ui.json {
        return ui.document(&RemotesDocument { remotes: rows });
    }
    if rows.is_empty() {
        ui.hint("there are no remotes: `lite remote add NAME sftp://USER@HOST/FOLDER` adds one");
        return Ok(());
    }
    let mut table = Table::new(["REMOTE", "PLACE", "STATE", "ADDED"].map(Column::left));
    for row in rows {
        let cells: [Cell; 4] =
            [(&row.name).into(), (&row.location).into(), row.state.as_str().into(), time_text(row.created_at).into()];
        table.row(cells);
    }
    ui.table(&table)
}

/// Prints a remote in full.
pub fn print_remote(ui: &Ui, row: &RemoteRow) -> Result<()> {
    if ui.json {
        return ui.document(&RemotesDocument { remotes: std::slice::from_ref(row) });
    }
    ui.block(&block(row))
}

/// Prints the snapshots in a remote, a line each; two of one name with their ids.
pub fn print_remote_snapshots(ui: &Ui, remote: &str, rows: &[RemoteSnapshotRow]) -> Result<()> {
    if ui.json {
        return ui.document(&RemoteSnapshotsDocument { remote, snapshots: rows });
    }
    if rows.is_empty() {
        ui.hint(&format!("there are no snapshots: `lite snapshot push SNAPSHOT {remote}` copies one there"));
        return Ok(());
    }
    let mut table = Table::new(["SNAPSHOT", "INSTANCE", "MADE", "CREATED", "PUSHED", "ID"].map(Column::left));
    for row in rows {
        let is_one_of_several = rows.iter().filter(|other| other.name == row.name).count() > 1;
        let cells: [Cell; 6] = [
            (&row.name).into(),
            (&row.instance).into(),
            if row.automatic { "automatically" } else { "by hand" }.into(),
            time_text(row.created_at).into(),
            time_text(row.pushed_at).into(),
            if is_one_of_several { row.id.as_str() } else { "-" }.into(),
        ];
        table.row(cells);
    }
    ui.table(&table)
}

/// Prints what opens a remote.
pub fn print_remote_secrets(ui: &Ui, row: &RemoteRow, secrets: &[SecretView]) -> Result<()> {
    if ui.json {
        return ui.document(&RemoteSecretsDocument { remote: row, secrets });
    }
    let mut block = block(row);
    for secret in secrets {
        block.row("PASSWORD", secret.value.expose_secret());
    }
    ui.block(&block)
}

/// Prints a remote that was added, and the password that was drawn for it.
pub fn print_remote_added(ui: &Ui, added: RemoteAdded) -> Result<()> {
    let RemoteAdded { row, password } = added;
    let was_drawn = password.is_some();
    let secrets: Vec<SecretView> = password.map(remote_password).into_iter().collect();
    print_remote_secrets(ui, &row, &secrets)?;
    if was_drawn {
        ui.hint(
            "without the password nothing can be restored, on no host: keep it where this host cannot take it along; \
             it is the only way in when this host is gone",
        );
    }
    Ok(())
}

fn block(row: &RemoteRow) -> Block {
    let mut block = Block::new();
    block.row("NAME", &row.name).row("PLACE", &row.location).row("STATE", row.state);
    for key in &row.host_keys {
        block.row("HOST KEY", key);
    }
    block.maybe("LOGIN KEY", row.login_key.as_ref()).row("ADDED", time_text(row.created_at));
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{RemoteState, Scheme},
        ui::testing::Capture,
    };

    fn row() -> RemoteRow {
        RemoteRow {
            name: "far".to_owned(),
            location: "sftp://a@nas/b".to_owned(),
            kind: Scheme::Sftp,
            state: RemoteState::Available,
            host_keys: vec!["ssh-ed25519 SHA256:x".to_owned()],
            login_key: Some("ssh-ed25519 AAAA".to_owned()),
            created_at: "2026-03-01T10:20:30Z".parse().unwrap(),
        }
    }

    #[test]
    fn snapshots_of_one_name_are_told_apart() {
        let at = |name: &str, id: &str| RemoteSnapshotRow {
            name: name.to_owned(),
            id: id.to_owned(),
            instance: "web".to_owned(),
            automatic: false,
            created_at: "2026-03-01T10:20:30Z".parse().unwrap(),
            pushed_at: "2026-03-01T10:21:30Z".parse().unwrap(),
        };
        let capture = Capture::default();
        print_remote_snapshots(&capture.ui(), "far", &[at("a", "1"), at("b", "2"), at("b", "3")]).unwrap();
        assert_eq!(
            capture.stdout(),
            "SNAPSHOT  INSTANCE  MADE     CREATED               PUSHED                ID\n\
             a         web       by hand  2026-03-01T10:20:30Z  2026-03-01T10:21:30Z  -\n\
             b         web       by hand  2026-03-01T10:20:30Z  2026-03-01T10:21:30Z  2\n\
             b         web       by hand  2026-03-01T10:20:30Z  2026-03-01T10:21:30Z  3\n"
        );
    }

    #[test]
    fn a_remote_is_a_line_or_a_block_and_its_password_is_shown_where_it_is_asked_for() {
        let capture = Capture::default();
        print_remotes(&capture.ui(), &[row()]).unwrap();
        assert_eq!(
            capture.stdout(),
            "REMOTE  PLACE           STATE      ADDED\nfar     sftp://a@nas/b  available  2026-03-01T10:20:30Z\n"
        );
        let whole = "NAME         far\nPLACE        sftp://a@nas/b\nSTATE        available\n\
                     HOST KEY     ssh-ed25519 SHA256:x\nLOGIN KEY    ssh-ed25519 AAAA\nADDED        2026-03-01T10:20:30Z\n";
        let capture = Capture::default();
        print_remote(&capture.ui(), &row()).unwrap();
        assert_eq!(capture.stdout(), whole);
        let capture = Capture::default();
        let added = RemoteAdded { row: row(), password: Some("hunter2".into()) };
        assert!(!format!("{added:?}").contains("hunter2"));
        print_remote_added(&capture.ui(), added).unwrap();
        assert_eq!(capture.stdout(), format!("{whole}PASSWORD     hunter2\n"));
        assert_eq!(capture.stderr().matches("without the password nothing can be restored").count(), 1);
    }
}
