//! The contract of the door, on both engines: what a part may rely on whichever database stands behind it.

mod crash;
mod house;
mod registry;
mod transactions;
mod traps;
mod walls;
