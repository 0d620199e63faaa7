//! What is known of a snapshot, beside its copy in the pool: from there a lost database is rebuilt. No secrets.

use std::{collections::BTreeMap, io::Read as _};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Ctx;
use crate::{
    catalog::Blueprint,
    model::{Code, DiskSnapshot, Error, Result, Snapshot},
    plan,
};

/// Version of its shape.
const SCHEMA: u32 = 1;
/// Most bytes of one.
const MOST: u64 = 1 << 20;

/// What a sidecar holds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sidecar {
    schema: u32,
    /// The snapshot.
    pub snapshot: Snapshot,
    /// The blueprint that its instance was made from.
    pub blueprint: Blueprint,
    /// The parameters of the instance.
    pub parameters: BTreeMap<String, String>,
}

/// What a sidecar holds of a snapshot of a disk.
#[derive(Debug, Serialize, Deserialize)]
pub struct DiskSidecar {
    schema: u32,
    /// The snapshot.
    pub disk_snapshot: DiskSnapshot,
}

/// A sidecar of either.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum AnySidecar {
    /// Of a snapshot of an instance.
    Instance(Box<Sidecar>),
    /// Of one of a disk.
    Disk(DiskSidecar),
}

/// The text of the sidecar of a snapshot of a disk.
pub fn text_of_disk(snapshot: &DiskSnapshot) -> Result<Vec<u8>> {
    text(&DiskSidecar { schema: SCHEMA, disk_snapshot: snapshot.clone() })
}

fn text(sidecar: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(sidecar).map_err(|e| Error::new(Code::Json, "cannot write a sidecar").cause(e))
}

impl Sidecar {
    /// That of a snapshot whose instance is there.
    pub fn of(ctx: &Ctx, snapshot: &Snapshot) -> Result<Self> {
        let (blueprint, parameters) = ctx.store.blueprint_of(snapshot.record.uuid)?;
        Ok(Self { schema: SCHEMA, snapshot: snapshot.clone(), blueprint, parameters })
    }

    /// That of a snapshot that comes from elsewhere.
    pub fn new(snapshot: &Snapshot, blueprint: &Blueprint, parameters: &BTreeMap<String, String>) -> Self {
        Self {
            schema: SCHEMA,
            snapshot: snapshot.clone(),
            blueprint: blueprint.clone(),
            parameters: parameters.clone(),
        }
    }

    /// Its text.
    pub fn text(&self) -> Result<Vec<u8>> {
        text(self)
    }

    /// Reads that of a snapshot of an instance from the pool.
    ///
    /// # Errors
    /// There is none, or none of a shape that this lite knows.
    pub fn read(ctx: &Ctx, id: Uuid) -> Result<Self> {
        match AnySidecar::read(ctx, id)? {
            AnySidecar::Instance(sidecar) => Ok(*sidecar),
            AnySidecar::Disk(_) => Err(failed(id, "tells of a snapshot of a disk")),
        }
    }
}

fn failed(id: Uuid, why: &str) -> Error {
    Error::failed(Code::Json, format!("volume `{}` {why}", plan::snapshot_sidecar(id)))
}

impl AnySidecar {
    /// Reads that of a snapshot from the pool, whatever it is of.
    ///
    /// # Errors
    /// There is none, or none of a shape that this lite knows.
    pub fn read(ctx: &Ctx, id: Uuid) -> Result<Self> {
        let name = plan::snapshot_sidecar(id);
        let failed = |why: &str| failed(id, why);
        let mut text = Vec::new();
        let reader = ctx.hypervisor.download(&ctx.settings.host.pool, &name)?;
        reader.take(MOST).read_to_end(&mut text).map_err(|e| failed("cannot be read").cause(e))?;
        // A volume may be larger than what was written to it.
        text.truncate(text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
        let read: Self =
            serde_json::from_slice(&text).map_err(|e| failed("does not tell what a snapshot holds").cause(e))?;
        let told = match &read {
            Self::Instance(sidecar) => (sidecar.schema, sidecar.snapshot.id),
            Self::Disk(sidecar) => (sidecar.schema, sidecar.disk_snapshot.id),
        };
        match told == (SCHEMA, id) {
            true => Ok(read),
            false => Err(failed("tells of another snapshot, or was written by a newer lite")),
        }
    }
}
