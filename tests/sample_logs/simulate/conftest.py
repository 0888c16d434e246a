from __future__ import annotations

import pytest

from sample_logs.simulate.month import Month
from tests.sample_logs.simulate.simulated import Simulated, simulated


@pytest.fixture(scope="session")
def ordinary() -> Simulated:
    """Four hundred people's twenty days without an attack."""
    return simulated(Month(400, 20, 3, attacks=()))


@pytest.fixture(scope="session")
def attacked() -> Simulated:
    """Twenty days in which attacks are a dozen times as common as usual."""
    return simulated(Month(800, 20, 5, attack_rate=12.0))
