//! The phone against real peers: our own softphone, SIPp, baresip, raw bytes; over UDP, TCP and TLS, with real sound.

#[path = "phone/abuse.rs"]
mod abuse;
#[path = "phone/answerer.rs"]
mod answerer;
#[path = "phone/baresip.rs"]
mod baresip;
#[path = "phone/calls.rs"]
mod calls;
#[path = "phone/encrypted.rs"]
mod encrypted;
#[path = "phone/flood.rs"]
mod flood;
#[path = "phone/identity.rs"]
mod identity;
#[path = "phone/load.rs"]
mod load;
#[path = "phone/registration.rs"]
mod registration;
#[path = "phone/sipp.rs"]
mod sipp;
#[path = "phone/tools.rs"]
mod tools;
#[path = "phone/tormentor.rs"]
mod tormentor;
#[path = "phone/torture.rs"]
mod torture;
#[path = "phone/trunk.rs"]
mod trunk;
