"""The picture of a session, as Vega gets it."""

from __future__ import annotations

import json

import pytest

from dashboard.client import Api
from dashboard.picture import described, lane_name, picture
from schemas.api import MAX_MARKS, SessionPicture
from tests.browser.story import STOLEN, VICTIM_APP


@pytest.fixture
def shown(analyst: Api) -> SessionPicture:
    return analyst.picture(VICTIM_APP, STOLEN)


def test_it_is_drawn_as_svg_whose_colours_follow_the_theme(shown: SessionPicture) -> None:
    spec = picture(shown, None).to_dict()
    assert spec["usermeta"] == {"embedOptions": {"renderer": "svg"}}
    assert "var(--sw-accent)" in json.dumps(spec)


def test_only_the_thief_s_lane_is_tinted(shown: SessionPicture) -> None:
    assert [lane.known for lane in shown.lanes] == [True, False]
    assert "new for this user" in json.dumps(picture(shown, None).to_dict())


def test_the_event_that_is_looked_at_is_ringed(shown: SessionPicture) -> None:
    without = json.dumps(picture(shown, None).to_dict())
    ringed = json.dumps(picture(shown, shown.marks[3].event_id).to_dict())
    assert '"size": 430' in ringed
    assert '"size": 430' not in without


def test_a_picture_at_its_limit_stays_small(shown: SessionPicture) -> None:
    mark = shown.marks[5]
    full = shown.model_copy(update={"marks": [mark.model_copy(update={"event_id": f"e{n}"}) for n in range(MAX_MARKS)]})
    assert len(json.dumps(picture(full, None).to_dict())) < 1_200_000


def test_it_is_described_in_words(shown: SessionPicture) -> None:
    assert "2 networks and devices, 1 of them new for this user" in described(shown)


def test_a_lane_of_an_unknown_agent_and_network_has_a_name(shown: SessionPicture) -> None:
    bare = shown.lanes[0].model_copy(
        update={
            "network": None,
            "country": None,
            "asn": None,
            "network_type": None,
            "agent_family": None,
            "agent_os": None,
        }
    )
    assert lane_name(bare) == "no network · unknown agent"
