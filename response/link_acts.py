"""What links from chat do: each once, and only while the alert still stands as the message told it."""

from __future__ import annotations

import msgspec

from ingest.batch import Batch
from response.act_links import WITHOUT_SIGN_IN
from response.commands import RevokeManually, Triage, UseLink
from response.manual import ManualActs
from response.records import Records
from response.triage import NO_SUCH_ALERT, TriageDesk
from schemas.link import LinkAct
from store.rows import AlertRecord, AuditLine

USED = "link used"
"""The act of the audit line whose subject is the link's id: there is one at most, and by it a second use is known."""
REFUSED = "link refused"
USED_BEFORE = "the link was used before: each works once"

_MEANT: dict[LinkAct, dict[str, str]] = {
    "acknowledge": {"status": "acknowledged"},
    "take": {"assign": "take"},
    "false_alarm": {"verdict": "false_alarm"},
    "benign": {"verdict": "benign"},
}
"""What acts say in a triage."""


class LinkActs:
    """Applies the links that people have followed. What cannot be done changes nothing, and spends no link.

    Args:
        triage: what people make of alerts.
        manual: ends sessions.
        records: the store.
    """

    def __init__(self, triage: TriageDesk, manual: ManualActs, records: Records) -> None:
        self._triage = triage
        self._manual = manual
        self._records = records

    def use(self, batch: Batch, command: UseLink) -> str:
        """Do what a link says; return why not, or an empty text."""
        record = self._records.alert_record(command.alert_id)
        if record is None:
            return NO_SUCH_ALERT
        app = record.alert.app
        refusal = self._unfit(batch, command, record) or self._do(batch, command, record)
        if not refusal:
            why = f"{command.act} of alert {command.alert_id} {way(command)}"
            batch.audit.append(AuditLine(batch.arrival_us, command.by, USED, command.link_id, app, why))
        elif command.signed_in:
            # Of others there may be any number: the log is not theirs to fill.
            why = f"{command.act} {way(command)}: {refusal}"
            batch.audit.append(AuditLine(batch.arrival_us, command.by, REFUSED, command.alert_id, app, why))
        return refusal

    def _unfit(self, batch: Batch, command: UseLink, record: AlertRecord) -> str:
        """Return why nothing is to be done any more, or an empty text."""
        if not command.signed_in and command.act not in WITHOUT_SIGN_IN:
            return "this needs sign-in"
        lines = [*self._records.acts([command.link_id]), *batch.audit]
        if any(line.act == USED and line.subject == command.link_id for line in lines):
            return USED_BEFORE
        standing = self._triage.standing(batch, command.alert_id)
        if standing is not None and standing.status == "resolved":
            # Whoever looked at it knows more than a message that was sent before.
            return f"the alert is resolved already ({standing.verdict or 'without a verdict'}): open it to change that"
        if command.act == "revoke_session" and record.alert.status == "withdrawn":
            return "the alert was withdrawn: it does not follow from the events any more"
        return ""

    def _do(self, batch: Batch, command: UseLink, record: AlertRecord) -> str:
        if command.act == "revoke_session":
            return self._revoke(batch, command, record)
        said = Triage(command.alert_id, command.by, way=way(command), anonymous=not command.signed_in)
        return self._triage.decide(batch, msgspec.structs.replace(said, **_MEANT[command.act]))

    def _revoke(self, batch: Batch, command: UseLink, record: AlertRecord) -> str:
        alert = record.alert
        if alert.session_id is None:
            return "the alert names no session"
        return self._manual.revoke(
            batch,
            RevokeManually(
                # So that it ends nobody twice, whatever becomes of the record.
                request_id=command.link_id,
                app=alert.app,
                scope="session",
                subject=alert.session_id,
                by=command.by,
                reason=f"{command.reason} (by link)",
                user_id=alert.user_id,
                alert_id=alert.alert_id,
            ),
        )


def way(command: UseLink) -> str:
    """Return how an act came about, for the record."""
    return f"by link, signed in as {command.by}" if command.signed_in else "by link, without sign-in"
