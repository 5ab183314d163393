//! Organizations, users, sessions, keys, and who may do what.
