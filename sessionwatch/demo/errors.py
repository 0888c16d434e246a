"""What can keep the demo from being shown."""

from __future__ import annotations

from sessionwatch.errors import SessionwatchError


class DemoError(SessionwatchError):
    """A part of the demo does not run, or did not do what was to be shown."""
