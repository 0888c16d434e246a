"""Where a command's answers come from: a running pipeline's API, else the store's file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sessionwatch.commands.terminal import say

if TYPE_CHECKING:
    from sessionwatch.commands.offline import Offline
    from sessionwatch.commands.remote import Remote
    from sessionwatch.config import Settings


@contextmanager
def open_records(config: Path | None, token_file: Path | None) -> Iterator[Remote | Offline]:
    """Open what answers.

    Args:
        config: the configuration file; None = the default one.
        token_file: as given on the command line.

    Raises:
        ConfigurationError, CommandError, StoreError: each in one line that says what to do.
    """
    from sessionwatch.commands.remote import NotRunning, Remote
    from sessionwatch.commands.startup import start

    settings = start(config)
    records: Remote | Offline
    try:
        records = Remote(api_address(settings), find_token(settings, token_file))
    except NotRunning as reason:
        from sessionwatch.commands.offline import Offline

        records = Offline(settings)
        say(f"{reason}: read from {settings.store.path}")
    try:
        yield records
    finally:
        records.close()


def find_token(settings: Settings, token_file: Path | None) -> str | None:
    """Return the token of whoever asks, or None where there is none.

    It is looked for in `--token-file`, else SESSIONWATCH__API__TOKEN_FILE (or `[api] token_file`), else the first
    admin token of the configuration, else the admin token beside the store.

    Raises:
        ConfigurationError: a file that was named cannot be read, or holds no token.
    """
    from sessionwatch.config.api import ADMIN_TOKEN_NAME, read_token

    if token_file is not None:
        return read_token(token_file, "--token-file")
    if settings.api.token_file is not None:
        return read_token(settings.api.token_file, "api.token_file")
    admin = next((token for token in settings.api.tokens if token.role == "admin" and token.apps is None), None)
    if admin is not None:
        return admin.secret()
    beside = settings.store.path.parent / ADMIN_TOKEN_NAME
    return read_token(beside, "the admin token") if beside.exists() else None


def api_address(settings: Settings) -> str:
    """Return where the running pipeline's API is."""
    from sessionwatch.config.api import reachable

    return f"http://{reachable(settings.api.host, settings.api.port)}"
