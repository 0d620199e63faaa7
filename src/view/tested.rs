//! The result of `lite blueprints test`.

use serde::Serialize;

use super::{ErrorView, StageTime, Versioned};
use crate::model::Error;

/// The test of one blueprint.
#[derive(Debug, Clone)]
pub struct TestView {
    /// Blueprint id.
    pub blueprint: String,
    /// Its version.
    pub version: String,
    /// Base image id.
    pub base: String,
    /// Whether it was booted, and not rendered alone.
    pub booted: bool,
    /// SHA-256 of the image that was booted.
    pub image: Option<String>,
    /// Each stage with its time.
    pub stages: Vec<StageTime>,
    /// Why it failed.
    pub error: Option<Error>,
}

impl TestView {
    /// Seconds of all stages but the removal.
    pub fn seconds(&self) -> u64 {
        self.stages.iter().filter(|s| s.name != "remove").map(|s| s.milliseconds).sum::<u64>() / 1000
    }

    /// `boot`, `render` or `failed`.
    pub fn result(&self) -> &'static str {
        match (&self.error, self.booted) {
            (Some(_), _) => "failed",
            (None, true) => "boot",
            (None, false) => "render",
        }
    }
}

/// The test of one blueprint as JSON.
#[derive(Debug, Serialize)]
pub struct TestResult<'a> {
    blueprint: &'a str,
    version: &'a str,
    base: &'a str,
    result: &'a str,
    image: Option<&'a str>,
    seconds: u64,
    stages: &'a [StageTime],
    error: Option<Versioned<ErrorView<'a>>>,
}

/// The document of `blueprints test`.
#[derive(Debug, Serialize)]
pub struct TestsDocument<'a> {
    /// The results, in the order of the tests.
    pub tests: Vec<TestResult<'a>>,
}

impl<'a> TestsDocument<'a> {
    /// Of some tests.
    pub fn of(views: &'a [TestView]) -> Self {
        let result = |v: &'a TestView| TestResult {
            blueprint: &v.blueprint,
            version: &v.version,
            base: &v.base,
            result: v.result(),
            image: v.image.as_deref(),
            seconds: v.seconds(),
            stages: &v.stages,
            error: v.error.as_ref().map(|e| Versioned::new(ErrorView::from(e))),
        };
        Self { tests: views.iter().map(result).collect() }
    }
}
