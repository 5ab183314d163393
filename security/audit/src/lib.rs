//! A Merkle log of who did what, with signed checkpoints.
