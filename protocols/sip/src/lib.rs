//! SDP offer and answer, digest, session timers: what is ours and pure about SIP.
