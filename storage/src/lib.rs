//! Two databases behind one door, sealed objects on disk, and jobs.
