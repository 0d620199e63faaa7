//! The NoCloud seed as an ISO 9660 image in memory, label `cidata`, with Rock Ridge and Joliet names.

use std::io::Cursor;

use hadris_iso::sync::{
    read::PathSeparator,
    write::{
        InputEntry, InputMetadata, InputTree, IsoImageWriter,
        options::{CreationFeatures, IsoFormatOptions},
    },
};
use secrecy::ExposeSecret as _;

use crate::{
    model::{Code, Error, Result},
    render::Seed,
};

/// Size of every seed image, in bytes. Always the same, so the one without secrets overwrites the whole of the first.
pub const SEED_BYTES: usize = 1 << 20;

/// The seed of the first boot. Holds secrets.
///
/// # Errors
/// Refused when the documents do not fit [`SEED_BYTES`].
pub fn seed_iso(seed: &Seed) -> Result<Vec<u8>> {
    iso(seed.user_data.expose_secret(), seed)
}

/// The seed of every later boot: same instance, same length, no secrets.
///
/// # Errors
/// Refused when the documents do not fit [`SEED_BYTES`].
pub fn scrubbed_iso(seed: &Seed) -> Result<Vec<u8>> {
    iso(&seed.user_data_scrubbed, seed)
}

fn iso(user_data: &str, seed: &Seed) -> Result<Vec<u8>> {
    let private = InputMetadata { mode: Some(0o600), uid: Some(0), gid: Some(0), ..InputMetadata::default() };
    let file = |name: &str, text: &str| InputEntry::file(name, text.as_bytes()).with_metadata(private);
    let tree = InputTree::new(
        PathSeparator::ForwardSlash,
        vec![
            file("meta-data", &seed.meta_data),
            file("network-config", &seed.network_config),
            file("user-data", user_data),
        ],
    );
    let options = IsoFormatOptions {
        volume_name: "cidata".to_owned(),
        system_id: None,
        volume_set_id: None,
        publisher_id: None,
        preparer_id: None,
        application_id: None,
        sector_size: 2048,
        features: CreationFeatures::extensions(),
        path_separator: PathSeparator::ForwardSlash,
        strict_charset: false,
    };
    let too_large = || {
        Error::new(Code::SeedTooLarge, "the set-up of this instance does not fit its 1 MiB seed")
            .hint("make the user-data or the blueprint's scripts smaller")
    };
    if user_data.len() > SEED_BYTES * 3 / 4 {
        return Err(too_large());
    }
    let mut image = Cursor::new(vec![0; SEED_BYTES]);
    IsoImageWriter::create(&mut image, tree, options)
        .map_err(|e| Error::new(Code::SeedFailed, "the seed image could not be written").cause(e))?;
    let bytes = image.into_inner();
    if bytes.len() == SEED_BYTES { Ok(bytes) } else { Err(too_large()) }
}
