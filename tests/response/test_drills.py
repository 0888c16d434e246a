"""What a fire drill may lead to."""

from __future__ import annotations

import pytest

from response.policy import Policy
from schemas.drill import DrillKey
from tests.response.given import APPS, alert


@pytest.mark.parametrize("revokes", [True, False])
def test_a_drill_ends_its_session_only_where_it_was_signed_to(revokes: bool) -> None:
    drill = DrillKey(bytes(32)).sign("stolen-cookie", "bank", 1_800_000_000_000_000, revokes=revokes)
    decision = Policy((), APPS).decide(alert(drill=drill))
    assert ("revoke_session" in decision.actions) is revokes
    assert decision.withheld == ("" if revokes else "it is a drill")
