//! The end of `lite create`.

use secrecy::ExposeSecret;

use crate::{
    model::Result,
    ui::{Block, Ui},
    view::{CreatedDocument, CreatedView},
};

/// Prints the final block of `create`.
pub fn print_created(ui: &Ui, view: &CreatedView) -> Result<()> {
    if ui.json {
        return ui.document(&CreatedDocument { instance: view });
    }
    let mut block = Block::new();
    block.row("NAME", &view.name);
    for (label, value) in &view.outputs {
        block.row(label, value);
    }
    block.maybe("ADDRESS", view.address).row("PRICE", format!("{} {}/month", view.price, view.currency));
    for secret in &view.secrets {
        let user = secret.user.as_ref().map(|u| format!("{u} / ")).unwrap_or_default();
        let value = secret.value.expose_secret();
        block.row(&secret.label, format!("{user}{value}      (again with: lite secrets {})", view.name));
    }
    block.row("SSH", format!("lite ssh {}", view.name));
    ui.block(&block)
}

#[cfg(test)]
mod tests {
    use super::print_created;
    use crate::view::{CreatedView, ImageUsed, ShownSecret, StageTime};
    use crate::{
        model::{Currency, InstanceState, Money},
        ui::{Ui, testing::Capture},
    };

    fn view() -> CreatedView {
        CreatedView {
            name: "wordpress-1".to_owned(),
            uuid: uuid::Uuid::from_u128(10),
            state: InstanceState::Running,
            ready: true,
            blueprint: "wordpress".to_owned(),
            bundle: "small".to_owned(),
            outputs: vec![("URL".to_owned(), "http://192.168.150.10/".to_owned())],
            address: Some([192, 168, 150, 10].into()),
            address6: None,
            price: Money::hundredths(1200),
            currency: Currency::parse("USD").unwrap(),
            secrets: vec![ShownSecret {
                label: "ADMIN".to_owned(),
                user: Some("admin".to_owned()),
                value: "<password>".into(),
            }],
            operation: "op-00000001".to_owned(),
            image: ImageUsed { id: Some("debian-13".to_owned()), digest: "00ff".to_owned(), baked: false },
            stages: vec![StageTime { name: "boot".to_owned(), milliseconds: 3240 }],
        }
    }

    #[test]
    fn the_final_block_of_the_design() {
        let capture = Capture::default();
        assert_eq!(print_created(&capture.ui(), &view()), Ok(()));
        let wanted = "NAME         wordpress-1\n\
                      URL          http://192.168.150.10/\n\
                      ADDRESS      192.168.150.10\n\
                      PRICE        12.00 USD/month\n\
                      ADMIN        admin / <password>      (again with: lite secrets wordpress-1)\n\
                      SSH          lite ssh wordpress-1\n";
        assert_eq!(capture.stdout(), wanted);
        assert_eq!(capture.stderr(), "");
    }

    #[test]
    fn json_holds_no_secret() {
        let capture = Capture::default();
        assert_eq!(print_created(&Ui { json: true, ..capture.ui() }, &view()), Ok(()));
        let wanted = serde_json::json!({
            "schema": 2,
            "instance": {
                "name": "wordpress-1", "uuid": "00000000-0000-0000-0000-00000000000a", "state": "running", "ready": true,
                "blueprint": "wordpress", "bundle": "small", "outputs": {"URL": "http://192.168.150.10/"}, "address": "192.168.150.10",
                "price": "12.00", "currency": "USD", "secrets": [{"label": "ADMIN", "user": "admin"}], "operation": "op-00000001",
                "image": {"id": "debian-13", "digest": "00ff", "baked": false},
                "stages": [{"name": "boot", "milliseconds": 3240}],
            },
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
        assert!(!format!("{:?}", view()).contains("<password>"));
    }
}
