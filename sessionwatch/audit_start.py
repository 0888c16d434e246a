"""What the audit log says of a start: that it was, what was changed meanwhile, and whether the log is whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from sessionwatch import __version__
from sessionwatch.config import Settings
from sessionwatch.settings_record import FACT, MOST_CHANGES, SettingsRecord
from store.audit_key import AuditKey, BadSignature, PublicKeys
from store.reader import Reader
from store.rows import PIPELINE, AuditLine

STARTED = "pipeline started"
CHANGED = "configuration changed"
TROUBLE = "audit log not as it was left"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the pipeline writes down before its first batch.

    Attributes:
        lines: of the audit log.
        facts: by name.
    """

    lines: Sequence[AuditLine]
    facts: Mapping[str, str]


def beginning(settings: Settings, key: AuditKey, reader: Reader, now_us: int) -> Beginning:
    """Return what is written down at a start.

    Args:
        settings: the checked configuration.
        key: the installation's audit key.
        reader: of the store.
        now_us: the pipeline's clock, microseconds since the epoch.
    """
    record = SettingsRecord.of(settings, key)
    lines = [AuditLine(now_us, PIPELINE, STARTED, PIPELINE, "", f"version {__version__}", {"key": key.public})]
    lines += _trouble(key, reader, now_us)
    before = SettingsRecord.stored(reader.fact(FACT))
    if before is None:
        lines.append(AuditLine(now_us, PIPELINE, "configuration noted", FACT, "", f"fingerprint {record.fingerprint}"))
    elif changes := record.changes_since(before):
        lines.append(_changed(changes, record.fingerprint, now_us))
    log.info("audit log goes on", public_key=key.public, configuration=record.fingerprint)
    return Beginning(lines, {FACT: record.fact})


def _changed(changes: Mapping[str, str], fingerprint: str, now_us: int) -> AuditLine:
    shown: dict[str, str | int] = dict(list(changes.items())[:MOST_CHANGES])
    more = f" and {len(changes) - MOST_CHANGES} more" if len(changes) > MOST_CHANGES else ""
    return AuditLine(
        now_us, PIPELINE, CHANGED, FACT, "", f"fingerprint {fingerprint}; {', '.join(shown)}{more}", shown
    )  # fmt: skip


def _trouble(key: AuditKey, reader: Reader, now_us: int) -> Iterator[AuditLine]:
    """Look at what was written since the last checkpoint; all of it is looked at by `sessionwatch audit verify`."""
    try:
        found = reader.audit_trouble_since_checkpoint(PublicKeys(key.public))
    except BadSignature as error:
        found = f"the last checkpoint: {error}"
    if found:
        log.error("the audit log is not as it was left: `sessionwatch audit verify` says more", why=found)
        yield AuditLine(now_us, PIPELINE, TROUBLE, "audit", "", found)
