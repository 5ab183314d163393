//! Handshakes over real sockets: versions, certificates that change, keys that do not fit.
