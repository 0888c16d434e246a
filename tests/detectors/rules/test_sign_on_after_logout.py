from __future__ import annotations

import random

import pytest

from detectors.plan import RuleSetting
from detectors.rules.sign_on_after_logout import MAX_KEPT, SignOnAfterLogoutParameters
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from tests.detectors.story import NEW_YORK, Story, alert, given, login, logout, rotation

CORPORATE = Apps({
    name: AppPolicy(name, kind="sso", realm="corporate", clock_skew_us=0) for name in ("portal", "wiki", "mail")
})  # fmt: skip


def sign_on(at: float = 0, session: str = "portal") -> Event:
    return login("alice", at, session=session, app="portal")


def opened(at: float, app: str = "wiki", parent: str = "portal", **fields: object) -> Event:
    """An app below the sign-on is opened."""
    named = {"session": app, "parent_session_id": f"s_{parent}", "reason": "sso", **fields}
    return login("alice", at, app=app, **named)  # type: ignore[arg-type]


def signed_out(at: float = 600, reason: str = "logout", session: str = "portal", app: str = "portal") -> Event:
    return logout("alice", at, session=session, app=app, reason=reason)


def judged(*stream: Event, **options: object) -> Story:
    return given(*stream, rules="sign-on-after-logout", **{"apps": CORPORATE, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("reason", ["logout", "logout_all", "revoked", "admin"])
def test_an_app_opened_after_the_sign_on_was_ended(reason: str) -> None:
    judged(sign_on(), opened(10), signed_out(reason=reason), opened(700, "mail", ip=NEW_YORK)).then(
        alert("sign-on-after-logout", "high", user="alice", session="mail", hits=1)
    )


def test_every_app_that_was_opened_is_told() -> None:
    late = [opened(700, "mail"), opened(800, session="wiki-2")]
    judged(sign_on(), opened(10), signed_out(), *late).then(
        alert("sign-on-after-logout", session="mail"), alert("sign-on-after-logout", session="wiki-2")
    )


def test_in_flight_at_the_logout() -> None:
    judged(sign_on(), opened(10), signed_out(), opened(660, "mail")).silent()
    judged(sign_on(), opened(10), signed_out(), opened(660.001, "mail")).then(alert("sign-on-after-logout"))


def test_the_clocks_of_two_servers_differ() -> None:
    skewed = Apps({
        name: AppPolicy(name, kind="sso", realm="corporate", clock_skew_us=120_000_000) for name in ("portal", "mail")
    })  # fmt: skip
    judged(sign_on(), opened(10, "mail"), signed_out(), opened(780, "mail", session="m2"), apps=skewed).silent()
    judged(sign_on(), opened(10, "mail"), signed_out(), opened(781, "mail", session="m2"), apps=skewed).then(
        alert("sign-on-after-logout", session="m2")
    )


def test_how_long_is_in_flight_is_a_parameter() -> None:
    setting = RuleSetting(SignOnAfterLogoutParameters(grace="5m"))
    judged(
        sign_on(), opened(10), signed_out(), opened(800, "mail"), settings={"sign-on-after-logout": setting}
    ).silent()


@pytest.mark.parametrize("reason", ["idle_timeout", "absolute_timeout", "rotated", "evicted"])
def test_what_ends_by_itself_was_ended_by_nobody(reason: str) -> None:
    judged(sign_on(), opened(10), signed_out(reason=reason), opened(700, "mail")).silent()


def test_told_late_the_logout_counts_from_when_it_was() -> None:
    stream = [sign_on(), opened(10), signed_out(30), opened(100, "mail")]
    random.Random(3).shuffle(stream)
    judged(*stream).then(alert("sign-on-after-logout", session="mail", hits=1))


def test_another_sign_on_opens_apps_again() -> None:
    judged(sign_on(), opened(10), signed_out(), sign_on(700, "again"), opened(710, "mail", parent="again")).silent()


def test_the_logout_of_an_app_below_is_not_the_sign_ons() -> None:
    for reason in ("logout", "logout_all"):
        ended = signed_out(reason=reason, session="wiki", app="wiki")
        judged(sign_on(), opened(10), ended, opened(700, "mail")).silent()


def test_signing_out_everywhere_names_no_session() -> None:
    everywhere = signed_out(reason="logout_all", session="another")
    judged(sign_on(), opened(10), everywhere, opened(700, "mail")).then(alert("sign-on-after-logout", session="mail"))


def test_a_session_that_goes_on_under_a_new_id_is_no_app() -> None:
    turned = rotation("alice", 700, session="next", parent="portal", app="portal")
    judged(sign_on(), opened(10), signed_out(), turned).silent()


def test_a_sign_on_through_which_nothing_was_opened_is_not_remembered() -> None:
    judged(sign_on(), signed_out(), opened(700)).silent()


def test_the_first_end_is_the_one_that_counts() -> None:
    judged(sign_on(), opened(10), signed_out(600), signed_out(695, "admin"), opened(700, "mail")).then(
        alert("sign-on-after-logout", session="mail")
    )


def test_sign_ons_used_since_push_the_oldest_out() -> None:
    others = [opened(20 + number, session=f"w{number}", parent=f"p{number}") for number in range(MAX_KEPT)]
    judged(sign_on(), opened(10), *others, signed_out(), opened(700, "mail")).silent()
    judged(sign_on(), opened(10), *others[1:], signed_out(), opened(700, "mail")).then(alert("sign-on-after-logout"))
    judged(sign_on(), opened(10), *others[1:], opened(50), *others[:1], signed_out(), opened(700, "mail")).then(
        alert("sign-on-after-logout")
    )
