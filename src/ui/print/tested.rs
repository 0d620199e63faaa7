//! The result of `lite blueprints test`.

use crate::{
    model::Result,
    ui::{Column, Table, Ui},
    view::{TestView, TestsDocument},
};

/// Prints the results of tests.
pub fn print_tests(ui: &Ui, views: &[TestView]) -> Result<()> {
    if ui.json {
        return ui.document(&TestsDocument::of(views));
    }
    let columns = ["BLUEPRINT", "VERSION", "BASE", "RESULT"].map(Column::left).into_iter();
    let mut table = Table::new(columns.chain([Column::right("SECONDS")]).collect::<Vec<_>>());
    for view in views {
        table.row([
            view.blueprint.as_str().into(),
            view.version.as_str().into(),
            view.base.as_str().into(),
            view.result().into(),
            view.seconds().to_string().into(),
        ]);
    }
    ui.table(&table)
}

#[cfg(test)]
mod tests {
    use super::print_tests;
    use crate::view::TestView;
    use crate::{
        model::{Code, Error},
        ui::{Ui, testing::Capture},
        view::StageTime,
    };

    fn views() -> Vec<TestView> {
        let stage = |name: &str, milliseconds| StageTime { name: name.to_owned(), milliseconds };
        let view = |id: &str, booted: bool, error| TestView {
            blueprint: id.to_owned(),
            version: "1".to_owned(),
            base: "debian-13".to_owned(),
            booted,
            image: booted.then(|| "ab12".to_owned()),
            stages: vec![stage("boot", 31_600), stage("application", 4_500), stage("remove", 9_000)],
            error,
        };
        let error = Error::new(Code::Timeout, "it did not answer");
        vec![view("nginx", true, None), view("lamp", true, Some(error)), view("mean", false, None)]
    }

    #[test]
    fn a_table() {
        let capture = Capture::default();
        assert_eq!(print_tests(&capture.ui(), &views()), Ok(()));
        let wanted = "BLUEPRINT  VERSION  BASE       RESULT  SECONDS\n\
                      nginx      1        debian-13  boot         36\n\
                      lamp       1        debian-13  failed       36\n\
                      mean       1        debian-13  render       36\n";
        assert_eq!(capture.stdout(), wanted);
    }

    #[test]
    fn json_shape() {
        let capture = Capture::default();
        assert_eq!(print_tests(&Ui { json: true, ..capture.ui() }, &views()[1..2]), Ok(()));
        let wanted = serde_json::json!({"schema": 2, "tests": [{
            "blueprint": "lamp", "version": "1", "base": "debian-13", "result": "failed", "image": "ab12", "seconds": 36,
            "stages": [
                {"name": "boot", "milliseconds": 31_600}, {"name": "application", "milliseconds": 4_500},
                {"name": "remove", "milliseconds": 9_000},
            ],
            "error": {"schema": 2, "error": {
                "code": "timeout", "message": "it did not answer", "causes": [], "hints": [], "exit_code": 1,
            }},
        }]});
        assert_eq!(serde_json::from_str::<serde_json::Value>(&capture.stdout()).ok(), Some(wanted));
    }
}
