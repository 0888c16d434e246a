"""What an identity provider says ends sessions in the apps of its realm, through policy and guard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from detectors.plan import RuleSetting
from response.clock import now_us
from response.policy import PolicyLine
from response.ssf.commands import TakeSet
from response.ssf.desk import REPLAYED, SsfDesk
from response.ssf.evidence import Provider
from response.ssf.intake import Intake
from response.ssf.jwks import KeySet
from response.ssf.verify import SetRefused, SetVerifier
from response.targets.webhook import WebhookTarget
from schemas.alert import Mode, Severity
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import HOUR, MINUTE, SECOND
from store.reader import Reader
from tests.response.given import Pipeline, event
from tests.response.receivers import SECRET, Receiver
from tests.response.ssf.given import AUDIENCE, ISSUER, JWKS, SESSION_REVOKED, claims, header, rs256

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
APPS = Apps(
    {
        "bank": AppPolicy("bank", realm="staff"),
        "mail": AppPolicy("mail", realm="staff"),
        "shop": AppPolicy("shop", realm="shop"),
    }
)
USER = {"format": "iss_sub", "iss": ISSUER, "sub": "alice"}
REVOKES = [PolicyLine(do=("notify", "revoke_session"), rules=frozenset({"idp-session-revoked"}))]

Start = Callable[..., Pipeline]


def provider(mode: Mode = "enforce") -> Provider:
    return Provider("idp", ISSUER, "staff", ("bank", "mail"), mode, 24 * HOUR)


def desk_with(**settings: RuleSetting) -> Callable[[Reader], SsfDesk]:
    """A desk where rules are set in the configuration; `_` stands for `-` in their ids."""
    named = {rule_id.replace("_", "-"): setting for rule_id, setting in settings.items()}
    return lambda reader: SsfDesk(reader, providers=[msgspec.structs.replace(provider(), settings=named)])


def desk(mode: Mode = "enforce") -> Callable[[Reader], SsfDesk]:
    return lambda reader: SsfDesk(reader, providers=[provider(mode)])


def intake(running: Pipeline, mode: Mode = "enforce") -> Intake:
    def act(command: object) -> str:
        return running.turn(commands=[command]).refusals.get(0, "")

    verifier = SetVerifier(ISSUER, AUDIENCE, KeySet(lambda: JWKS, "idp"))
    return Intake(provider(mode), verifier, lambda: running.reader, act)


def login(
    session_id: str, app: str = "bank", user_id: str = "alice", idp: str | None = "idp-1", ago_us: int = MINUTE
) -> Event:
    begun = event("create", "login", session_id, app=app, user_id=user_id, ago_us=ago_us)
    begun.idp_session_id = idp
    return begun


def says(event_type: str = SESSION_REVOKED, jti: str = "jti-1", ago_s: int = 1, **changes: Any) -> bytes:
    """A token of the provider, as of now."""
    now_s = now_us() // SECOND
    facts = {"event_timestamp": now_s - ago_s, **changes.pop("event", {})}
    told = {"iat": now_s, "jti": jti, "events": {event_type: facts}, **changes}
    return rs256(header(), claims(**told))


def alerts(running: Pipeline) -> list[tuple[str, str, str | None, Severity]]:
    return sorted((one.rule_id, one.app, one.session_id, one.severity) for one in running.reader.alerts())


def test_a_session_of_the_provider_is_that_session_in_each_app_of_the_realm(pipeline: Start) -> None:
    running = pipeline(apps=APPS, shared_signals=desk("alert"))
    running.turn([login("s_bank"), login("s_mail", "mail"), login("s_shop", "shop"), login("s_other", idp="idp-2")])
    assert intake(running, "alert").take(says()) == "jti-1"
    assert alerts(running) == [
        ("idp-session-revoked", "bank", "s_bank", Severity.HIGH),
        ("idp-session-revoked", "mail", "s_mail", Severity.HIGH),
    ]


def test_a_rule_of_the_providers_is_set_as_any_other(pipeline: Start) -> None:
    in_mail = RuleSetting(mode="off", severity=Severity.LOW)
    setting = RuleSetting(severity=Severity.CRITICAL, mode="shadow", by_app={"mail": in_mail})
    running = pipeline(apps=APPS, shared_signals=desk_with(idp_session_revoked=setting))
    running.turn([login("s_bank"), login("s_mail", "mail")])
    intake(running).take(says())
    assert alerts(running) == [("idp-session-revoked", "bank", "s_bank", Severity.CRITICAL)]
    assert [one.mode for one in running.reader.alerts()] == ["shadow"]


def test_set_for_one_app_it_is_so_there(pipeline: Start) -> None:
    setting = RuleSetting(by_app={"mail": RuleSetting(mode="alert", severity=Severity.LOW)})
    running = pipeline(apps=APPS, shared_signals=desk_with(idp_session_revoked=setting))
    running.turn([login("s_bank"), login("s_mail", "mail")])
    intake(running).take(says())
    told = {one.app: (one.mode, one.severity) for one in running.reader.alerts()}
    assert told == {"bank": ("enforce", Severity.HIGH), "mail": ("alert", Severity.LOW)}


def test_policy_and_guard_end_it_where_the_operator_lets_them(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    running = pipeline(apps=APPS, targets=[bank], lines=REVOKES, shared_signals=desk())
    running.turn([login("s_bank"), *(login(f"s_{name}", user_id=name, idp=None) for name in ("bob", "carol", "dora"))])
    intake(running).take(says())
    running.until(lambda: receiver.calls)
    assert receiver.calls[0].verified(SECRET)["data"]["session_id"] == "s_bank"  # type: ignore[index]


def test_the_guard_holds_what_is_beyond_its_budget(pipeline: Start, bank: WebhookTarget) -> None:
    running = pipeline(apps=APPS, targets=[bank], lines=REVOKES, shared_signals=desk())
    running.turn([login("s_bank")])
    intake(running).take(says())
    assert running.states() == ["held"]


def test_by_default_nothing_is_ended(pipeline: Start, bank: WebhookTarget) -> None:
    running = pipeline(apps=APPS, targets=[bank], shared_signals=desk())
    running.turn([login("s_bank")])
    intake(running).take(says())
    assert running.states() == []


def test_in_mode_alert_even_a_policy_line_ends_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    running = pipeline(apps=APPS, targets=[bank], lines=REVOKES, shared_signals=desk("alert"))
    running.turn([login("s_bank")])
    intake(running, "alert").take(says())
    assert running.states() == []


def test_a_user_is_all_of_their_sessions_that_had_begun(pipeline: Start) -> None:
    running = pipeline(apps=APPS, shared_signals=desk())
    running.turn([
        login("s_bank", idp=None), login("s_mail", "mail", idp=None), login("s_bob", user_id="bob"),
        login("s_afterwards", ago_us=0),
    ])  # fmt: skip
    intake(running).take(says(f"{RISC}account-disabled", sub_id=USER, ago_s=30))
    assert [session for _, _, session, _ in alerts(running)] == ["s_bank", "s_mail"]


def test_a_user_who_was_logged_out_as_a_whole_is_all_of_their_sessions(pipeline: Start) -> None:
    running = pipeline(apps=APPS, shared_signals=desk())
    running.turn([login("s_bank"), login("s_mail", "mail", idp="idp-2"), login("s_bob", user_id="bob", idp="idp-3")])
    every = {"format": "complex", "user": USER, "session": {"format": "opaque", "id": "ALL"}}
    intake(running).take(says(sub_id=every))
    assert [session for _, _, session, _ in alerts(running)] == ["s_bank", "s_mail"]


def test_every_session_of_nobody_is_none(pipeline: Start) -> None:
    running = pipeline(apps=APPS, shared_signals=desk())
    running.turn([login("s_bank")])
    intake(running).take(says(sub_id={"format": "complex", "session": {"format": "opaque", "id": "ALL"}}))
    assert alerts(running) == []


def test_a_session_that_has_ended_is_let_be(pipeline: Start) -> None:
    running = pipeline(apps=APPS, shared_signals=desk())
    running.turn([login("s_bank"), event("destroy", "logout", "s_bank")])
    intake(running).take(says())
    assert alerts(running) == []
    assert "no session of the realm is known by this name" in running.audit()[-1].why


def test_a_subject_of_another_issuer_is_nobody_here(pipeline: Start) -> None:
    running = pipeline(apps=APPS, shared_signals=desk())
    running.turn([login("s_bank")])
    intake(running).take(says(sub_id=USER | {"iss": "https://evil.example.com"}))
    assert alerts(running) == []


def test_what_happened_long_ago_ends_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    running = pipeline(apps=APPS, targets=[bank], lines=REVOKES, shared_signals=desk())
    running.turn([login("s_bank", ago_us=3 * HOUR), event("validate", "request", "s_bank")])
    intake(running).take(says(ago_s=2 * 3_600))
    assert len(alerts(running)) == 1
    assert running.states() == []


@pytest.mark.parametrize(
    ("event_type", "facts", "rule_id", "severity"),
    [
        (f"{RISC}account-disabled", {}, "idp-account-disabled", Severity.HIGH),
        (f"{CAEP}credential-change", {"change_type": "update"}, "idp-credential-change", Severity.MEDIUM),
        (f"{CAEP}risk-level-change", {"current_level": "HIGH"}, "idp-risk-level-change", Severity.HIGH),
        (f"{CAEP}risk-level-change", {"current_level": "LOW"}, "idp-risk-level-change", Severity.INFO),
        (f"{CAEP}risk-level-change", {}, "idp-risk-level-change", Severity.MEDIUM),
    ],
)
def test_what_is_said_of_a_user_without_a_session_is_about_the_user(
    pipeline: Start, event_type: str, facts: dict[str, str], rule_id: str, severity: Severity
) -> None:
    running = pipeline(apps=APPS, shared_signals=desk())
    intake(running).take(says(event_type, sub_id=USER, event=facts))
    assert alerts(running) == [(rule_id, "bank", None, severity)]


def test_an_event_that_nothing_follows_from_is_written_down(pipeline: Start) -> None:
    running = pipeline(apps=APPS, shared_signals=desk())
    running.turn([login("s_bank")])
    intake(running).take(says("https://schemas.openid.net/secevent/ssf/event-type/verification"))
    assert alerts(running) == []
    assert running.audit()[-1].act == "security event taken"


def test_the_event_is_a_stored_signal(pipeline: Start) -> None:
    running = pipeline(apps=APPS, shared_signals=desk())
    intake(running).take(says(sub_id=USER))
    (signal,) = running.reader.replay_after(0)
    assert (signal.kind, signal.user_id, signal.payload["jti"]) == ("idp_event", "alice", "jti-1")  # type: ignore[union-attr]


def test_a_jti_that_was_received_before_is_refused(pipeline: Start) -> None:
    running = pipeline(apps=APPS, shared_signals=desk())
    running.turn([login("s_bank")])
    intake(running).take(says())
    with pytest.raises(SetRefused, match=f"invalid_request: {REPLAYED}"):
        intake(running).take(says(sub_id=USER))
    assert len(alerts(running)) == 1


def test_a_replay_is_known_after_a_restart_too(pipeline: Start) -> None:
    token = says()
    intake(pipeline(apps=APPS, shared_signals=desk())).take(token)
    running = pipeline(apps=APPS, shared_signals=desk())
    with pytest.raises(SetRefused, match=REPLAYED):
        intake(running).take(says(txn="another"))


def test_the_same_token_later_is_a_replay(pipeline: Start) -> None:
    running = pipeline(apps=APPS, shared_signals=desk())
    token = says()
    command: list[TakeSet] = []
    verifier = SetVerifier(ISSUER, AUDIENCE, KeySet(lambda: JWKS, "idp"))
    Intake(provider(), verifier, lambda: running.reader, lambda one: command.append(one) or "").take(token)  # type: ignore[func-returns-value,arg-type]
    running.turn(commands=command)
    assert running.turn(commands=command, later_us=11 * MINUTE).refusals == {0: REPLAYED}


def test_a_try_whose_answer_was_lost_is_answered_and_has_no_effect(pipeline: Start) -> None:
    running = pipeline(apps=APPS, shared_signals=desk())
    running.turn([login("s_bank")])
    token = says()
    assert intake(running).take(token) == intake(running).take(token)
    assert len(alerts(running)) == 1
    assert running.acts().count("security event taken") == 1


def test_two_that_arrive_together_are_one(pipeline: Start, tmp_path: Path) -> None:
    running = pipeline(apps=APPS, shared_signals=desk())
    running.turn([login("s_bank")])
    commands: list[object] = []
    verifier = SetVerifier(ISSUER, AUDIENCE, KeySet(lambda: JWKS, "idp"))
    taking = Intake(provider(), verifier, lambda: running.reader, lambda one: str(commands.append(one) or ""))  # type: ignore[func-returns-value]
    token = says()
    taking.take(token)
    taking.take(token)
    running.turn(commands=commands)
    assert len(alerts(running)) == 1
    assert running.acts().count("security event taken") == 1


def test_what_the_provider_writes_is_defused(pipeline: Start) -> None:
    running = pipeline(apps=APPS, shared_signals=desk())
    running.turn([login("s_bank")])
    intake(running).take(says(event={"reason_admin": {"en": "see https://evil.example.com \u202e @channel"}}))
    (alert,) = running.reader.alerts()
    assert "https://evil" not in alert.summary
    assert "\u202e" not in alert.summary
