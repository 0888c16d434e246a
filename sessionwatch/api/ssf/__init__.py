"""Shared signals over HTTP: stream management and polling for receivers, and the push endpoint for providers."""
