//! s
#![allow(missing_docs)]
pub fn routes() -> crate::model::Result<Vec<ipnet::Ipv4Net>> { Ok(vec![]) }
pub fn choose_subnet(_: &[ipnet::Ipv4Net], w: Option<ipnet::Ipv4Net>) -> crate::model::Result<ipnet::Ipv4Net> { Ok(w.unwrap()) }
pub fn use_kvm(_: crate::model::Accel, _: bool) -> crate::model::Result<bool> { Ok(false) }
