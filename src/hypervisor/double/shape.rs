//! Which definitions libvirt has compared with its schema already: each time it reads that schema anew, which is more than a
//! third of what a sweep over thousands of defines costs.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// Whether no definition before it, in this process, had the same elements, attributes and words as values.
pub fn is_new(xml: &str) -> bool {
    static KNOWN: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.get_or_insert_default().insert(shape(xml))
}

/// The tags alone, with those values of attributes that are words of a schema: no numbers, no paths, no addresses.
fn shape(xml: &str) -> String {
    let mut shape = String::new();
    for tag in xml.split('<').skip(1) {
        let tag = tag.split('>').next().unwrap_or_default();
        for (n, part) in tag.split(['\'', '"']).enumerate() {
            let is_word = part.chars().all(|c| c.is_ascii_alphabetic() || c == '-');
            // Between quotes is every second part.
            if n % 2 == 0 || is_word {
                shape.push_str(part);
            }
            shape.push('\'');
        }
        shape.push('<');
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::shape;

    #[test]
    fn numbers_and_text_are_no_part_of_a_shape_and_all_else_is() {
        let one = "<domain type='kvm'><name>web</name><disk path='/a' bus='scsi'/></domain>";
        assert_eq!(shape(one), shape(&one.replace("web", "shop").replace("/a", "/b")));
        let others = [("scsi", "usb"), ("name", "title"), ("path", "file"), ("</domain>", "<on/></domain>")];
        assert_eq!(others.map(|(from, to)| shape(one) == shape(&one.replace(from, to))), [false; 4]);
    }
}
