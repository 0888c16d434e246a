"""The state of keys as rows: appended, never updated."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from store.arrow import texts
from store.rows import SnapshotRow

INSERT_SNAPSHOTS = "INSERT INTO snapshots SELECT mark, kind, key, seq, content FROM incoming"
INSERT_MARK = "INSERT INTO snapshot_marks VALUES ($mark, $seq, make_timestamp($at), $fingerprint)"
LAST_MARK = "SELECT coalesce(max(mark), 0) FROM snapshot_marks"


def to_arrow(rows: Sequence[SnapshotRow], mark: int, seq: int) -> pa.Table:
    """Return the state of keys as rows of a mark, as of a sequence number."""
    return pa.table(
        {
            "mark": pa.repeat(pa.scalar(mark, pa.int64()), len(rows)),
            "kind": texts(row.kind for row in rows),
            "key": texts(row.key for row in rows),
            "seq": pa.repeat(pa.scalar(seq, pa.int64()), len(rows)),
            "content": pa.array([row.content for row in rows], pa.large_binary()),
        }
    )
