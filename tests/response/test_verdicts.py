"""A user says whether it was them."""

from __future__ import annotations

import base64

import msgspec
import pytest

from response.commands import GiveVerdict, Pause
from response.guard import Limits
from response.targets.webhook import WebhookTarget
from response.verdicts import KEY_BYTES, Claims, VerdictKey, VerdictRefused, unfit_to_ask
from schemas.instant import DAY, SECOND
from tests.response.given import SESSION, Pipeline, alert, event, raised, use
from tests.response.theft import Start

NOW = 1_790_000_000_000_000
KEY = VerdictKey(bytes(range(KEY_BYTES)))
ALERT = alert(mode="alert")


def token() -> str:
    return KEY.make(ALERT, NOW)


def test_a_token_says_what_it_was_made_for() -> None:
    claims = KEY.read(token(), NOW)
    assert (claims.app, claims.user, claims.alert, claims.session) == ("bank", "alice", ALERT.alert_id, SESSION)


def test_no_two_tokens_are_alike() -> None:
    assert token() != token()


def test_a_token_ends_with_its_time() -> None:
    with pytest.raises(VerdictRefused, match="time is over"):
        KEY.read(token(), NOW + DAY)


def changed(found: str) -> str:
    prefix, body, mac = found.split(".")
    claims = msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=Claims)
    forged = msgspec.json.encode(msgspec.structs.replace(claims, user="bob"))
    return f"{prefix}.{base64.urlsafe_b64encode(forged).rstrip(b'=').decode()}.{mac}"


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (changed, "signature"),
        (lambda found: found[:-2] + ("AA" if found[-2:] != "AA" else "BB"), "signature"),
        (lambda found: found + "=", "signature"),
        (lambda found: found.replace("swv1", "swv2"), "no verdict token"),
        (lambda _: "", "no verdict token"),
        (lambda _: "swv1..", "signature"),
        (lambda found: found + "é", "no verdict token"),
        (lambda found: found + "A" * 5_000, "no verdict token"),
    ],
)
def test_a_damaged_token_is_refused(damage, why: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(VerdictRefused, match=why):
        KEY.read(damage(token()), NOW)


def test_a_token_of_another_key_is_refused() -> None:
    with pytest.raises(VerdictRefused, match="signature"):
        VerdictKey(bytes(KEY_BYTES)).read(token(), NOW)


def test_a_key_does_not_show_itself() -> None:
    assert repr(KEY) == "VerdictKey(…)"


@pytest.fixture
def family(pipeline: Start) -> Pipeline:
    """A stolen session, what it was refreshed from and to, and another one of alice's."""
    one = pipeline()
    refreshed = msgspec.structs.replace(event("create", "refresh", "s_child"), parent_session_id=SESSION)
    stolen = msgspec.structs.replace(event("create", "refresh"), parent_session_id="s_parent")
    one.turn([use("s_parent"), stolen, refreshed, use("s_other"), use("s_bob", user_id="bob")])
    return one


@pytest.mark.parametrize(
    ("asked_in", "why"),
    [
        (SESSION, "the session that is judged"),
        ("s_child", "the session that is judged"),
        ("s_parent", "the session that is judged"),
        ("s_bob", "not this user's"),
        ("s_unheard_of", "not this user's"),
        ("s_other", ""),
        (None, ""),
    ],
)
def test_the_judged_session_answers_for_nobody(family: Pipeline, asked_in: str | None, why: str) -> None:
    found = unfit_to_ask(KEY.read(token(), NOW), asked_in, family.reader)
    assert (why in found, bool(found)) == (True, bool(why))


def given(one: Pipeline, *, was_me: bool, token_id: str = "t1") -> dict[int, str]:
    command = GiveVerdict(token_id, "bank", "alice", ALERT.alert_id, SESSION, was_me, "s_other", by="bank-app")
    return one.turn(commands=[command]).refusals


def start(pipeline: Start, bank: WebhookTarget, **limits: object) -> Pipeline:
    one = pipeline(targets=[bank], limits=Limits(max_share_per_hour=1.0, **limits))  # type: ignore[arg-type]
    one.turn([use("s_1"), use("s_2")], raised(ALERT))
    return one


def test_no_ends_all_sessions_of_the_user_and_opens_an_incident(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank)
    assert given(one, was_me=False) == {}
    [row] = one.reader.revocations()
    assert (row.scope, row.subject, row.state, row.sessions) == ("user", "alice", "sent", 2)
    incident = next(found for found in one.reader.alerts() if found.rule_id == "user-verdict")
    assert (incident.severity, incident.user_id) == ("critical", "alice")


def test_yes_is_a_label_and_ends_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank)
    assert given(one, was_me=True) == {}
    assert one.states() == []
    line = one.reader.acts([ALERT.alert_id])[-1]
    assert (line.act, line.details, line.user_id) == ("user verdict", {"verdict": "yes"}, "alice")


def test_a_token_counts_once_even_after_a_restart(pipeline: Start, bank: WebhookTarget) -> None:
    given(start(pipeline, bank), was_me=True)
    one = pipeline()
    assert given(one, was_me=False) == {0: "this token was used before"}
    assert one.states() == []


def test_a_token_counts_once_within_a_batch(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank)
    command = GiveVerdict("t1", "bank", "alice", ALERT.alert_id, SESSION, True, None, by="bank-app")
    batch = one.turn(commands=[command, msgspec.structs.replace(command, was_me=False)])
    assert batch.refusals == {1: "this token was used before"}


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        ({"protected_users": frozenset({"alice"})}, "the user is protected"),
        ({"privileged_users": frozenset({"alice"})}, "2 people have to approve"),
    ],
)
def test_the_guard_leaves_some_users_to_people(
    pipeline: Start, bank: WebhookTarget, limits: dict[str, object], why: str
) -> None:
    one = start(pipeline, bank, **limits)
    given(one, was_me=False)
    [row] = one.responder.held()
    assert why in row.note


def test_a_verdict_waits_while_the_response_is_paused(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank)
    one.turn(commands=[Pause(by="eve", reason="calm")])
    given(one, was_me=False)
    assert one.states() == ["held"]


def test_verdicts_have_a_limit_of_their_own(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    one.turn([use(f"s_{number}") for number in range(60)], raised(ALERT))
    given(one, was_me=False)
    [row] = one.responder.held()
    assert row.note == "users' verdicts may end 50 sessions of bank an hour, 0 are"


def test_a_verdict_spends_nothing_of_the_pipelines_budget(pipeline: Start, bank: WebhookTarget) -> None:
    one = start(pipeline, bank, max_per_hour=1)
    given(one, was_me=False)
    one.turn([use("s_new")], raised(alert(session_id="s_new")), later_us=SECOND)
    assert sorted(one.states()) == ["sent", "sent"]
