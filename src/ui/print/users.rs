//! `lite login`, `lite user` and `lite key`.

use super::{or_dash, time_text};
use crate::{
    model::Result,
    ui::{Block, Cell, Column, Table, Ui},
    view::{
        KeyCreated, KeyRow, KeysDocument, LoginCodeView, SecondFactorView, UserDocument, UserRow, UserView,
        UsersDocument,
    },
};

/// Prints a code: this once.
pub fn print_login_code(ui: &Ui, code: &LoginCodeView) -> Result<()> {
    if ui.json {
        return ui.document(code);
    }
    let mut block = Block::new();
    block.row("user", &code.user).row("code", &code.code);
    if let Some(link) = &code.link {
        block.row("link", link);
    }
    block.row("until", format!("{}, once", time_text(code.until)));
    ui.data(&block.render(ui.color()))
}

/// Prints the users.
pub fn print_users(ui: &Ui, users: &[UserRow]) -> Result<()> {
    if ui.json {
        return ui.document(&UsersDocument { users });
    }
    let mut table = Table::new([
        Column::left("NAME"),
        Column::left("ROLE"),
        Column::left("ONLY"),
        Column::left("STATE"),
        Column::left("PASSWORD"),
        Column::right("SESSIONS"),
        Column::right("KEYS"),
    ]);
    for user in users {
        let cells: [Cell; 7] = [
            user.name.as_str().into(),
            user.role.as_str().into(),
            or_dash(user.only.as_ref()).into(),
            (if user.disabled { "disabled" } else { "enabled" }).into(),
            by(user).into(),
            user.sessions.to_string().into(),
            user.keys.to_string().into(),
        ];
        table.row(cells);
    }
    ui.table(&table)
}

/// What a user is asked for who has no code of `lite login`.
fn by(user: &UserRow) -> &'static str {
    match (user.password, user.second_factor) {
        (true, true) => "yes, and a code",
        (true, false) => "yes",
        (false, _) => "no",
    }
}

/// Prints one user, with its sessions and keys.
pub fn print_user(ui: &Ui, user: &UserView) -> Result<()> {
    if ui.json {
        return ui.document(&UserDocument { user: &user.row, sessions: &user.sessions, keys: &user.keys });
    }
    let row = &user.row;
    let state = if row.disabled { "disabled" } else { "enabled" };
    let mut block = Block::new();
    block
        .row("name", &row.name)
        .row("role", row.role)
        .row("only", or_dash(row.only.as_ref()))
        .row("state", state)
        .row("password", by(row))
        .row("added", time_text(row.created_at));
    for session in &user.sessions {
        let (began, used) = (time_text(session.began_at), time_text(session.used_at));
        block.row("session", format!("from {}, since {began}, used {used}", or_dash(session.address)));
    }
    for key in &user.keys {
        let state = if key.disabled { ", disabled" } else { "" };
        block.row("key", format!("{} ({}{state}) {}", key.id, may(key), key.label));
    }
    ui.data(&block.render(ui.color()))
}

/// Prints keys, without their secrets.
pub fn print_keys(ui: &Ui, keys: &[KeyRow]) -> Result<()> {
    if ui.json {
        return ui.document(&KeysDocument { keys });
    }
    if keys.is_empty() {
        ui.status("there are no keys");
        return Ok(());
    }
    let mut table = Table::new([
        Column::left("ID"),
        Column::left("USER"),
        Column::left("ROLE"),
        Column::left("STATE"),
        Column::left("USED"),
        Column::left("FROM"),
        Column::flexible("LABEL"),
    ]);
    for key in keys {
        let cells: [Cell; 7] = [
            key.id.as_str().into(),
            key.user.as_str().into(),
            may(key).into(),
            (if key.disabled { "disabled" } else { "enabled" }).into(),
            or_dash(key.used_at.map(time_text)).into(),
            or_dash(key.address).into(),
            key.label.as_str().into(),
        ];
        table.row(cells);
    }
    ui.table(&table)
}

/// What a key may.
fn may(key: &KeyRow) -> &'static str {
    if key.metrics { "metrics" } else { key.role.as_str() }
}

/// Prints a second factor: this once.
pub fn print_second_factor(ui: &Ui, made: &SecondFactorView) -> Result<()> {
    if ui.json {
        return ui.document(made);
    }
    let mut block = Block::new();
    block.row("user", &made.user).row("secret", &made.secret).row("link", &made.link);
    ui.data(&block.render(ui.color()))?;
    ui.status(&format!("give it to a program for codes, then: `lite user second-factor {} --confirm CODE`", made.user));
    Ok(())
}

/// Prints a key with its secret, and where both are pasted: this once.
pub fn print_key_created(ui: &Ui, created: &KeyCreated) -> Result<()> {
    if ui.json {
        return ui.document(created);
    }
    let mut block = Block::new();
    block
        .row("user", &created.key.user)
        .row("role", may(&created.key))
        .row("key", &created.key.id)
        .row(if created.key.metrics { "token" } else { "secret" }, &created.secret);
    if created.key.metrics {
        block.row("address", format!("{}/metrics", created.client.endpoint));
        return ui.data(&block.render(ui.color()));
    }
    let (profile, shell) = (created.profile(), created.environment());
    let block = block.render(ui.color());
    ui.data(&format!(
        "{block}\nfor ~/.aws/config, used with AWS_PROFILE=lite:\n\n{profile}\nor for one shell:\n\n{shell}"
    ))
}
