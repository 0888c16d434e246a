"""The simulated month: ordinary life, attacks at several strengths, and the fire drills that use the same attacks."""
