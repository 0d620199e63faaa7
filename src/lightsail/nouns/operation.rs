//! Operations: what was accepted, and how it stands.

use crate::{
    app::operation,
    lightsail::{
        call::{Call, name},
        fault::{Answer, Fault},
        map::operation::operation as map,
        pages::page,
        past,
        wire::{GetOperation, GetOperationsForResource, OneOperation, Operations, Page},
    },
    model::Unobserved,
    view::OperationRow,
};

/// Most that are looked through, the latest.
const MOST: u32 = 10_000;

/// One operation.
pub fn one(call: &Call<'_>, input: GetOperation) -> Answer<OneOperation> {
    let place = call.place()?;
    if let Some(operation) = past::of_id(&input.operation_id, &place) {
        return Ok(OneOperation { operation });
    }
    let view = operation::show(call.app(), call.caller, &input.operation_id, &mut Unobserved)?;
    Ok(OneOperation { operation: map(view.row, &place) })
}

/// The operations, oldest first.
pub fn all(call: &Call<'_>, input: Page) -> Answer<Operations> {
    let rows = operation::list(call.app(), call.caller, MOST, &mut Unobserved)?;
    listed(call, "operations", rows, input.page_token.as_deref())
}

/// Those on one resource, oldest first.
pub fn of_resource(call: &Call<'_>, input: GetOperationsForResource) -> Answer<Operations> {
    let wanted = name(&input.resource_name)?;
    let mut rows = operation::list(call.app(), call.caller, MOST, &mut Unobserved)?;
    rows.retain(|row| row.resource == wanted.as_str());
    if rows.is_empty() {
        return Err(Fault::not_found(format!("nothing called `{wanted}` was ever changed")));
    }
    listed(call, &format!("operations of {wanted}"), rows, input.page_token.as_deref())
}

fn listed(call: &Call<'_>, list: &str, rows: Vec<OperationRow>, token: Option<&str>) -> Answer<Operations> {
    let place = call.place()?;
    // Those of one moment are told apart by their ids.
    let key = |row: &OperationRow| format!("{:020}-{}", row.started_at.as_microsecond(), row.id);
    let (rows, next_page_token) = page(list, rows, key, (token, 2 * call.shared.page_size))?;
    Ok(Operations { operations: rows.into_iter().map(|row| map(row, &place)).collect(), next_page_token })
}
