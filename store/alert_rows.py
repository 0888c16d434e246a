"""Alerts as rows: one statement to store them, and back."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pyarrow as pa

from schemas.alert import Alert, Evidence, Severity
from store.arrow import INSTANT

_SCHEMA = pa.schema(
    [
        ("alert_id", pa.string()),
        ("rule_id", pa.string()),
        ("rule_version", pa.int64()),
        ("model_id", pa.string()),
        ("severity", pa.string()),
        ("severity_rank", pa.uint8()),
        ("confidence", pa.float64()),
        ("mode", pa.string()),
        ("withdrawn", pa.bool_()),
        ("app", pa.string()),
        ("key_kind", pa.string()),
        ("key_value", pa.string()),
        ("user_id", pa.string()),
        ("session_id", pa.string()),
        ("ip", pa.string()),
        ("network", pa.string()),
        ("device_id", pa.string()),
        ("event_time", INSTANT),
        ("first_event_time", INSTANT),
        ("last_event_time", INSTANT),
        ("hits", pa.int64()),
        ("summary", pa.string()),
        ("evidence", pa.string()),
        ("usual", pa.string()),
        ("late", pa.bool_()),
        ("drill", pa.string()),
        ("suppressed_by", pa.string()),
        ("stored", INSTANT),
        ("updated", INSTANT),
    ]
)
_NAMES = ", ".join(_SCHEMA.names)
_CHANGED = ", ".join(f"{name} = incoming.{name}" for name in _SCHEMA.names if name not in ("alert_id", "stored"))
STORED_ALERTS = "SELECT alert_id FROM alerts WHERE alert_id IN (SELECT unnest($ids::VARCHAR[]))"
INSERT_ALERTS = f"INSERT INTO alerts ({_NAMES}) SELECT {_NAMES} FROM incoming"
REPLACE_ALERTS = f"UPDATE alerts SET {_CHANGED} FROM incoming WHERE alerts.alert_id = incoming.alert_id"
"""All but when it was first stored and what people set."""

_OWN = """
alert_id, rule_id, rule_version, severity, mode, app, key_kind, key_value, epoch_us(event_time),
epoch_us(first_event_time), epoch_us(last_event_time), summary, evidence, usual, user_id, session_id, ip,
network, device_id, hits, confidence, model_id
"""
AS_DETECTED = f"{_OWN}, CASE WHEN withdrawn THEN 'withdrawn' ELSE 'new' END, late, drill, suppressed_by"
"""Select list for `alert_of`: the status as the detectors left it, without what people did."""

STATUS = "CASE WHEN withdrawn THEN 'withdrawn' ELSE coalesce(triage, 'new') END"
AS_SHOWN = f"{_OWN}, {STATUS}, late, drill, suppressed_by"
"""Select list for `alert_of`: the status as people see it; withdrawn shows before what a person had set."""

_evidence = msgspec.json.Decoder(tuple[Evidence, ...])
_usual = msgspec.json.Decoder(dict[str, str])


def to_arrow(alerts: Sequence[Alert], at_us: int) -> pa.Table:
    """Return alerts as rows for `INSERT_ALERTS` and `REPLACE_ALERTS`.

    Of one id the last stands: a statement may touch a row once.

    Args:
        alerts: as they are now.
        at_us: arrival of the batch, microseconds since the epoch.
    """
    latest = {alert.alert_id: alert for alert in alerts}
    return pa.Table.from_pylist([_row(alert, at_us) for alert in latest.values()], schema=_SCHEMA)


def alert_of(row: tuple[object, ...]) -> Alert:
    """Return the alert of a row selected by `AS_DETECTED` or `AS_SHOWN`."""
    values = list(row)
    values[3] = Severity(str(values[3]))
    values[12] = _evidence.decode(str(values[12]))
    values[13] = _usual.decode(str(values[13]))
    suppressed_by = values.pop()
    return Alert(*values, suppressed_by=suppressed_by)  # type: ignore[arg-type, misc]  # the select list follows its fields


def _row(alert: Alert, at_us: int) -> dict[str, object]:
    return {
        "alert_id": alert.alert_id,
        "rule_id": alert.rule_id,
        "rule_version": alert.rule_version,
        "model_id": alert.model_id,
        "severity": alert.severity.value,
        "severity_rank": alert.severity.rank,
        "confidence": alert.confidence,
        "mode": alert.mode,
        "withdrawn": alert.status == "withdrawn",
        "app": alert.app,
        "key_kind": alert.key_kind,
        "key_value": alert.key_value,
        "user_id": alert.user_id,
        "session_id": alert.session_id,
        "ip": alert.ip,
        "network": alert.network,
        "device_id": alert.device_id,
        "event_time": alert.event_time_us,
        "first_event_time": alert.first_event_time_us,
        "last_event_time": alert.last_event_time_us,
        "hits": alert.hits,
        "summary": alert.summary,
        "evidence": msgspec.json.encode(alert.evidence).decode(),
        "usual": msgspec.json.encode(alert.usual).decode(),
        "late": alert.late,
        "drill": alert.drill,
        "suppressed_by": alert.suppressed_by,
        "stored": at_us,
        "updated": at_us,
    }
