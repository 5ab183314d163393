//! The running product under the programs that attackers use, signed in as everybody there is: schemathesis (the API against its own
//! description), wapiti (the dashboard) and sqlmap (every parameter, on both databases). None finds anything; each is seen to find the
//! holes of a weak server, so that its silence means something. And every answer looked at for what no such program knows.
//!
//! The ordinary run is bounded: `RINGFENCE_ATTACK_LONG=1` asks for the long one, which takes minutes for each role.

mod answers;
mod people;
mod program;
mod requests;
mod schemathesis;
mod sqlmap;
mod wapiti;
mod weak;
