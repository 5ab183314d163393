//! The pages that belong to no single part: the overview and the settings of an organization; and the router that joins
//! them with the pages of the parts.

mod alerts;
mod keys;
pub mod overview;
mod people;
mod review;
mod settings;

use identity::Platform;
use web::routes::Routes;

/// The pages of this module.
pub fn routes() -> Routes<Platform> {
    settings::routes().merge(keys::routes()).merge(people::routes()).merge(alerts::routes()).merge(review::routes())
}
