//! The accept loop, limits, headers and cross-site checks in front of every request.
