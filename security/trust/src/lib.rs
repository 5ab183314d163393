//! The executable security page: promises, probes and evidence.
