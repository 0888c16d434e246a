"""Learned detectors: what sessions look like is learned from history, and what does not look like them is told."""

from __future__ import annotations

from detectors.learned.session_outlier import SessionOutlier
from detectors.rules import AnyRule

LEARNED: dict[str, type[AnyRule]] = {SessionOutlier.id: SessionOutlier}
"""The learned detectors by id. They are no rules of their own accord: each is absent without a model."""
