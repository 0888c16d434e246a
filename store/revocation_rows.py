"""Revocations as rows: one statement to store them, and back."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pyarrow as pa

from schemas.revocation import Revocation
from store.arrow import INSTANT

_SCHEMA = pa.schema(
    [
        ("revocation_id", pa.string()),
        ("app", pa.string()),
        ("scope", pa.string()),
        ("subject", pa.string()),
        ("sequence", pa.int64()),
        ("reason", pa.string()),
        ("requested_by", pa.string()),
        ("state", pa.string()),
        ("times", pa.string()),
        ("session_id", pa.string()),
        ("user_id", pa.string()),
        ("alert_id", pa.string()),
        ("rule_id", pa.string()),
        ("severity", pa.string()),
        ("sessions", pa.int64()),
        ("note", pa.string()),
        ("lock_for_us", pa.int64()),
        ("decided", INSTANT),
        ("updated", INSTANT),
    ]
)
_NAMES = ", ".join(_SCHEMA.names)
_CHANGED = ", ".join(f"{name} = incoming.{name}" for name in _SCHEMA.names if name != "revocation_id")
STORED_REVOCATIONS = """
SELECT revocation_id FROM revocations WHERE revocation_id IN (SELECT unnest($ids::VARCHAR[]))
"""
INSERT_REVOCATIONS = f"INSERT INTO revocations ({_NAMES}) SELECT {_NAMES} FROM incoming"
REPLACE_REVOCATIONS = f"""
UPDATE revocations SET {_CHANGED} FROM incoming WHERE revocations.revocation_id = incoming.revocation_id
"""
SELECTED = ", ".join(name for name in _SCHEMA.names if name not in ("decided", "updated"))
"""The select list that `revocation_of` reads: the fields of Revocation in their order."""

_times = msgspec.json.Decoder(dict[str, int])


def to_arrow(revocations: Sequence[Revocation]) -> pa.Table:
    """Return revocations as rows of the two statements above; of one id the last stands."""
    latest = {revocation.revocation_id: revocation for revocation in revocations}
    return pa.Table.from_pylist([_row(revocation) for revocation in latest.values()], schema=_SCHEMA)


def revocation_of(row: tuple[object, ...]) -> Revocation:
    """Return the revocation of a row selected by `SELECTED`."""
    values = list(row)
    values[8] = _times.decode(str(values[8]))
    return Revocation(*values)  # type: ignore[arg-type]  # the select list follows the fields of Revocation


def _row(revocation: Revocation) -> dict[str, object]:
    fields = msgspec.structs.asdict(revocation)
    fields["times"] = msgspec.json.encode(revocation.times).decode()
    fields["decided"] = min(revocation.times.values(), default=0)
    fields["updated"] = max(revocation.times.values(), default=0)
    return fields
