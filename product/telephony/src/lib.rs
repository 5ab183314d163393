//! Calls: signalling, audio, keypad flows, voicemail and recordings.
