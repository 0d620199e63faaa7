//! The user-data of a create: the user's file, and the options that are keys of cloud-config.

use serde_json::Value;

use super::request::Create;
use crate::{
    model::{Code, Error, Result, escaped, nearest},
    render::{UserData, UserDataFor, parse_user_data},
};

/// What the user hands in; none where that is nothing.
///
/// # Errors
/// Refused: a faulty file, or an option that says something else than the file.
pub fn read(request: &Create, account: &str) -> Result<Option<UserData>> {
    let of = UserDataFor { name: request.name.as_ref(), account };
    let mut user_data = match &request.user_data {
        Some(file) => Some(parse_user_data(&file.bytes, of).map_err(|e| file.named_in(e))?),
        None => None,
    };
    let options = [
        ("fqdn", request.fqdn.as_ref().map(|f| f.as_str())),
        ("timezone", request.timezone.as_ref().map(|t| t.as_str())),
    ];
    for (key, value) in options {
        let Some(value) = value else { continue };
        let map = &mut user_data.get_or_insert_default().cloud_config;
        match map.insert(key.to_owned(), Value::String(value.to_owned())) {
            Some(Value::String(said)) if said != value => {
                let text = format!("`{key}` is `{}` in the user-data and `{value}` by `--{key}`", escaped(&said));
                return Err(Error::new(Code::InvalidUserData, text).hint("say it once"));
            }
            _ => {}
        }
    }
    let zone = user_data.as_ref().and_then(|user| user.cloud_config.get("timezone")).and_then(Value::as_str);
    zone.map_or(Ok(()), known_zone)?;
    Ok(user_data)
}

/// Refuses a time zone that this machine does not know, if it knows any.
fn known_zone(name: &str) -> Result<()> {
    let known = jiff::tz::db();
    if known.is_definitively_empty() || known.get(name).is_ok() {
        return Ok(());
    }
    let names: Vec<String> = known.available().map(|n| n.as_str().to_owned()).collect();
    let error = Error::new(Code::InvalidTimezone, format!("there is no time zone `{}`", escaped(name)));
    Err(match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => error.hint("`timedatectl list-timezones` lists them"),
    })
}
