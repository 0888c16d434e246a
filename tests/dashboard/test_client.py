"""The console's side of the API: what it makes of an answer, and of none."""

from __future__ import annotations

import socket

import httpx
import pytest

from dashboard.client import AlertFilter, Api
from dashboard.errors import ApiRefusedError, ApiSilentError, ForbiddenError, SignedOutError, UnknownError
from schemas.alert import Severity
from schemas.api import AlertPatch, RevokeRequest
from tests.browser.rig import ANALYST
from tests.browser.story import STOLEN, VICTIM_APP


def test_alerts_come_the_most_severe_first(analyst: Api) -> None:
    ranks = [alert.severity.rank for alert in analyst.alerts(AlertFilter(), 100).items]
    assert ranks == sorted(ranks, reverse=True)
    assert Severity.CRITICAL.rank in ranks


def test_a_filter_is_what_the_api_answers(analyst: Api) -> None:
    asked = AlertFilter(statuses=("new",), severities=(Severity.MEDIUM,), text="n.ibrahim")
    found = analyst.alerts(asked, 100).items
    assert found
    assert {(one.severity, one.user_id) for one in found} == {(Severity.MEDIUM, "n.ibrahim")}


def test_a_wrong_token_is_signed_out(connections: httpx.Client) -> None:
    with pytest.raises(SignedOutError):
        Api(connections, "nobody-has-this-token-at-all").me()


def test_a_viewer_may_not_revoke(viewer: Api) -> None:
    request = RevokeRequest(app=VICTIM_APP, subject=STOLEN, reason="to try")
    with pytest.raises(ForbiddenError):
        viewer.revoke(request)


def test_an_unknown_alert_is_unknown(analyst: Api) -> None:
    with pytest.raises(UnknownError):
        analyst.alert("00000000-0000-4000-8000-000000000000")


def test_an_id_from_the_address_cannot_leave_its_path(analyst: Api) -> None:
    with pytest.raises(ApiRefusedError) as refused:
        analyst.session("bank", "../../v1/system")
    assert refused.value.status in (404, 422)


def test_a_decision_comes_back_with_the_alert(analyst: Api) -> None:
    alert = analyst.alerts(AlertFilter(text="p.dubois"), 1).items[0]
    assert analyst.decide(alert.alert_id, AlertPatch(verdict="benign")).verdict == "benign"
    assert analyst.decide(alert.alert_id, AlertPatch(undo=True)).verdict is None


def test_nobody_at_the_address_is_silence_in_one_line() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with httpx.Client(base_url=address) as silent, pytest.raises(ApiSilentError, match="does not answer"):
            Api(silent, ANALYST).system()


def test_a_person_shows_no_token() -> None:
    from dashboard.sign_in import Person
    from schemas.api import Me

    assert ANALYST not in repr(Person(Me(name="ines", role="analyst"), ANALYST))
