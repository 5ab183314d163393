//! Changing one's own password; which ones are taken is `identity`'s to say.

pub mod pages;
