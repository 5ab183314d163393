//! What is refused and what passes in the set-up that operators run.
