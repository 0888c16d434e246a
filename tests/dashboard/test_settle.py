"""What may be decided on a revocation, by how it stands."""

from __future__ import annotations

from typing import get_args

from dashboard.client import Api
from dashboard.dialog import Settlement
from dashboard.settle import OPEN_TO
from schemas.api import RevokeRequest


def test_a_held_one_is_approved_or_dropped() -> None:
    assert OPEN_TO["held"] == ("approve", "drop")


def test_what_is_over_offers_nothing() -> None:
    assert not {"released", "suppressed"} & set(OPEN_TO)


def test_everything_that_the_api_takes_is_offered_somewhere() -> None:
    assert {choice for choices in OPEN_TO.values() for choice in choices} == set(get_args(Settlement))


def test_one_that_went_out_is_taken_back_with_a_reason(analyst: Api) -> None:
    asked = RevokeRequest(app="shop", subject="s_k1_commute0Kt5RbQxZ8nMvLw", reason="taken for a theft")
    made = analyst.revoke(asked)
    released = analyst.settle(made.revocation_id, "release", "it is her train")
    assert (released.state, released.note) == ("released", "it is her train")
