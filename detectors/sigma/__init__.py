"""Rules without Python: Sigma rules and correlations, compiled onto the engine."""

from __future__ import annotations

from detectors.sigma.compile import compile_rules
from detectors.sigma.documents import SigmaSource
from detectors.sigma.errors import Problem, SigmaRefused

__all__ = ["Problem", "SigmaRefused", "SigmaSource", "compile_rules"]
