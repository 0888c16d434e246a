"""Sequences: a rule's own cases, written beside it as text, run by its tests and by `sessionwatch rules test` alike."""

from __future__ import annotations

from detectors.sequences.reading import Expected, Sequence, SequenceError, read_sequences
from detectors.sequences.running import Played, Step, play

__all__ = ["Expected", "Played", "Sequence", "SequenceError", "Step", "play", "read_sequences"]
