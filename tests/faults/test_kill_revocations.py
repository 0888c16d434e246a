"""SIGKILL ten times during a thousand revocations: each arrives, takes effect once, and no budget is exceeded."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import uuid4

import pytest

from ingest.topics import ensure_topic
from response.ssf.keys import KeyRing
from tests.faults.applying import Bank
from tests.faults.releases import is_wrong
from tests.faults.rig import Run, environment, whole
from tests.faults.stream import PARTITIONS, send, thefts
from tests.response.receivers import Receiver, answers
from tests.response.ssf.profile import parts, problems

pytestmark = pytest.mark.slow

KILLED = -9
REVOKED = 1_000
BEYOND = 30
USERS = 2 * (REVOKED + BEYOND)
BATCH = 20
WITHIN_S = 85.0
with_releases = pytest.mark.parametrize(
    "ended",
    [("broker", True), pytest.param(("apache", True), marks=pytest.mark.apache)],
    ids=["development", "apache"],
    indirect=True,
)
POINTS = (
    "after commit@30", "inside commit@38", "after respond@14", "after commit@12", "before commit@9",
    "inside commit@10", "after observe@8", "after commit@12", "inside commit@9", "before poll@12",
)  # fmt: skip
"""Hook, and at which call of it in that process: fewer calls in all than there are batches of records."""

ISSUER, AUDIENCE = "https://sessionwatch.example.com", "https://idp.example.com"
RELEASE_EVERY = 4
SSF = """
[[response.targets]]
name = "idp"
kind = "ssf"
app = "bank"
receiver = "idp"
[ssf]
issuer = "{issuer}"
algorithm = "ES256"
[[ssf.receivers]]
name = "idp"
audience = "{audience}"
push_url = "{url}"
allow_private = true
"""

REVOCATIONS = "SELECT session_id, state, json_extract(times, '$.sent') IS NOT NULL, note FROM revocations"
MESSAGES = "SELECT lane, kind, message_id, state FROM outbox"
AUDIT = "SELECT act, subject, count(*) FROM audit WHERE act LIKE 'revocation %' GROUP BY ALL"


@dataclass(frozen=True)
class Ended:
    """A run that was killed again and again and has come to its end, with what its receivers saw."""

    run: Run
    bank: Bank
    provider: Receiver
    sessions: dict[str, tuple[str, bool, str]]

    def sent(self) -> set[str]:
        """The sessions whose revocation was let go."""
        return {session for session, (_, sent, _) in self.sessions.items() if sent}

    def messages(self, lane: str, kind: str, *states: str) -> set[str]:
        """Ids of messages in the outbox."""
        rows = self.run.rows(MESSAGES)
        return {found for a, b, found, state in rows if (a, b) == (lane, kind) and (not states or state in states)}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("broker", False), id="development"),
        pytest.param(("broker", True), id="development with releases and a provider"),
        pytest.param(("apache", True), id="apache with releases and a provider", marks=pytest.mark.apache),
    ],
)
def ended(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    """A run with a webhook alone, or with people who release beside it and a second lane."""
    folder, (broker, both) = tmp_path_factory.mktemp("revocations"), request.param
    running = request.getfixturevalue(broker)
    kafka = running if isinstance(running, str) else running.bootstrap_servers
    topic, told = f"events-{uuid4()}", f"told-{uuid4()}"
    for name in (topic, told):
        ensure_topic({"bootstrap_servers": kafka}, name, PARTITIONS)
    records = thefts(USERS, REVOKED + BEYOND)
    send(kafka, topic, records)
    with Bank(folder / "bank", kafka, told) as bank, Receiver([answers(202)]) as provider, Receiver() as chat:
        more = SSF.format(issuer=ISSUER, audience=AUDIENCE, url=provider.url) if both else ""
        run = Run(
            folder / f"run-{uuid4()}", kafka, topic, len(records), bank, chat, BATCH, 200,
            max_per_hour=2 * REVOKED, more=more, release_every=RELEASE_EVERY if both else 0,
        )  # fmt: skip
        run.folder.mkdir()
        run.configure()
        run.live(*POINTS, within_s=WITHIN_S)
        assert run.exits == [KILLED] * len(POINTS)
        assert run.live(within_s=WITHIN_S) == 0
        sessions = {str(row[0]): (str(row[1]), bool(row[2]), str(row[3])) for row in run.rows(REVOCATIONS)}
        yield Ended(run, bank, provider, sessions)


def test_the_budget_holds_over_all_restarts_and_what_exceeds_it_waits(ended: Ended) -> None:
    assert len(ended.sent()) == REVOKED
    held = [note for state, _, note in ended.sessions.values() if state == "held"]
    assert len(held) == BEYOND
    assert all("half of a budget" in note for note in held)


def test_every_revocation_is_delivered(ended: Ended) -> None:
    left = {session for session in ended.sent() if not is_wrong(session, ended.run.release_every or USERS**9)}
    assert {ended.sessions[session][0] for session in left} == {"delivered"}
    assert ended.bank.order.keys() >= left
    assert all(ended.bank.refuses(session) for session in left)


def test_nothing_else_reaches_the_app(ended: Ended) -> None:
    assert ended.bank.order.keys() <= ended.sent()
    assert not any(ended.bank.refuses(session) for session in ended.sessions.keys() - ended.sent())


def test_each_takes_effect_once_and_keeps_its_id(ended: Ended) -> None:
    assert set(ended.bank.applied.values()) == {1}
    ids: dict[tuple[str, object], set[str]] = {}
    for call in whole(ended.bank):
        body = call.verified()
        told: dict[str, object] = body["data"]  # type: ignore[assignment]
        ids.setdefault((str(told["revocation_id"]), body["type"]), set()).add(call.headers["webhook-id"])
    assert {len(found) for found in ids.values()} == {1}


def test_some_answers_were_lost_and_those_messages_came_again(ended: Ended) -> None:
    tries = Counter(call.headers["webhook-id"] for call in whole(ended.bank))
    assert sum(1 for number in tries.values() if number > 1) > REVOKED // 20


def test_the_audit_log_has_each_step_once(ended: Ended) -> None:
    steps = {(act, subject): number for act, subject, number in ended.run.rows(AUDIT)}
    assert {number for (act, _), number in steps.items() if act != "revocation released"} == {1}
    requested = {subject for act, subject in steps if act == "revocation requested"}
    assert len(requested) == REVOKED
    delivered = {subject for act, subject in steps if act == "revocation delivered"}
    assert delivered <= requested


def test_the_audit_log_is_as_it_was_written(ended: Ended) -> None:
    command = [sys.executable, "-m", "sessionwatch", "audit", "verify", "--json"]
    config = str(ended.run.folder / "sessionwatch.toml")
    done = subprocess.run(
        [*command, "--config", config], env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = ended.run.rows("SELECT count(*) FROM audit")
    assert [(json.loads(done.stdout)["lines"],)] == lines


def test_people_are_told_once_that_a_budget_is_exhausted(ended: Ended) -> None:
    raised = ended.run.rows("SELECT rule_id, count(*) FROM alerts WHERE rule_id LIKE '%budget%' GROUP BY ALL")
    assert [number for _, number in raised] == [1]


@with_releases
def test_a_session_is_revoked_before_it_is_released_with_rising_numbers(ended: Ended) -> None:
    released = {session for session, steps in ended.bank.order.items() if len(steps) > 1}
    assert len(released) > REVOKED // RELEASE_EVERY // 4
    for steps in ended.bank.order.values():
        assert steps in ([(1, True)], [(1, True), (2, False)], [(2, False)])


@with_releases
def test_what_people_have_released_passes_again(ended: Ended) -> None:
    released = {session for session, (state, _, _) in ended.sessions.items() if state == "released"}
    assert released == {session for session in ended.sent() if is_wrong(session, RELEASE_EVERY)}
    assert not any(ended.bank.refuses(session) for session in released)


@with_releases
def test_the_provider_hears_of_each_by_one_token(ended: Ended) -> None:
    published = KeyRing(ended.run.folder / "ssf-keys", "ES256").published()
    tokens = {call.body.decode() for call in whole(ended.provider)}
    assert not [found for token in tokens for found in problems(token, published, ISSUER, AUDIENCE)]
    told = Counter(json.dumps(parts(token)[1]["sub_id"], sort_keys=True) for token in tokens)
    claims = {json.dumps(parts(token)[1], sort_keys=True) for token in tokens}
    # Signed anew a token is another text, and says the same.
    assert len(claims) == len(told)
    assert ended.messages("ssf:idp", "session.revoked", "delivered") <= {
        str(parts(token)[1]["jti"]) for token in tokens
    }
