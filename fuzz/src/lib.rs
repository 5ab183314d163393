//! Fuzz targets for every parser; they also run as plain tests.
