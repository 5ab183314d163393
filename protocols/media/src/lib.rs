//! RTP, jitter buffer, G.711, DTMF, mixing and tones as pure machines.
