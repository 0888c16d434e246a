"""Scenarios: what must fire, and what must not."""
