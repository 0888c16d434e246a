"""Counterparts in other languages ask a pipeline that shares signals."""

from __future__ import annotations

from tests.api.sharing import sharing

__all__ = ["sharing"]
