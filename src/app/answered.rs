//! What the API answered to changes, for whoever asks again.

pub use crate::store::api_answers::ApiAsked;

use super::App;
use crate::model::Result;

/// What was answered before; none: it is asked for the first time.
///
/// # Errors
/// Those of the database.
pub fn find(app: &App, asked: &ApiAsked) -> Result<Option<Vec<u8>>> {
    app.new_store()?.api_answer(asked, app.clock.now())
}

/// Keeps an answer.
///
/// # Errors
/// Those of the database.
pub fn keep(app: &App, asked: &ApiAsked, answer: &[u8]) -> Result<()> {
    app.new_store()?.keep_api_answer(asked, answer, app.clock.now())
}
