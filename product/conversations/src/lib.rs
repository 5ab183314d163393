//! One pure engine for phone and chat, and what comes of it: bookings, leads, tickets, handovers.

pub mod engine;
