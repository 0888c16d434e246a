from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from response.message import alert_body, alert_title
from schemas.alert import Evidence
from tests.response.given import alert

EVIL = "\u202e@everyone <!channel> [win](https://evil.example/x)\n`rm`\x1b[31m"


def test_the_headline_says_how_bad_what_and_who() -> None:
    assert alert_title(alert()) == "CRITICAL session-hijack: user alice, app bank"


def test_without_a_user_it_names_the_key() -> None:
    assert alert_title(alert(user_id=None)) == "CRITICAL session-hijack: session s_k1_alice, app bank"


def test_the_facts_that_a_person_needs() -> None:
    one = alert()
    one.event_time_us = one.last_event_time_us = 1_790_000_000_000_000
    one.first_event_time_us = one.last_event_time_us - 2_000_000
    one.evidence = (Evidence("e1", 1_790_000_000_000_000, "accepted from 203.0.113.0/24, DE"),)
    assert alert_body(one, "revocation of the session sent to the app").splitlines() == [
        "Used from another country and with another browser",
        "",
        "Who: user alice, session s_k1_alice",
        "App: bank",
        "When: 2026-09-21 14:13:20 UTC, 3 hits since 2026-09-21 14:13:18 UTC",
        "Usual: network 192.0.2.0/24, NL, agent Firefox on Linux",
        "Now: address 203.0.113.9, network 203.0.113.0/24",
        "- 2026-09-21 14:13:20 accepted from 203.0.113.0/24, DE",
        "Done: revocation of the session sent to the app",
        f"Alert: {one.alert_id}",
        f"Look: sessionwatch alerts show {one.alert_id}",
    ]


def test_it_fits_a_screen_whatever_the_alert_holds() -> None:
    one = alert(summary="x" * 5_000, user_id="u" * 5_000)
    one.evidence = tuple(Evidence(str(n), 0, "fact " * 500) for n in range(20))
    body = alert_body(one, "nothing")
    assert len(body.splitlines()) <= 20
    assert len(body) < 2_000


@given(st.sampled_from(["summary", "user_id", "network", "device_id", "key_value", "usual", "fact"]), st.text())
def test_nothing_hostile_comes_through_any_field(field: str, text: str) -> None:
    one = alert()
    evil = EVIL + text
    if field == "usual":
        one.usual = {evil: evil}
    elif field == "fact":
        one.evidence = (Evidence("e", 0, evil),)
    else:
        setattr(one, field, evil)
    shown = alert_title(one) + "\n" + alert_body(one, "nothing")
    assert not set("@<>[]`\u202e\x1b") & set(shown)
    assert not re.search(r"https?:/", shown)
    assert len(shown.splitlines()) <= 13


def test_what_was_done_may_quote_an_app_that_nobody_has_declared() -> None:
    body = alert_body(alert(app="evil.example"), "not revoked: the app evil.example is not in the configuration")
    assert "Done: not revoked: the app evil(.)example is not in the configuration" in body


def test_a_persons_reason_mentions_nobody_in_what_was_done() -> None:
    body = alert_body(alert(), "revocation held for a person: the response is paused by eve: <!channel> @here look")
    assert "<!channel>" not in body
    assert "@here" not in body
