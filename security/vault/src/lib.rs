//! Keys, sealed fields, sealed objects and expiring links.
