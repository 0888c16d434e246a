from __future__ import annotations

from typing import Literal

import pytest

from detectors.plan import RuleSetting
from detectors.rules.binding_lost import BindingLostParameters
from tests.detectors.story import (
    BERLIN_CAFE,
    CURL,
    FIREFOX_UPGRADED,
    NEW_YORK,
    Story,
    alert,
    given,
    login,
    refused,
    rotation,
    use,
)

Level = Literal["none", "should", "must"]
FINGERPRINT = "fingerprint_mismatch"


def binding(*stream: object, level: Level | None = None) -> Story:
    by_app = {"bank": RuleSetting(BindingLostParameters(level=level))} if level else {}
    return given(*stream, rules="binding-lost", settings={"binding-lost": RuleSetting(by_app=by_app)})  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["dbsc", "dpop", "DPoP"])
def test_a_bound_session_used_unbound(method: str) -> None:
    binding(login("alice", at=0, bound=method), use("alice", at=60, bound="none")).then(
        alert("binding-lost", "medium", session="alice")
    )


@pytest.mark.parametrize(("level", "here", "elsewhere"), [("should", "medium", "high"), ("must", "high", "critical")])
def test_the_severity_follows_the_level_and_the_network(level: Level, here: str, elsewhere: str) -> None:
    bound = login("alice", at=0, bound="dbsc")
    binding(bound, use("alice", at=60, bound="none"), level=level).then(alert("binding-lost", here))
    binding(bound, use("alice", at=60, ip=NEW_YORK, agent=CURL, bound="none"), level=level).then(
        alert("binding-lost", elsewhere)
    )


def test_at_level_none_nothing_is_judged() -> None:
    binding(login("alice", at=0, bound="dbsc"), use("alice", at=60, bound="none"), level="none").silent()


def test_a_browser_that_cannot_bind_is_silent() -> None:
    binding(login("alice", at=0, bound="none"), use("alice", at=60, bound="none"), level="must").silent()


def test_an_app_that_says_nothing_of_the_binding_says_nothing() -> None:
    binding(login("alice", at=0, bound="dbsc"), use("alice", at=60, ip=BERLIN_CAFE)).silent()


def test_a_session_that_is_bound_after_its_login_is_silent() -> None:
    binding(
        login("alice", at=0, bound="none"), use("alice", at=5, bound="dbsc"), use("alice", at=9, bound="dbsc")
    ).silent()


def test_a_refresh_of_the_binding_in_flight_is_silent() -> None:
    binding(
        login("alice", at=0, bound="dbsc"), use("alice", at=60, bound="none"), use("alice", at=62, bound="dbsc")
    ).silent()  # fmt: skip


def test_the_users_own_bound_requests_do_not_hide_the_thief() -> None:
    binding(
        login("alice", at=0, bound="dbsc"), use("alice", at=60, ip=NEW_YORK, agent=CURL, bound="none"),
        use("alice", at=61, bound="dbsc"),
    ).then(alert("binding-lost", "high"))  # fmt: skip


def test_an_upgrade_of_the_browser_does_not_keep_a_refresh_from_being_its_own() -> None:
    binding(
        login("alice", at=0, bound="dbsc"), use("alice", at=60, bound="none"),
        use("alice", at=62, agent=FIREFOX_UPGRADED, bound="dbsc"),
    ).silent()  # fmt: skip


def test_a_bound_request_told_before_the_unbound_one_it_followed() -> None:
    binding(
        login("alice", at=0, bound="dbsc"), use("alice", at=62, bound="dbsc"), use("alice", at=60, bound="none")
    ).silent()  # fmt: skip


def test_an_unbound_use_told_late_is_found() -> None:
    bound = [use("alice", at=60 * step, bound="dbsc") for step in range(1, 10)]
    binding(login("alice", at=0, bound="dbsc"), *bound, use("alice", at=90, ip=NEW_YORK, bound="none")).then(
        alert("binding-lost", late=True)
    )


def test_a_changed_key() -> None:
    binding(
        login("alice", at=0, bound="dpop", attributes={"bound_key": "k1"}),
        use("alice", at=60, ip=NEW_YORK, bound="dpop", attributes={"bound_key": "k2"}),
    ).then(alert("binding-lost", "high"))  # fmt: skip


def test_the_first_key_stays_the_measure() -> None:
    mine, thiefs = {"bound_key": "k1"}, {"bound_key": "k2"}
    (found,) = binding(
        login("alice", at=0, bound="dpop", attributes=mine),
        use("alice", at=60, ip=NEW_YORK, bound="dpop", attributes=thiefs),
        use("alice", at=120, bound="dpop", attributes=mine),
        use("alice", at=180, ip=NEW_YORK, bound="dpop", attributes=thiefs),
    ).alerts  # fmt: skip
    assert found.hits == 2


def test_another_method_is_another_binding() -> None:
    binding(login("alice", at=0, bound="dbsc"), use("alice", at=60, bound="dpop")).then(alert("binding-lost", "medium"))


def test_a_refused_proof_of_a_bound_session() -> None:
    binding(
        login("alice", at=0, bound="dbsc"), refused("alice", at=60, reason=FINGERPRINT, ip=NEW_YORK, agent=CURL),
        level="must",
    ).then(alert("binding-lost", "medium"))  # fmt: skip


def test_a_refused_proof_that_is_repeated_with_success_is_silent() -> None:
    binding(
        login("alice", at=0, bound="dpop"),
        refused("alice", at=60, reason=FINGERPRINT),
        use("alice", at=61, bound="dpop"),
    ).silent()  # fmt: skip


def test_a_refusal_of_an_unbound_session_is_for_other_rules() -> None:
    binding(login("alice", at=0), refused("alice", at=60, reason=FINGERPRINT), level="must").silent()


def test_a_rotated_session_stays_bound() -> None:
    binding(
        login("alice", at=0, session="first", bound="dbsc"),
        rotation("alice", at=60, session="second", parent="first", bound="dbsc"),
        use("alice", at=120, session="second", ip=NEW_YORK, bound="none"),
    ).then(alert("binding-lost", session="second"))  # fmt: skip


def test_a_new_login_may_be_unbound() -> None:
    binding(
        login("alice", at=0, bound="dbsc"), login("alice", at=60, bound="none"), use("alice", at=70, bound="none")
    ).silent()  # fmt: skip
