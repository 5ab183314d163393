//! Permission to dial, consent to record, and emergency numbers.
