"""The attacks: at least one rule should recognise each of them, in the simulated month and in a fire drill."""

from __future__ import annotations

from sample_logs.simulate.attacks.attack import Attack
from sample_logs.simulate.attacks.guessing import GUESSES
from sample_logs.simulate.attacks.takeover import TAKEOVERS
from sample_logs.simulate.attacks.theft import THEFTS

KINDS: dict[str, Attack] = {attack.kind: attack for attack in (*THEFTS, *GUESSES, *TAKEOVERS)}
"""By kind."""

__all__ = ["KINDS", "Attack"]
