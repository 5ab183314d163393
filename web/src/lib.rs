//! Problems, paging, the page shell and guarded routes: what every page and every API shares.
