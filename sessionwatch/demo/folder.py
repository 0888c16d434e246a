"""The demo's folder: secrets, databases and the log, private and gone at the end."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from sessionwatch_emitter.keys import derive_signing_key, read_secret

from sessionwatch.demo.errors import DemoError

KEY_ID = "k1"
"""Names each app's secret: the emitter's default."""


class Folder:
    """A temporary folder that nobody else may enter.

    Raises:
        DemoError: it cannot be made.
    """

    def __init__(self) -> None:
        try:
            # mkdtemp gives it mode 0700.
            self.path = Path(tempfile.mkdtemp(prefix="sessionwatch-demo-"))
        except OSError as error:
            reason = (error.strerror or "unknown").lower()
            raise DemoError(f"no temporary folder can be made: {reason}; set TMPDIR") from error
        self.log.touch(mode=0o600)

    @property
    def log(self) -> Path:
        """Where the pipeline and the apps log to."""
        return self.path / "demo.log"

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file that only this user may read; return its path."""
        path = self.path / name
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        return path

    def make_secrets(self, app: str) -> None:
        """Make an app's secret, the pipeline's signing key derived from it, and a webhook secret."""
        secret = self.write(f"{app}.key", secrets.token_urlsafe(48) + "\n")
        signing_key = base64.b64encode(derive_signing_key(read_secret(secret), app)).decode()
        self.write(f"{app}.signing", f"{KEY_ID}:{signing_key}\n")
        self.write(f"{app}.whsec", "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode() + "\n")

    def keep_log(self) -> Path | None:
        """Copy the log to where it outlives the folder; return where, None if there is none."""
        if not self.log.stat().st_size:
            return None
        handle, path = tempfile.mkstemp(prefix="sessionwatch-demo-", suffix=".log")
        os.close(handle)
        shutil.copyfile(self.log, path)
        return Path(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
