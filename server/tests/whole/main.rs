//! The whole product, as a newcomer meets it: the binary is started by its command line and used from outside, over real
//! HTTP, real SIP and sound, and a real browser. Nothing here reaches into the program.

mod browser;
mod caller;
mod crash;
mod description;
mod doctor;
mod ending;
mod guide;
mod isolation;
mod malformed;
mod organizations;
mod phone;
mod plaintext;
mod product;
mod replay;
mod search;
mod start;
mod visitor;
