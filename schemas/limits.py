"""The numbers of the event contract, in one place because decoder, emitter tests and documents share them."""

from __future__ import annotations

MAX_EVENT_BYTES = 64 * 1024
MAX_DEPTH = 8
MAX_TEXT = 1_024
MAX_USER_ID = 256
MAX_ATTRIBUTES = 32
MAX_ATTRIBUTE_NAME = 128
MAX_REASON = 64
MAX_FLAG = 64
MAX_FLAGS = 32
MAX_FUTURE_US = 5 * 60 * 1_000_000
"""How far ahead of its arrival a live event may be: 5 minutes, in microseconds."""

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
EARLIEST_YEAR, LATEST_YEAR = 2000, 2100
