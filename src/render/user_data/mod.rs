//! The user's own user-data: `#cloud-config`, a script, or both as MIME parts; compressed or in base64 as other clouds take it.

mod document;
mod form;
mod mime;
mod packed;
mod script;

use super::types::{UserData, UserDataFor};
use crate::model::{Code, Error, Result, escaped};

/// Largest user-data, in bytes. The seed holds more; cloud-init's own datasources allow 16 to 64 KiB.
const MAX_BYTES: usize = 64 * 1024;

/// Reads user-data: `#cloud-config` (a mapping, with PyYAML's meaning of scalars), a script with `#!`, or a MIME message whose
/// parts are these.
///
/// # Errors
/// Refused: more than 64 KiB, also when unpacked; not UTF-8 text, another kind of user-data, a faulty document, keys that lite
/// sets itself, values that would take away what lite needs. All faults of a document are named at once.
pub fn parse_user_data(bytes: &[u8], of: UserDataFor<'_>) -> Result<UserData> {
    let text = packed::unpack(bytes, MAX_BYTES)?;
    if !mime::is_message(&text) {
        return single(&text, form::of(&text)?, of);
    }
    let mut whole = UserData::default();
    for part in mime::parts(&text)? {
        let form = part.form().and_then(|form| single(&part.text, form, of));
        add(&mut whole, form.map_err(|e| part.named_in(e))?).map_err(|e| part.named_in(e))?;
    }
    Ok(whole)
}

/// One document.
fn single(text: &str, form: form::Form, of: UserDataFor<'_>) -> Result<UserData> {
    match form {
        form::Form::Script => Ok(UserData { scripts: vec![script::check(text)?], ..UserData::default() }),
        form::Form::CloudConfig => Ok(UserData { cloud_config: document::read(text, of)?, ..UserData::default() }),
    }
}

/// Adds a part. Where two give one key, cloud-init takes the later's value alone, unless they say how to merge: both ways
/// surprise, so it has to be written once.
fn add(whole: &mut UserData, part: UserData) -> Result<()> {
    for (key, value) in part.cloud_config {
        if whole.cloud_config.get(&key).is_some_and(|before| *before != value) {
            let why = format!("an earlier part gives `{}` another value", escaped(&key));
            return Err(bad(why).hint("give each key in one part alone"));
        }
        whole.cloud_config.insert(key, value);
    }
    whole.scripts.extend(part.scripts);
    Ok(())
}

fn bad(why: String) -> Error {
    Error::new(Code::InvalidUserData, format!("the user-data file cannot be used: {why}"))
}
