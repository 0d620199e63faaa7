//! `lite contact list`, `deliveries`, and the secret that is shown once.

use super::{or_dash, print_changed, time_text, toned};
use crate::{
    model::Result,
    ui::{Block, Cell, Column, Table, Tone, Ui},
    view::{Changed, ContactRow, ContactsDocument, DeliveriesDocument, DeliveryRow, SecretOnce},
};

/// Prints the secret of a contact.
pub fn print_secret_once(ui: &Ui, secret: &SecretOnce) -> Result<()> {
    if ui.json {
        return ui.document(&ContactsDocument { contacts: std::slice::from_ref(secret) });
    }
    ui.block(Block::new().row("CONTACT", &secret.name).row("SECRET", &secret.secret))?;
    ui.hint(&format!("the secret is not shown again: keep it; `lite contact test {}` sends a message", secret.name));
    Ok(())
}

/// Prints that a code was sent to a contact.
pub fn print_verification(ui: &Ui, changed: &Changed) -> Result<()> {
    print_changed(ui, std::slice::from_ref(changed))?;
    ui.hint(&format!(
        "nothing else is sent there before the code came back: `lite contact verify {} CODE`",
        changed.name
    ));
    Ok(())
}

/// Prints contacts.
pub fn print_contacts(ui: &Ui, rows: &[ContactRow]) -> Result<()> {
    if ui.json {
        return ui.document(&ContactsDocument { contacts: rows });
    }
    if rows.is_empty() {
        ui.hint("there are no contacts: `lite contact add ops --webhook https://…` adds one");
        return Ok(());
    }
    let heads = ["CONTACT", "ADDRESS", "FORMAT", "WAITING", "DEAD", "LOST"].map(Column::left);
    let mut table = Table::new(heads.into_iter().chain([Column::flexible("DISABLED")]).collect::<Vec<_>>());
    for r in rows {
        let cells: [Cell; 7] = [
            (&r.name).into(),
            (&r.url).into(),
            (&r.format).into(),
            r.waiting.into(),
            r.dead.into(),
            r.lost.into(),
            or_dash(r.disabled.as_ref()).into(),
        ];
        table.row(cells);
    }
    ui.table(&table)
}

/// Prints messages, in the order given.
pub fn print_deliveries(ui: &Ui, rows: &[DeliveryRow]) -> Result<()> {
    if ui.json {
        return ui.document(&DeliveriesDocument { deliveries: rows });
    }
    if rows.is_empty() {
        ui.status("there is no message");
        return Ok(());
    }
    let heads = ["ID", "CONTACT", "MADE", "WHAT", "STATE", "ATTEMPTS", "NEXT"].map(Column::left);
    let mut table = Table::new(heads.into_iter().chain([Column::flexible("ERROR")]).collect::<Vec<_>>());
    for r in rows {
        let tone = match r.state.as_str() {
            "delivered" => Some(Tone::Good),
            "dead" => Some(Tone::Bad),
            "queued" if r.attempts > 0 => Some(Tone::Warn),
            _ => None,
        };
        let cells: [Cell; 8] = [
            (&r.id).into(),
            (&r.contact).into(),
            time_text(r.made_at).into(),
            (&r.what).into(),
            toned(&r.state, tone),
            r.attempts.into(),
            or_dash(r.next_at.map(time_text)).into(),
            or_dash(r.error.as_ref()).into(),
        ];
        table.row(cells);
    }
    ui.table(&table)
}
