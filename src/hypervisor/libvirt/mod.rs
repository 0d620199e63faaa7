//! libvirt behind the trait.
