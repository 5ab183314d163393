//! Problems, paging, the page shell and guarded routes: what every page and every API shares.

pub mod assets;
pub mod chart;
pub mod chip;
pub mod moment;
pub mod shell;
pub mod sign;
pub mod waveform;
