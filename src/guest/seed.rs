//! The seed image: an ISO 9660 file system labelled `cidata` (cloud-init's NoCloud), made in memory.

use std::{io::Cursor, sync::Arc};

use hadris_iso::{
    read::PathSeparator,
    write::{
        File, InputFiles, IsoImageWriter,
        options::{CreationFeatures, IsoFormatOptions},
    },
};
use secrecy::ExposeSecret;

use crate::{
    model::{Error, Result},
    render::Seed,
};

/// Sizes are a multiple of this, so that the scrubbed image fits over the first one.
const BLOCK: usize = 64 << 10;
/// Room for the file system's own tables.
const TABLES: usize = 192 << 10;

/// The image with everything in it.
pub fn seed_iso(seed: &Seed) -> Result<Vec<u8>> {
    image(seed, seed.user_data.expose_secret())
}

/// The image without secrets, of the same size.
pub fn scrubbed_iso(seed: &Seed) -> Result<Vec<u8>> {
    image(seed, &seed.user_data_scrubbed)
}

fn image(seed: &Seed, user_data: &str) -> Result<Vec<u8>> {
    let file = |name: &str, text: &str| File::File {
        name: Arc::new(name.to_owned()),
        contents: text.as_bytes().to_vec(),
    };
    let files = InputFiles {
        path_separator: PathSeparator::ForwardSlash,
        files: vec![
            file("meta-data", &seed.meta_data),
            file("network-config", &seed.network_config),
            file("user-data", user_data),
        ],
    };
    let options = IsoFormatOptions {
        volume_name: "cidata".to_owned(),
        sector_size: 2048,
        path_separator: PathSeparator::ForwardSlash,
        features: CreationFeatures::extensions(),
        system_id: None,
        volume_set_id: None,
        publisher_id: None,
        preparer_id: None,
        application_id: None,
        strict_charset: false,
    };
    let needed = TABLES + seed.user_data.expose_secret().len() + seed.meta_data.len() + seed.network_config.len();
    let mut buffer = Cursor::new(vec![0; needed.next_multiple_of(BLOCK)]);
    IsoImageWriter::create(&mut buffer, files, options)
        .map_err(|e| Error::failed("seed_error", "cannot make the seed image").cause(e))?;
    Ok(buffer.into_inner())
}
