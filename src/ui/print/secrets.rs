//! `lite secrets`: the one verb whose JSON holds passwords.

use secrecy::ExposeSecret;

use super::or_dash;
use crate::{
    model::Result,
    ui::{Cell, Column, Table, Ui},
    view::{SecretView, SecretsDocument},
};

/// Prints the secrets of an instance. None is nothing on stdout and a word on stderr.
pub fn print_secrets(ui: &Ui, instance: &str, secrets: &[SecretView]) -> Result<()> {
    if ui.json {
        return ui.document(&SecretsDocument { instance, secrets });
    }
    if secrets.is_empty() {
        ui.status(&format!("`{instance}` has no secrets"));
        return Ok(());
    }
    let mut table = Table::new(["SECRET", "USER", "VALUE", "OPENS"].map(Column::left));
    for secret in secrets {
        let cells: [Cell; 4] = [
            (&secret.name).into(),
            or_dash(secret.user.as_ref()).into(),
            secret.value.expose_secret().into(),
            (&secret.description).into(),
        ];
        table.row(cells);
    }
    ui.table(&table)
}

#[cfg(test)]
mod tests {
    use super::print_secrets;
    use crate::ui::{Ui, testing::Capture};
    use crate::view::SecretView;

    fn secrets() -> Vec<SecretView> {
        vec![SecretView {
            name: "admin_password".to_owned(),
            description: "WordPress administrator".to_owned(),
            user: Some("admin".to_owned()),
            value: "correct-horse-battery".into(),
        }]
    }

    #[test]
    fn shows_what_it_is_for() {
        let capture = Capture::default();
        assert_eq!(print_secrets(&capture.ui(), "web-1", &secrets()), Ok(()));
        let wanted = "SECRET          USER   VALUE                  OPENS\n\
                      admin_password  admin  correct-horse-battery  WordPress administrator\n";
        assert_eq!(capture.stdout(), wanted);
        assert!(!format!("{:?}", secrets()).contains("horse"));
    }

    #[test]
    fn json_shape() {
        let capture = Capture::default();
        assert_eq!(print_secrets(&Ui { json: true, ..capture.ui() }, "web-1", &secrets()), Ok(()));
        let wanted = serde_json::json!({"schema": 2, "instance": "web-1", "secrets": [{
            "name": "admin_password", "description": "WordPress administrator", "user": "admin", "value": "correct-horse-battery",
        }]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
    }
}
