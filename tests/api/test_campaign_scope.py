"""A campaign over two apps, as a token of one of them sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from response.clock import now_us
from sessionwatch.api.answers.campaigns import campaign_detail, campaign_page
from sessionwatch.api.asker import Asker
from sessionwatch.api.installation import Installation
from sessionwatch.api.principal import Principal
from sessionwatch.config import Settings
from store.database import Database
from store.reader import Reader
from store.rows import CampaignRow, MemberRow, SharedValue
from tests.response.given import alert

CAMPAIGN = "88888888-8888-4888-8888-888888888888"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """A store with a campaign of two alerts in the bank and one in the shop."""
    alerts = [
        alert(user_id="alice", session_id="s_k1_a"),
        msgspec.structs.replace(alert(user_id="bob", session_id="s_k1_b"), device_id="d_secret"),
        alert(app="shop", user_id="carol", session_id="s_k1_c"),
    ]
    shared = (SharedValue("network", "203.0.113.0/24", 3), SharedValue("device", "d_secret", 1))
    with Database.open(tmp_path / "test.duckdb") as database:
        writer = database.writer()
        with writer.transaction():
            writer.save_alerts(alerts, now_us())
            writer.save_campaigns(
                [CampaignRow(CAMPAIGN, "staff", now_us(), now_us(), shared)],
                [MemberRow(one.alert_id, CAMPAIGN) for one in alerts],
            )
        yield database.reader()


def asker(reader: Reader, *apps: str) -> Asker:
    principal = Principal("sam", "viewer", frozenset(apps) or None)
    return Asker(principal, Installation(Settings(), now_us), lambda: reader)


def test_what_other_apps_share_is_neither_named_nor_counted(reader: Reader) -> None:
    [row] = campaign_page(asker(reader, "shop"), None, 0, None, 10).items
    assert [(one.value, one.alerts) for one in row.shared] == [("203.0.113.0/24", 1)]
    assert (row.alerts, row.users, row.apps) == (1, 1, ["shop"])


def test_a_token_of_all_apps_sees_the_whole(reader: Reader) -> None:
    [row] = campaign_page(asker(reader), None, 0, None, 10).items
    assert [(one.value, one.alerts) for one in row.shared] == [("203.0.113.0/24", 3), ("d_secret", 1)]


def test_its_detail_says_no_more(reader: Reader) -> None:
    detail = campaign_detail(asker(reader, "shop"), CAMPAIGN)
    assert [(one.value, one.alerts) for one in detail.shared] == [("203.0.113.0/24", 1)]
    assert [one.user_id for one in detail.named_users] == ["carol"]
