//! The Lightsail API: who is let in, what is seen, and that each name is answered as docs/api.md says.

mod docs;
mod reads;
mod signatures;
