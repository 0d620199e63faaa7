//! The doctor room.
