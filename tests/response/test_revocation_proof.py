"""Whether a session is really gone: what confirms a revocation, and what disproves it."""

from __future__ import annotations

import msgspec

from response.clock import now_us
from response.commands import Retry
from response.targets.webhook import WebhookTarget
from schemas.alert import AlertChange
from schemas.instant import MINUTE
from schemas.revocation import WebhookBody
from tests.response.given import SESSION, Pipeline, event, raised, use
from tests.response.receivers import Receiver
from tests.response.theft import NOT_EFFECTIVE, Start, other_client, steal


def accepted(minutes: int) -> list[AlertChange]:
    """The revoked session accepted by another server of the app, so many minutes from now."""
    last_us = now_us() + minutes * MINUTE
    return [AlertChange("updated", msgspec.structs.replace(NOT_EFFECTIVE, last_event_time_us=last_us))]


def disproved_and_confirmed(one: Pipeline) -> None:
    """A revocation that was disproved, delivered again, and then confirmed by one server of the app."""
    steal(one)
    one.until_result()
    one.turn([use()], raised(NOT_EFFECTIVE))
    one.until_result()
    one.turn([event("fail", "revoked")])
    assert one.states() == ["confirmed"]


def test_it_goes_from_sent_to_delivered_to_confirmed(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    assert one.states() == ["sent"]
    one.until_result()
    assert one.states() == ["delivered"]
    one.turn([event("destroy", "revoked")])
    assert one.states() == ["confirmed"]
    assert one.acts()[-3:] == ["alert raised", "revocation delivered", "revocation confirmed"]


def test_a_refused_use_confirms_too(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.turn([event("fail", "revoked")])
    assert one.states() == ["confirmed"]


def test_proof_may_arrive_before_the_result_of_the_delivery(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.turn([event("destroy", "revoked")])
    one.until_result()
    [row] = one.reader.revocations()
    assert row.state == "confirmed"
    assert {"requested", "sent", "delivered", "confirmed"} <= row.times.keys()


def test_another_ends_proof_is_none(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.turn([event("destroy", "logout"), event("destroy", "revoked", "s_other"), event("validate", "revoked")])
    assert one.states() == ["sent"]


def test_an_older_event_proves_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.turn([event("fail", "revoked", ago_us=MINUTE)])
    assert one.states() == ["sent"]


def test_the_delivery_is_a_signal_for_the_detectors(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    [signal] = one.until_result().signals
    [row] = one.reader.revocations()
    assert (signal.kind, signal.app, signal.session_id) == ("revocation_delivered", "bank", SESSION)
    assert signal.payload == {"revocation_id": row.revocation_id, "sequence": 1}
    assert signal.time_us == row.times["delivered"]


def test_a_revocation_that_is_disproved_has_failed_and_is_delivered_once_more(
    pipeline: Start, bank: WebhookTarget, receiver: Receiver
) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.until_result()
    one.turn([event("destroy", "revoked")])
    one.turn([use()], raised(NOT_EFFECTIVE))
    assert one.states() == ["failed"]
    one.until_result()
    first, second = (WebhookBody.model_validate(call.verified()) for call in receiver.calls)
    assert first.data == second.data
    assert receiver.calls[0].headers["webhook-id"] != receiver.calls[1].headers["webhook-id"]


def test_only_once(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.until_result()
    one.turn([use()], raised(NOT_EFFECTIVE))
    one.until_result()
    batch = one.turn([use()], [AlertChange("escalated", NOT_EFFECTIVE)])
    assert batch.messages == []
    assert one.states() == ["failed"]


def test_in_a_dry_run_nothing_is_delivered_once_more(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.until_result()
    one = pipeline(targets=[other_client(receiver)], dry_run=True)
    batch = one.turn([use()], raised(NOT_EFFECTIVE))
    assert (one.states(), batch.messages) == (["failed"], [])


def test_a_later_refusal_confirms_a_failed_one(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    steal(one)
    one.until_result()
    one.turn([use()], raised(NOT_EFFECTIVE))
    one.turn([event("fail", "revoked")])
    assert one.states() == ["confirmed"]


def test_what_one_server_confirms_another_may_disprove(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    disproved_and_confirmed(one)
    batch = one.turn([use()], accepted(minutes=60))
    assert (one.states(), batch.messages) == (["failed"], [])


def test_a_use_before_the_newest_proof_disproves_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    disproved_and_confirmed(one)
    one.turn([event("fail", "revoked", ago_us=-90 * MINUTE)])
    batch = one.turn([use()], accepted(minutes=60))
    assert (one.states(), batch.revocations) == (["confirmed"], [])


def test_a_proof_before_the_newest_use_confirms_nothing(pipeline: Start, bank: WebhookTarget) -> None:
    one = pipeline(targets=[bank])
    disproved_and_confirmed(one)
    one.turn([use()], accepted(minutes=60))
    one.turn([use()], accepted(minutes=70))
    one.turn([event("fail", "revoked", ago_us=-65 * MINUTE)])
    assert one.states() == ["failed"]
    one.turn([event("fail", "revoked", ago_us=-75 * MINUTE)])
    assert one.states() == ["confirmed"]


def test_which_came_last_is_known_after_a_restart(pipeline: Start, bank: WebhookTarget, receiver: Receiver) -> None:
    disproved_and_confirmed(pipeline(targets=[bank]))
    one = pipeline(targets=[other_client(receiver)])
    one.turn([use()], accepted(minutes=60))
    assert one.states() == ["failed"]


def test_a_use_within_the_grace_of_a_later_delivery_says_nothing_against_it(
    pipeline: Start, bank: WebhookTarget
) -> None:
    one = pipeline(targets=[bank])
    disproved_and_confirmed(one)
    [row] = one.reader.revocations()
    one.turn(commands=[Retry(row.revocation_id, by="eve")])
    one.until_result()
    one.turn([use()], accepted(minutes=0))
    assert one.states() == ["delivered"]
