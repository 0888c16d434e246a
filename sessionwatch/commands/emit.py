"""`sessionwatch emit FILE`: send finished events as they stand, no hashing, no sampling."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sessionwatch.commands.options import ConfigOption, DebugOption, EventFile, JsonOption
from sessionwatch.commands.terminal import print_json, print_text, say

if TYPE_CHECKING:
    from sessionwatch.commands.event_file import Refusals

_PROGRESS_S = 2.0

Outgoing = tuple[bytes | None, bytes, tuple[tuple[str, bytes], ...]]
SigningKey = tuple[str, bytes]


def emit(
    file: EventFile,
    signing_key_file: Annotated[
        Path | None,
        typer.Option(
            "--signing-key-file",
            metavar="K",
            help="Sign each event; lines as `sessionwatch-emitter keys` prints them.",
        ),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Send a file of finished events, and return when every one is acknowledged."""
    from sessionwatch_emitter.transport import Transport

    from sessionwatch.commands.event_file import Refusals, event_lines
    from sessionwatch.commands.startup import start

    settings = start(config, debug=debug)
    key = _signing_key(signing_key_file)
    topic = settings.kafka.events_topic
    kafka = settings.kafka.producer()
    transport = Transport(kafka.pop("bootstrap_servers"), topic, **kafka)
    refusals = Refusals()
    began = time.monotonic()
    # The file first: one that cannot be read should not have to wait for a broker.
    with event_lines(file) as lines:
        try:
            sent = transport.send_all(_outgoing(lines, key, refusals), progress=_Progress())
        finally:
            transport.close()
    refusals.finish()
    if as_json:
        seconds = round(time.monotonic() - began, 3)
        print_json({"sent": sent, "refused": refusals.count, "topic": topic, "seconds": seconds})
    else:
        print_text(f"{sent} events sent to {topic}, {refusals.count} lines refused")
    raise typer.Exit(1 if refusals.count else 0)


def _outgoing(lines: Iterable[bytes], key: SigningKey | None, refusals: Refusals) -> Iterator[Outgoing]:
    """Yield key, value and headers of every line that is an event."""
    from sessionwatch_emitter.signature import HEADER, header_value, sign

    from schemas.refusal import Refused
    from sessionwatch.commands.event_file import read_event

    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            event, value = read_event(line)
        except Refused as refused:
            refusals.add(number, refused)
            continue
        subject = event.user_id or event.session_id or event.ip
        record_key = subject.encode() if subject else None
        headers: tuple[tuple[str, bytes], ...] = ()
        if key is not None:
            key_id, secret = key
            headers = ((HEADER, header_value(key_id, sign(secret, event.app, record_key, value))),)
        yield record_key, value, headers


def _signing_key(file: Path | None) -> SigningKey | None:
    """Return id and key of the file's first line, by which an emitter would sign now."""
    if file is None:
        return None
    from sessionwatch.config.secret_file import check_text_file, parse_signing_keys
    from sessionwatch.errors import CommandError

    try:
        keys = parse_signing_keys(check_text_file(file, "--signing-key-file"), "--signing-key-file")
    except ValueError as error:
        raise CommandError(str(error)) from None
    return next(iter(keys.items()))


class _Progress:
    """Says on standard error how far it is, now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _PROGRESS_S

    def __call__(self, acknowledged: int) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _PROGRESS_S
            say(f"{acknowledged} events acknowledged")
