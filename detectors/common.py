"""What the rules of one plan have in common, for the few that need it."""

from __future__ import annotations

from dataclasses import dataclass

from detectors.exceptions import Exceptions
from detectors.kept_lists import KeptLists


@dataclass(frozen=True, slots=True)
class Common:
    """Handed to every rule when it is made.

    Attributes:
        exceptions: those of the configuration.
        lists: the network lists in force, which change while the rules run.
    """

    exceptions: Exceptions
    lists: KeptLists
