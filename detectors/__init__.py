"""Rules and the engine that feeds them. Iterables of events in, changes of alerts out: no I/O, no clock, no SQL."""
