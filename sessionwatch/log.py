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
MASK = "***"

_SECRET_KEY = re.compile(r"secret|token|passw|cookie|authorization|credential|api_?key|signing_key", re.IGNORECASE)
# C0 and C1 controls, DEL, bidi marks and overrides, line separators, lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ud800-\udfff]")
# `user:password@` in an address.
_USER_PART = re.compile(r"(?<=://)[^/\s@]+@")
# Whatever libraries say of less weight is for their own developers.
_LIBRARIES = ("kafka", "uvicorn", "apprise", "httpx", "httpcore", "asyncio")
# Four lines for every try at a broker that is away: the source says when an outage begins and ends.
_CHATTY = ("kafka.net",)
_OWN_TEXT = frozenset({"event", "exception", "level", "timestamp"})


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
    root = logging.getLogger()
    root.handlers[:] = [lines]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
    for name in _LIBRARIES:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
        library.setLevel(logging.DEBUG if debug else logging.WARNING)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.DEBUG if debug else logging.CRITICAL)


def mask_secrets(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Replace the values of keys that name a secret, at any depth, and passwords in addresses."""
    return {key: _masked(key, value) for key, value in line.items()}


def cut_values(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Cut long texts and take out what could move a terminal's cursor or forge another line."""
    return {key: value if key in _OWN_TEXT - {"event"} else _cut(value) for key, value in line.items()}


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
        text = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", value[: LONGEST_VALUE + 1])
        return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
    if isinstance(value, Mapping):
        return {_cut(inner): _cut(item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cut(item) for item in value]
    return value
