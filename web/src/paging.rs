//! Lists in pages: `limit` and `after` in, `data`, `has_more` and `next_cursor` out. A cursor is the id of the last row,
//! so pages neither skip nor repeat when rows are added meanwhile.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::Problem;

/// Rows on a page unless asked otherwise.
pub const DEFAULT_LIMIT: u32 = 50;
/// Most rows on a page.
pub const MAXIMUM_LIMIT: u32 = 100;

/// Which page.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Rows on the page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 50)]
    #[serde(default)]
    limit: Limit,
    /// The `next_cursor` of the page before.
    #[serde(default)]
    after: Option<Uuid>,
}

/// A number of rows within its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
struct Limit(u32);

impl Default for Limit {
    fn default() -> Self {
        Self(DEFAULT_LIMIT)
    }
}

impl TryFrom<u32> for Limit {
    type Error = String;

    fn try_from(limit: u32) -> Result<Self, String> {
        if (1..=MAXIMUM_LIMIT).contains(&limit) {
            Ok(Self(limit))
        } else {
            Err(format!("limit must be between 1 and {MAXIMUM_LIMIT}"))
        }
    }
}

impl PageQuery {
    /// A page of this size from the start, or after a row.
    pub fn new(limit: u32, after: Option<Uuid>) -> Result<Self, Problem> {
        let limit = Limit::try_from(limit).map_err(|detail| Problem::field("limit", detail))?;
        Ok(Self { limit, after })
    }

    /// Rows on the page.
    pub fn limit(&self) -> usize {
        self.limit.0 as usize
    }

    /// How many rows to fetch: one more than the page shows, to know whether there is a next one.
    pub fn fetch(&self) -> i64 {
        i64::from(self.limit.0) + 1
    }

    /// The row after which the page begins.
    pub fn after(&self) -> Option<Uuid> {
        self.after
    }

    /// The same as an argument of `id > $n`: the smallest id when the page is the first.
    pub fn after_or_start(&self) -> Uuid {
        self.after.unwrap_or(Uuid::nil())
    }

    /// The same as an argument of `id < $n`, for lists with the newest first.
    pub fn before_or_end(&self) -> Uuid {
        self.after.unwrap_or(Uuid::max())
    }
}

/// One page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Is there a next page?
    pub has_more: bool,
    /// What to send as `after` for it.
    pub next_cursor: Option<Uuid>,
}

impl<T> Page<T> {
    /// Cuts fetched rows ([`PageQuery::fetch`] of them at most) to a page; `id` names a row's cursor.
    pub fn of(mut rows: Vec<T>, query: &PageQuery, id: impl Fn(&T) -> Uuid) -> Self {
        let has_more = rows.len() > query.limit();
        rows.truncate(query.limit());
        let next_cursor = if has_more { rows.last().map(id) } else { None };
        Self { data: rows, has_more, next_cursor }
    }

    /// The same page of other things.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page {
            data: self.data.into_iter().map(change).collect(),
            has_more: self.has_more,
            next_cursor: self.next_cursor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::Query;

    fn parse(query: &str) -> Result<PageQuery, String> {
        let address = format!("http://desk.example/?{query}").parse().expect("an address");
        Query::try_from_uri(&address).map(|Query(query)| query).map_err(|error| error.to_string())
    }

    #[test]
    fn limits_hold_at_their_edges() {
        assert_eq!(parse("").expect("defaults").limit(), 50);
        assert_eq!(parse("limit=1").expect("smallest").fetch(), 2);
        assert_eq!(parse("limit=100").expect("largest").limit(), 100);
        for query in ["limit=0", "limit=101", "limit=-1", "limit=x", "after=x", "page=2", "limit=1&limit=2"] {
            assert!(parse(query).is_err(), "{query}");
        }
    }

    #[test]
    fn the_extra_row_says_that_there_is_more() {
        let query = PageQuery::new(2, None).expect("a page");
        let rows: Vec<Uuid> = (1..=3).map(Uuid::from_u128).collect();
        let page = Page::of(rows.clone(), &query, |id| *id);
        assert_eq!((page.data.len(), page.has_more, page.next_cursor), (2, true, Some(rows[1])));
        let last = Page::of(rows[..2].to_vec(), &query, |id| *id);
        assert_eq!((last.data.len(), last.has_more, last.next_cursor), (2, false, None));
    }
}
