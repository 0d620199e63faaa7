//! `lite contact list`, `deliveries`, and the secret that is shown once.

use jiff::Timestamp;
use serde::Serialize;

use super::{or_dash, row, time_text, toned};
use crate::{
    model::Result,
    ui::{Block, Cell, Column, SCHEMA, Table, Tone, Ui},
};

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContactRow {
    /// Name.
    pub name: String,
    /// Scheme and host of its address.
    pub url: String,
    /// Format.
    pub format: String,
    /// Private networks are allowed.
    pub private: bool,
    /// Messages and events that wait.
    pub waiting: i64,
    /// Messages that never arrived.
    pub dead: usize,
    /// Messages lost because too many waited.
    pub lost: i64,
    /// Why nothing is sent to it any more.
    pub disabled: Option<String>,
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryRow {
    /// Id.
    pub id: String,
    /// Contact.
    pub contact: String,
    /// When it was made.
    #[serde(serialize_with = "row::time")]
    pub made_at: Timestamp,
    /// What it tells.
    pub what: String,
    /// `queued`, `delivered`, `superseded`, `dead`.
    pub state: String,
    /// Attempts made.
    pub attempts: u32,
    /// When the next is due.
    pub next_at: Option<Timestamp>,
    /// Status of the last answer.
    pub status: Option<u16>,
    /// What went wrong last.
    pub error: Option<String>,
}

/// A secret, printed once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretOnce {
    /// Contact.
    pub name: String,
    /// The secret.
    pub secret: String,
}

#[derive(Serialize)]
struct ContactsJson<'a, T> {
    schema: u32,
    contacts: &'a [T],
}

#[derive(Serialize)]
struct DeliveriesJson<'a> {
    schema: u32,
    deliveries: &'a [DeliveryRow],
}

/// Prints the secret of a contact.
pub fn print_secret_once(ui: &Ui, secret: &SecretOnce) -> Result<()> {
    if ui.json {
        return ui.json(&ContactsJson { schema: SCHEMA, contacts: std::slice::from_ref(secret) });
    }
    ui.block(Block::new().row("CONTACT", &secret.name).row("SECRET", &secret.secret))?;
    ui.hint(&format!("the secret is not shown again: keep it; `lite contact test {}` sends a message", secret.name));
    Ok(())
}

/// Prints contacts.
pub fn print_contacts(ui: &Ui, rows: &[ContactRow]) -> Result<()> {
    if ui.json {
        return ui.json(&ContactsJson { schema: SCHEMA, contacts: rows });
    }
    if rows.is_empty() {
        ui.hint("there are no contacts: `lite contact add ops --webhook https://…` adds one");
        return Ok(());
    }
    let heads = ["CONTACT", "WEBHOOK", "FORMAT", "WAITING", "DEAD", "LOST"].map(Column::left);
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
        return ui.json(&DeliveriesJson { schema: SCHEMA, deliveries: rows });
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
