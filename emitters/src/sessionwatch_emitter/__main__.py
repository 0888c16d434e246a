"""Run `python -m sessionwatch_emitter`."""

from __future__ import annotations

from sessionwatch_emitter.command import main

raise SystemExit(main())
