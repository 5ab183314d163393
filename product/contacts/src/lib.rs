//! The people who call and write.
