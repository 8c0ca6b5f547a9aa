//! Killed again and again under load, as by a power cut: every acknowledged event is there, where its receipt said.
