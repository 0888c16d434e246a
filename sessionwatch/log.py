"""Logging: one set-up for our own lines and for those of the libraries, to standard error."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

LogFormat = Literal["auto", "json", "human"]

LONGEST_VALUE = 500
"""Characters of one logged value: what a client sends may be of any length."""
LONGEST_TRACEBACK = 20_000
"""Characters: two hundred frames. Of a longer one both ends are kept, where it came from and what went wrong."""
MASK = "***"

_SECRET_KEY = re.compile(r"secret|token|passw|cookie|authorization|credential|api_?key|signing_key", re.IGNORECASE)
# `user:password@` in an address.
_USER_PART = re.compile(r"(?<=://)[^/\s@]+@")
# Whatever libraries say of less weight is for their own developers.
_LIBRARIES = ("kafka", "uvicorn", "httpcore", "asyncio")
# Of less weight these log whole addresses and requests: the token of a chat service, the password of a broker.
# Nobody needs them for finding an error, so --debug leaves them out too.
_TELL_SECRETS = {
    "apprise": logging.WARNING,
    "httpx": logging.WARNING,
    "kafka.net.connection": logging.INFO,
    "kafka.protocol": logging.INFO,
    "oauthlib": logging.WARNING,
    "requests": logging.WARNING,
    "requests_oauthlib": logging.WARNING,
    "slixmpp": logging.WARNING,
    # Its warnings have the address in them as well.
    "urllib3": logging.ERROR,
}
# Four lines for every try at a broker that is away: the source says when an outage begins and ends.
_CHATTY = "kafka.net."
_OWN_TEXT = frozenset({"level", "timestamp"})


def configure(log_format: LogFormat = "auto", *, debug: bool = False, stream: TextIO | None = None) -> None:
    """Send structured lines to standard error; may be called again.

    Args:
        log_format: json = one object a line, human = for reading, auto = human on a terminal.
        debug: show debug lines, ours and the libraries'.
        stream: where to; None = standard error.
    """
    target = stream or sys.stderr
    human = log_format == "human" or (log_format == "auto" and target.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_secrets,
        cut_values,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if debug else logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    last: Any = (
        structlog.dev.ConsoleRenderer(colors=target.isatty())
        if human
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    lines = logging.StreamHandler(target)
    lines.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    if not debug:
        # No level of the logger: who opens a connection listens there for why it failed.
        lines.addFilter(lambda record: record.levelno >= logging.CRITICAL or not record.name.startswith(_CHATTY))
    root = logging.getLogger()
    root.handlers[:] = [lines]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    for name in (*_LIBRARIES, *_TELL_SECRETS):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(max(_TELL_SECRETS.get(name, logging.DEBUG), logging.DEBUG if debug else logging.WARNING))


def mask_secrets(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Replace the values of keys that name a secret, at any depth, and passwords in addresses."""
    return {key: _masked(key, value) for key, value in line.items()}


def cut_values(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Cut long texts and take out what could move a terminal's cursor or forge another line."""
    return {key: _cut_value(key, value) for key, value in line.items()}


def _cut_value(key: str, value: object) -> object:
    if key in _OWN_TEXT:
        return value
    if key == "exception" and isinstance(value, str):
        # What went wrong may quote what a client sent.
        half = LONGEST_TRACEBACK // 2
        cut = value if len(value) <= LONGEST_TRACEBACK else f"{value[:half]}…{value[-half:]}"
        return "\n".join(_printable(row) for row in cut.split("\n"))
    return _cut(value)


def _masked(key: str, value: object) -> object:
    if _SECRET_KEY.search(key) and not isinstance(value, bool | int | float):
        return MASK
    if isinstance(value, Mapping):
        return {inner: _masked(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked("", item) for item in value]
    return _USER_PART.sub(f"{MASK}@", value) if isinstance(value, str) and "://" in value else value


def _cut(value: object) -> object:
    if isinstance(value, str):
        return _printable(value) if len(value) <= LONGEST_VALUE else _printable(value[:LONGEST_VALUE]) + "…"
    if isinstance(value, Mapping):
        return {_cut(inner): _cut(item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(item) for item in value]
    return value


def _printable(text: str) -> str:
    """Replace what Unicode calls control, format, surrogate, private, unassigned or separator, the blank excepted."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
