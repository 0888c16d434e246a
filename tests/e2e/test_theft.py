"""From an app's login to a stolen session taken away: real app, real SDK, real broker, real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from kafka import KafkaProducer

from schemas.instant import to_rfc3339
from sessionwatch.assembly import now_us
from tests.e2e.rig import CHROME, NEW_YORK, Browser, Scene, eventually, scene
from tests.response.receivers import SECRET


@dataclass(frozen=True)
class Theft:
    """Alice and bob are signed in, alice on two devices; a thief has used the cookie of her first one once."""

    scene: Scene
    cookie: str
    alice: Browser
    alice_elsewhere: Browser
    bob: Browser
    thief: Browser

    def noticed(self) -> None:
        """Wait until the thief is refused."""
        eventually(lambda: self.thief.account() == 401)


def steal(scene: Scene) -> Theft:
    alice, alice_elsewhere, bob = scene.user(), scene.user(), scene.user()
    bob.login("bob")
    alice_elsewhere.login("alice")
    cookie = alice.login("alice")
    assert alice.account() == 200
    thief = scene.thief(cookie)
    assert thief.account() == 200
    return Theft(scene, cookie, alice, alice_elsewhere, bob, thief)


# One theft a broker for all tests that look at it: what each of them waits for stays true.
@pytest.fixture(scope="module")
def theft(tmp_path_factory: pytest.TempPathFactory, kafka: str) -> Iterator[Theft]:
    """At a bank that does what its revocations say."""
    with scene(tmp_path_factory.mktemp("bank"), kafka) as opened:
        yield steal(opened)


@pytest.fixture(scope="module")
def theft_of_the_deaf(tmp_path_factory: pytest.TempPathFactory, kafka: str) -> Iterator[Theft]:
    """At a bank that answers 200 to revocations and goes on as before."""
    with scene(tmp_path_factory.mktemp("deaf"), kafka, obeys=False) as opened:
        yield steal(opened)


def test_the_app_answers_401_to_the_thief(theft: Theft) -> None:
    eventually(lambda: theft.thief.account() == 401)


def test_the_stolen_session_is_gone_for_its_user_too(theft: Theft) -> None:
    theft.noticed()
    assert theft.alice.account() == 401


def test_a_new_login_passes(theft: Theft) -> None:
    theft.noticed()
    again = theft.scene.user()
    again.login("alice")
    assert again.account() == 200


def test_other_sessions_go_on(theft: Theft) -> None:
    theft.noticed()
    assert (theft.bob.account(), theft.alice_elsewhere.account()) == (200, 200)


def test_the_refusal_confirms_the_revocation(theft: Theft) -> None:
    theft.noticed()
    eventually(lambda: theft.scene.states() == ["confirmed"])


def test_two_alerts_on_one_session_lead_to_one_revocation(theft: Theft) -> None:
    theft.noticed()
    eventually(lambda: theft.scene.rules() >= {"session-hijack", "session-multi-network"})
    eventually(lambda: not theft.scene.reader.pending_messages())
    assert len(theft.scene.states()) == 1
    assert len({webhook["id"] for webhook in theft.scene.bank.webhooks}) == 1


def test_the_chat_names_every_alert(theft: Theft) -> None:
    theft.noticed()
    scene = theft.scene
    eventually(lambda: scene.alerts_told() == {alert.alert_id for alert in scene.reader.alerts()})


def test_the_chat_says_who_from_where_to_where_and_what_was_done(theft: Theft) -> None:
    eventually(lambda: any(text.startswith("CRITICAL session-hijack") for text in theft.scene.told()))
    (text,) = [text for text in theft.scene.told() if text.startswith("CRITICAL session-hijack")]
    assert "user alice, app bank" in text
    assert "192.0.2.0/24 DE AS64500" in text
    assert "198.51.100.0/24 US AS64530" in text
    assert "Done: revocation of the session sent to the app" in text


def test_the_siem_is_told_in_its_own_words(theft: Theft) -> None:
    theft.noticed()
    file = theft.scene.folder / "alerts.jsonl"
    eventually(lambda: file.exists() and "session-hijack" in file.read_text())
    found = [json.loads(line) for line in file.read_text().splitlines()]
    (hijack,) = [one for one in found if one["finding_info"]["analytic"]["uid"] == "session-hijack"]
    actor = hijack["evidences"][0]["actor"]
    assert actor["session"]["uid"] == theft.scene.bank.emitter.keys.session_id(theft.cookie)
    assert (actor["user"]["uid"], hijack["evidences"][0]["src_endpoint"]["ip"]) == ("alice", NEW_YORK)
    assert hijack["remediation"]["desc"]
    assert theft.cookie not in file.read_text()


def test_neither_the_cookie_nor_a_secret_is_kept_or_told(theft: Theft) -> None:
    theft.noticed()
    scene = theft.scene
    eventually(lambda: scene.states() == ["confirmed"] and scene.told())
    kept = [path.read_bytes() for path in scene.folder.glob("sessionwatch.duckdb*")]
    assert any(scene.bank.emitter.keys.session_id(theft.cookie).encode() in content for content in kept)
    for secret in (theft.cookie, scene.bank.secret, scene.bank.webhook_secret):
        assert not any(secret.encode() in content for content in kept)
        assert not any(secret in text for text in scene.told())


def test_an_unsigned_event_of_a_signing_app_is_a_dead_letter_and_ends_nothing(theft: Theft) -> None:
    scene = theft.scene
    carol = scene.user()
    cookie = carol.login("carol")
    event = {
        "schema_version": 1,
        "event_id": str(uuid4()),
        "event_time": to_rfc3339(now_us()),
        "type": "validate",
        "reason": "request",
        "app": "bank",
        "session_id": scene.bank.emitter.keys.session_id(cookie),
        "user_id": "carol",
        "ip": NEW_YORK,
        "user_agent": CHROME,
    }
    producer = KafkaProducer(bootstrap_servers=scene.servers)
    producer.send(scene.topic, json.dumps(event).encode(), key=b"carol").get(10)
    producer.close()
    eventually(scene.reader.dead_letters)
    (letter,) = scene.reader.dead_letters()
    assert letter.reason == "forged"
    assert carol.account() == 200
    assert not any(alert.user_id == "carol" for alert in scene.reader.alerts())


def test_a_session_that_goes_on_after_its_revocation_is_reported(theft_of_the_deaf: Theft) -> None:
    thief, scene = theft_of_the_deaf.thief, theft_of_the_deaf.scene
    eventually(lambda: thief.account() == 200 and "revocation-not-effective" in scene.rules())
    eventually(lambda: any(text.startswith("CRITICAL revocation-not-effective") for text in scene.told()))


def test_a_revocation_that_is_not_effective_has_failed(theft_of_the_deaf: Theft) -> None:
    thief, scene = theft_of_the_deaf.thief, theft_of_the_deaf.scene
    eventually(lambda: thief.account() == 200 and scene.states() == ["failed"])


def test_it_is_delivered_once_more_and_no_third_time(theft_of_the_deaf: Theft) -> None:
    thief, scene = theft_of_the_deaf.thief, theft_of_the_deaf.scene
    eventually(lambda: thief.account() == 200 and len(scene.bank.webhooks) >= 2)
    for _ in range(5):
        assert thief.account() == 200
    scene.bank.emitter.flush()
    told = scene.bank.emitter.counters["sent"]
    eventually(lambda: scene.reader.counts()["events"] >= told and not scene.reader.pending_messages())
    assert len({webhook["id"] for webhook in scene.bank.webhooks}) == 2


def test_with_another_webhook_secret_nothing_is_ended_and_the_outbox_says_why(tmp_path: Path, broker: str) -> None:
    with scene(tmp_path, broker, webhook_secret=SECRET) as opened:
        theft = steal(opened)
        eventually(lambda: any("401" in message.last_error for message in opened.reader.pending_messages()))
        assert opened.states() == ["sent"]
        assert theft.thief.account() == 200


def test_with_another_signing_key_every_event_is_a_dead_letter(tmp_path: Path, broker: str) -> None:
    with scene(tmp_path, broker, signing_key=bytes(32)) as opened:
        steal(opened)
        opened.bank.emitter.flush()
        eventually(lambda: opened.reader.counts()["dead_letters"] >= opened.bank.emitter.counters["sent"])
        assert {letter.reason for letter in opened.reader.dead_letters()} == {"forged"}
        assert opened.reader.counts()["events"] == 0
