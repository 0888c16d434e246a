"""Record batches as kafka-python reads them, but for what it stops at for ever.

A header name that is not UTF-8, a wrong checksum or a record that does not hold together make kafka-python 3.0.12 raise
at one poll and spin in the next, whatever partition it was. Here such a name is read as other clients read it, and a
batch that cannot be read on gives one `Unreadable` in place of its rest: the fetch goes on behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kafka.errors import CorruptRecordError, UnsupportedCodecError
from kafka.record import memory_records
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch

_ATTRIBUTES, _PRODUCER_ID = 5, 9


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands where a consumer record has its checksum (nothing, in this format): it is the lost rest of a batch.

    Attributes:
        reason: why, without any of the content, which may hold secrets.
    """

    reason: str


class RecordBatch(DefaultRecordBatch):  # type: ignore[misc]  # the client has no types
    """A batch that never raises: what cannot be read of it comes out as one `Unreadable` at its last offset."""

    _buffer: bytearray
    _header_data: tuple[Any, ...]
    _next_record_index: int
    _pos: int

    def __init__(self, buffer: Any) -> None:
        super().__init__(buffer)
        self._fault: Unreadable | None = None

    def validate_crc(self) -> bool:
        """Keep a wrong checksum for `__next__`."""
        if not super().validate_crc():
            self._fault = Unreadable("a wrong checksum")
            # No field can be trusted: it must not be taken for a transaction's, which the client passes by in silence.
            fields = list(self._header_data)
            fields[_ATTRIBUTES], fields[_PRODUCER_ID] = 0, self.NO_PRODUCER_ID
            self._header_data = tuple(fields)
        return True

    def __iter__(self) -> Iterator[Any]:
        try:
            if self._fault is None:
                super().__iter__()
        except UnsupportedCodecError as error:
            self._fault = Unreadable(str(error.args[0]))
        except Exception:  # noqa: BLE001 - each codec has errors of its own
            self._fault = Unreadable("a compression that cannot be undone")
        return self

    def __next__(self) -> Any:
        if self._fault is None:
            try:
                return super().__next__()
            except CorruptRecordError as error:
                if isinstance(error.__context__, UnicodeDecodeError) and not isinstance(self._buffer, _Forgiving):
                    self._buffer = _Forgiving(self._buffer)
                    return next(self)
                self._fault = Unreadable("a malformed record")
        rest, self._fault = _Rest(self.last_offset, self._fault), None
        self._next_record_index, self._pos = self._num_records, len(self._buffer)
        return rest


class _Rest(DefaultRecord):  # type: ignore[misc]  # the client has no types
    """A record that is none: the rest of a batch."""

    __slots__ = ("_unreadable",)

    def __init__(self, offset: int, unreadable: Unreadable) -> None:
        super().__init__(0, offset, -1, 0, None, None, [])
        self._unreadable = unreadable

    @property
    def checksum(self) -> Unreadable:
        """Why the rest cannot be read; the client hands it on untouched."""
        return self._unreadable


class _Forgiving(bytearray):
    """Bytes that become text whatever they are."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return found if isinstance(found, int) else _Forgiving(found)

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


def install() -> None:
    """Make every consumer of this process read so."""
    memory_records.DefaultRecordBatch = RecordBatch
