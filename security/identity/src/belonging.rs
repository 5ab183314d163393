//! What members make and answer for in the parts above: widgets, grants of support. Identity knows no such part; each
//! declares here how its things are listed, how one is taken back, and how all of a leaver's are, so that leaving ends
//! everything in one transaction and a review of access forgets nothing.

use storage::{Statement, Table};

/// One kind of thing. All statements run inside the organization, so `$1` is always bound by its door.
#[derive(Debug, Clone, Copy)]
pub struct Belonging {
    /// The word in reviews and in the audit log: `widget`.
    pub kind: &'static str,
    /// Its table; the column `name` is sealed with the organization's key.
    pub table: &'static Table,
    /// Those that work at `$2`, at most `$3`: `id`, `name`, `created_by`, `created_at`.
    pub listed: &'static Statement,
    /// Takes the one with id `$2` back at `$3`; changes nothing when it was taken back before.
    pub revoke: &'static Statement,
    /// Takes back at `$3` all that the person `$2` made.
    pub revoke_of_maker: &'static Statement,
}
