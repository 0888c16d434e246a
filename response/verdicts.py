"""Users' own verdicts: "was this you?", answered once for each signed token."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Protocol

import msgspec

from ingest.batch import Batch
from response.commands import GiveVerdict
from response.guard import VERDICT, Guard
from response.in_use import InUse
from response.ledger import Ledger
from response.records import Records
from response.revocations import Revocations
from schemas.alert import Alert, Evidence, Severity, alert_id
from schemas.instant import DAY
from schemas.revocation import LIVE_STATES, Revocation, revocation_id
from store.rows import AuditLine

RULE_ID = "user-verdict"
"""What the incident is filed under; no rule of the engine has this name."""
GIVEN = "user verdict"
"""The act of the audit line whose subject is the token's id: there is one at most."""
KEY_BYTES = 32
LIFE_US = DAY
"""How long a token counts: a user reads a mail in the evening."""

_PREFIX = "swv1"
_LONGEST = 4_096


class VerdictRefused(Exception):
    """A token is not taken; the text says why and quotes nothing of it."""


class Claims(msgspec.Struct, frozen=True):
    """What a token says.

    Attributes:
        id: unique; the token counts once.
        session: the hashed session that is judged, where there is one.
        until_us: microseconds since the epoch.
    """

    id: str
    app: str
    user: str
    alert: str
    session: str | None
    until_us: int


class VerdictKey:
    """Signs tokens, and reads back what it has signed (HMAC-SHA256, RFC 2104).

    Args:
        key: 32 random bytes.

    Raises:
        ValueError: of another length.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a verdict key has {KEY_BYTES} bytes")
        self._key = key

    def __repr__(self) -> str:
        return "VerdictKey(…)"

    def make(self, alert: Alert, now_us: int, life_us: int = LIFE_US) -> str:
        """Return a token by which the alert's user may say once whether it was them.

        Args:
            alert: names a user.
            now_us: the pipeline's clock, microseconds since the epoch.
            life_us: how long it counts, microseconds.
        """
        claims = Claims(
            secrets.token_urlsafe(16), alert.app, alert.user_id or "", alert.alert_id, alert.session_id,
            now_us + life_us,
        )  # fmt: skip
        body = _text(msgspec.json.encode(claims))
        return f"{_PREFIX}.{body}.{_text(self._mac(body))}"

    def read(self, token: str, now_us: int) -> Claims:
        """Return what a token says.

        Raises:
            VerdictRefused: it was not signed by this key, is damaged, or its time is over.
        """
        prefix, _, rest = token.partition(".")
        body, _, mac = rest.partition(".")
        if prefix != _PREFIX or len(token) > _LONGEST or not token.isascii():
            raise VerdictRefused("this is no verdict token")
        if not hmac.compare_digest(_text(self._mac(body)), mac):
            raise VerdictRefused("the token's signature does not fit")
        try:
            claims = msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=Claims)
        except (binascii.Error, msgspec.MsgspecError):
            raise VerdictRefused("this is no verdict token") from None
        if claims.until_us <= now_us:
            raise VerdictRefused("the token's time is over")
        return claims

    def _mac(self, body: str) -> bytes:
        return hmac.digest(self._key, f"{_PREFIX}.{body}".encode(), hashlib.sha256)


class Lineage(Protocol):
    """What is asked about sessions. `store.reader.Reader` answers it."""

    def ancestors(self, app: str, session_id: str) -> list[str]:
        """Return the sessions that a session was rotated or refreshed from, the nearest first."""

    def user_of_session(self, app: str, session_id: str) -> str | None:
        """Return whose session it is; None = unknown."""


def unfit_to_ask(claims: Claims, asked_in: str | None, lineage: Lineage) -> str:
    """Return why an answer that was given in a session does not count, or an empty text.

    Whoever holds the judged session would say "yes": neither it nor what was rotated or refreshed from it may answer,
    nor what it came from.

    Args:
        claims: of the token.
        asked_in: the hashed session in which the user was asked; None = outside of any, as by mail.
        lineage: the store.
    """
    if asked_in is None:
        return ""
    if lineage.user_of_session(claims.app, asked_in) != claims.user:
        return "the session that answers is not this user's"
    if claims.session is None:
        return ""
    related = asked_in == claims.session or claims.session in lineage.ancestors(claims.app, asked_in)
    if related or asked_in in lineage.ancestors(claims.app, claims.session):
        return "the answer came from the session that is judged"
    return ""


class UserVerdicts:
    """Applies what users say: *no* ends all their sessions and opens an incident, *yes* is a label on the alert.

    Args:
        in_use: knows which sessions are live.
        revocations: moves them through their states.
        ledger: those that still matter.
        guard: verdicts have a limit of their own.
        records: the store.
    """

    def __init__(self, in_use: InUse, revocations: Revocations, ledger: Ledger, guard: Guard, records: Records) -> None:
        self._in_use = in_use
        self._revocations = revocations
        self._ledger = ledger
        self._guard = guard
        self._records = records

    def give(self, batch: Batch, command: GiveVerdict) -> tuple[str, Alert | None]:
        """Apply a verdict; return why not (or an empty text), and the incident that it opens."""
        lines = [*self._records.acts([command.token_id]), *batch.audit]
        if any(line.act == GIVEN and line.subject == command.token_id for line in lines):
            why = "this token was used before"
            subject, app = command.alert_id, command.app
            batch.audit.append(AuditLine(batch.arrival_us, command.by, "user verdict refused", subject, app, why))
            return why, None
        said = "yes, it was me" if command.was_me else "no, it was not me"
        verdict: dict[str, str | int] = {"verdict": "yes" if command.was_me else "no"}
        now_us, user_id = batch.arrival_us, command.user_id
        for subject in (command.token_id, command.alert_id):
            batch.audit.append(AuditLine(now_us, command.by, GIVEN, subject, command.app, said, verdict, user_id))
        if command.was_me:
            return "", None
        done = self._end_all(batch, command)
        return "", _incident(command, done, batch.arrival_us)

    def _end_all(self, batch: Batch, command: GiveVerdict) -> str:
        """End all sessions of the user, as far as the guard allows; return what was done."""
        newest = self._ledger.newest(command.app, "user", command.user_id)
        if newest is not None and newest.state in ("requested", "sent", "held"):
            return f"all sessions of the user are being taken away already ({newest.state})"
        live = self._in_use.of_user(batch, command.app, command.user_id)
        revocation = Revocation(
            revocation_id=revocation_id(command.token_id, "user"),
            app=command.app,
            scope="user",
            subject=command.user_id,
            sequence=self._revocations.next_sequence(command.app, command.user_id),
            reason="the user says that it was not them",
            requested_by=VERDICT,
            state="requested",
            times={"requested": batch.arrival_us},
            user_id=command.user_id,
            alert_id=command.alert_id,
            severity=Severity.CRITICAL.value,
            sessions=len(live),
        )
        self._ledger.add(revocation)
        allowance = self._guard.admit_verdict(command.app, command.user_id, len(live), batch.arrival_us)
        if self._revocations.dry_run or allowance.allowed:
            self._revocations.suppress_or_send(batch, revocation, VERDICT, revocation.reason)
        else:
            self._revocations.hold(batch, revocation, allowance.reason)
        if revocation.state in LIVE_STATES:
            return f"revocation of all {len(live)} sessions of the user sent to the app"
        return f"revocation of all {len(live)} sessions of the user {revocation.state}: {revocation.note}"


def _incident(command: GiveVerdict, done: str, now_us: int) -> Alert:
    return Alert(
        alert_id=alert_id(RULE_ID, command.app, command.user_id, command.token_id),
        rule_id=RULE_ID,
        rule_version=1,
        severity=Severity.CRITICAL,
        # No rule's mode: a user's word is acted on once, above.
        mode="alert",
        app=command.app,
        key_kind="user",
        key_value=command.user_id,
        event_time_us=now_us,
        first_event_time_us=now_us,
        last_event_time_us=now_us,
        summary=f"The user says that it was not them; {done}",
        evidence=(Evidence(command.alert_id, now_us, "the alert that the user was asked about"),),
        user_id=command.user_id,
        session_id=command.session_id,
    )


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
