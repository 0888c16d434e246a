"""`python -m sessionwatch` is the command `sessionwatch`."""

from __future__ import annotations

from sessionwatch.cli import main

main()
