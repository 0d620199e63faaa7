//! What `--dry-run` prints.

use serde::Serialize;

use super::show::outputs;

/// What a change would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanView {
    /// Label and value: `NAME`, `BUNDLE`, `PRICE`, what was chosen and why.
    #[serde(serialize_with = "outputs")]
    pub facts: Vec<(String, String)>,
    /// What would be done, in order.
    pub steps: Vec<String>,
}

/// The document of `--dry-run` where a plan is shown.
#[derive(Debug, Serialize)]
pub struct PlanDocument<'a> {
    /// Always true.
    pub dry_run: bool,
    /// The plan.
    pub plan: &'a PlanView,
}

/// The document of `--dry-run` where several things would be done, each by a plan.
#[derive(Debug, Serialize)]
pub struct PlansDocument<'a> {
    /// Always true.
    pub dry_run: bool,
    /// The plans.
    pub plans: &'a [PlanView],
}
