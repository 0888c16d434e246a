"""Users' verdicts: the token that an app shows, and what the answer leads to."""

from __future__ import annotations

from collections.abc import Callable

from response.commands import GiveVerdict, Note
from response.verdicts import LIFE_US, RULE_ID, Claims, VerdictKey, VerdictRefused, unfit_to_ask
from schemas.alert import alert_id
from schemas.api import VerdictRequest, VerdictTaken, VerdictToken, VerdictTokenRequest
from schemas.instant import to_datetime
from schemas.revocation import revocation_id
from sessionwatch.api.answers.alerts import visible_alert
from sessionwatch.api.answers.rows import revocation_brief
from sessionwatch.api.asker import Asker
from sessionwatch.api.problem import Refusal, not_found


def verdict_token(
    asker: Asker, wanted: VerdictTokenRequest, key: VerdictKey, act: Callable[[object], None]
) -> VerdictToken:
    """Return a token by which an alert's user may say once whether it was them.

    Raises:
        Refusal: 404, there is no such alert; 409, it names no user.
    """
    alert = visible_alert(asker, wanted.alert_id.lower()).alert
    if alert.user_id is None:
        raise Refusal(409, "the alert names no user who could be asked")
    now_us = asker.now_us()
    token = key.make(alert, now_us)
    act(Note("verdict token made", alert.alert_id, asker.principal.name, "for the alert's user", alert.app))
    return VerdictToken(
        token=token, alert_id=alert.alert_id, user_id=alert.user_id, until=to_datetime(now_us + LIFE_US)
    )


def take_verdict(asker: Asker, given: VerdictRequest, key: VerdictKey, act: Callable[[object], None]) -> VerdictTaken:
    """Apply what a user has answered.

    Raises:
        Refusal: 422, the token is not taken; 404, it is of an app that the asker does not see; 409, it was used
            before, or the answer came from the judged session.
    """
    claims = _claims(asker, given.token, key)
    unfit = unfit_to_ask(claims, given.session_id, asker.reader)
    if unfit:
        act(Note("user verdict refused", claims.alert, asker.principal.name, unfit, claims.app))
        raise Refusal(409, unfit)
    was_me = given.verdict == "yes"
    by = asker.principal.name
    act(
        GiveVerdict(
            claims.id, claims.app, claims.user, claims.alert, claims.session, was_me, given.session_id, by
        )
    )  # fmt: skip
    if was_me:
        return VerdictTaken(alert_id=claims.alert, verdict="yes", incident=None, revocation=None)
    made = asker.reader.revocation(revocation_id(claims.id, "user"))
    return VerdictTaken(
        alert_id=claims.alert,
        verdict="no",
        incident=alert_id(RULE_ID, claims.app, claims.user, claims.id),
        revocation=None if made is None else revocation_brief(made),
    )


def _claims(asker: Asker, token: str, key: VerdictKey) -> Claims:
    try:
        claims = key.read(token, asker.now_us())
    except VerdictRefused as refused:
        raise Refusal(422, str(refused)) from None
    if not asker.sees(claims.app):
        raise not_found("alert")
    return claims
