//! A forgotten password and a lost second factor over HTTP: the pages that a link from an owner or admin leads to.

pub mod pages;
