//! Certificates from an authority of our own, its faults included.
