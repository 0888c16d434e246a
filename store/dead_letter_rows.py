"""Dead letters as rows."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from store.arrow import INSTANT, texts
from store.rows import DeadLetter

INSERT_DEAD_LETTERS = """
INSERT INTO dead_letters
SELECT topic, kafka_partition, kafka_offset, arrival, reason, detail, length, sha256, content FROM incoming
"""


def to_arrow(letters: Sequence[DeadLetter]) -> pa.Table:
    """Return dead letters as rows."""
    return pa.table(
        {
            "topic": texts(letter.topic for letter in letters),
            "kafka_partition": [letter.partition for letter in letters],
            "kafka_offset": [letter.offset for letter in letters],
            "arrival": pa.array([letter.arrival_us for letter in letters], INSTANT),
            "reason": texts(str(letter.reason) for letter in letters),
            "detail": texts(letter.detail for letter in letters),
            "length": [letter.length for letter in letters],
            "sha256": texts(letter.sha256 for letter in letters),
            "content": pa.array([letter.content for letter in letters], pa.binary()),
        }
    )
