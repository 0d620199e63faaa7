//! Making instances.

use super::{add_on, all_begun, change::started};
use crate::{
    app::{
        files::Attachment,
        instance::create::{self, Create},
        key_pair, names, snapshot,
    },
    lightsail::{
        call::{Call, Done, name},
        fault::{Answer, Fault},
        map::{catalog::is_alias, instance::DEFAULT_KEY},
        wire::{CreateFromSnapshot, CreateInstances},
    },
    model::{Asked, Name, Tag, Unobserved},
};

/// Most instances of one request.
const MOST: usize = 20;

/// Makes instances: all of them, or none.
pub fn create(call: &Call<'_>) -> Answer<Done> {
    let input: CreateInstances = call.input()?;
    let names = instance_names(&input.instance_names)?;
    all(call, &names, &request(call, input)?)
}

/// Makes instances with the disk of a snapshot: all of them, or none.
pub fn from_snapshot(call: &Call<'_>) -> Answer<Done> {
    let input: CreateFromSnapshot = call.input()?;
    let names = instance_names(&input.instance_names)?;
    if input.attached_disk_mapping.as_ref().is_some_and(|mapping| !mapping.is_null()) {
        return Err(Fault::invalid("`attachedDiskMapping` is not known here: disks of the snapshot are left out"));
    }
    let snapshot = source(call, &input)?;
    let of = snapshot::show(call.app(), call.caller, &snapshot, &mut Unobserved)?.blueprint;
    let blueprint_id = of.ok_or_else(|| Fault::not_found(format!("`{snapshot}` is a snapshot of a disk")))?;
    let request = request(
        call,
        CreateInstances {
            instance_names: Vec::new(),
            availability_zone: input.availability_zone,
            custom_image_name: None,
            blueprint_id,
            bundle_id: input.bundle_id,
            user_data: input.user_data,
            key_pair_name: input.key_pair_name,
            tags: input.tags,
            add_ons: input.add_ons,
            ip_address_type: input.ip_address_type,
        },
    )?;
    all(call, &names, &Create { from_snapshot: Some(snapshot), ..request })
}

/// The snapshot: by its name, or an automatic one of an instance.
fn source(call: &Call<'_>, input: &CreateFromSnapshot) -> Answer<Name> {
    let latest = input.use_latest_restorable_auto_snapshot.unwrap_or(false);
    match (&input.instance_snapshot_name, &input.source_instance_name, input.restore_date.as_deref()) {
        (Some(named), None, None) if !latest => name(named),
        (None, Some(of), Some(date)) if !latest => add_on::found(call, of, Some(date)),
        (None, Some(of), None) if latest => add_on::found(call, of, None),
        _ => Err(Fault::invalid("which snapshot it is, is not clear").tip(
            "give `instanceSnapshotName`; or `sourceInstanceName` with `restoreDate` or `useLatestRestorableAutoSnapshot`",
        )),
    }
}

fn all(call: &Call<'_>, names: &[Name], request: &Create) -> Answer<Done> {
    let one = |name: &Name| {
        // The id is that of the asking, so that one that comes again after a crash makes nothing twice.
        let request_id = call.invocation.map(|id| format!("api:{}:{id}:{name}", call.key));
        let request = Create { name: Some(name.clone()), request_id, ..request.clone() };
        create::check(call.app(), call.caller, request)
    };
    let checked = names.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    let accepted = create::accept_all(call.app(), checked, &mut Unobserved)?;
    let each = accepted.into_iter().zip(names);
    let started = each.map(|(one, name)| started(call, ("CreateInstance", ("Instance", name.as_str())), one));
    all_begun(started.collect::<Answer<_>>()?)
}

fn instance_names(given: &[String]) -> Answer<Vec<Name>> {
    if !(1..=MOST).contains(&given.len()) {
        return Err(Fault::invalid(format!("`instanceNames` has to hold 1 to {MOST} names")));
    }
    let names = given.iter().map(|text| name(text)).collect::<Answer<Vec<_>>>()?;
    match names.iter().enumerate().find(|(n, name)| names[..*n].contains(name)) {
        Some((_, twice)) => Err(Fault::invalid(format!("`{twice}` is twice in `instanceNames`"))),
        None => Ok(names),
    }
}

/// What all of them are to be.
fn request(call: &Call<'_>, input: CreateInstances) -> Answer<Create> {
    call.place()?.check_zone(&input.availability_zone)?;
    if input.custom_image_name.is_some() {
        return Err(Fault::invalid("`customImageName` is not known here").tip("`lite image import` brings an image"));
    }
    let addresses = input.ip_address_type;
    if addresses.as_deref().is_some_and(|kind| !["dualstack", "ipv4"].contains(&kind)) {
        return Err(Fault::invalid("`ipAddressType` has to be `dualstack` or `ipv4`: instances have IPv4"));
    }
    let mut tags = input.tags.unwrap_or_default().iter().map(|tag| tag.read()).collect::<Result<Vec<Tag>, _>>()?;
    tags.extend(add_on::tag(call, input.add_ons.as_deref().unwrap_or_default())?);
    let settings = &call.app().settings;
    let of = |given: &str, known: Vec<String>| {
        known.into_iter().find(|id| is_alias(given, id)).unwrap_or_else(|| given.to_owned())
    };
    Ok(Create {
        bundle: Some(of(&input.bundle_id, names::bundles(Some(settings)))),
        ssh_keys: ssh_keys(call, input.key_pair_name.as_deref())?,
        user_data: user_data(input.user_data),
        tags,
        until_ready: call.shared.until_ready.is_some(),
        asked: Some(Asked {
            blueprint: input.blueprint_id.clone(),
            bundle: input.bundle_id,
            key_pair: input.key_pair_name,
            addresses,
        }),
        ..Create::of(of(&input.blueprint_id, names::blueprints(Some(settings))), call.shared.timeout)
    })
}

/// The public key of a key pair. That of lite itself is in every instance.
fn ssh_keys(call: &Call<'_>, given: Option<&str>) -> Answer<Vec<Attachment>> {
    let Some(given) = given.filter(|given| *given != DEFAULT_KEY) else { return Ok(Vec::new()) };
    let pair = key_pair::show(call.app(), call.caller, &name(given)?, &mut Unobserved)?;
    Ok(vec![Attachment { name: format!("key pair {}", pair.name), bytes: pair.public.into_bytes() }])
}

/// User-data as cloud-init takes it: what says nothing of its kind is a script.
fn user_data(given: Option<String>) -> Option<Attachment> {
    let text = given.filter(|text| !text.trim().is_empty())?;
    let says = ["#", "Content-Type:", "MIME-Version:"].iter().any(|start| text.starts_with(start));
    let text = if says { text } else { format!("#!/bin/sh\n{text}") };
    Some(Attachment { name: "userData".to_owned(), bytes: text.into_bytes() })
}
