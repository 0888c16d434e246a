"""The generator's hash: that it was the same before and after a threshold was chosen can be tested."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sample_logs.simulate.configuration import configuration
from sample_logs.simulate.labels import Labels
from sample_logs.simulate.month import Month

USERS, DAYS, SEED = 50, 3, 1
"""Of the month whose bytes are hashed: small, and with every kind of attack."""
NOTED = Path(__file__).with_name("frozen.sha256")
"""Where the hashes are noted."""


@dataclass(frozen=True, slots=True)
class Hashes:
    """SHA-256, in hexadecimal digits.

    Attributes:
        source: of the generator's own files.
        output: of the configuration and the small month's events.
    """

    source: str
    output: str

    def text(self) -> str:
        """Return them as they are noted, two lines as `sha256sum` would write them."""
        return f"{self.source}  source\n{self.output}  users={USERS} days={DAYS} seed={SEED}\n"


def hashes() -> Hashes:
    """Return the generator's hashes as it is now."""
    source = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted(folder.rglob("*.py"), key=lambda one: one.relative_to(folder).as_posix()):
        content = path.read_bytes()
        # With its length, so that no two divisions into files look the same.
        source.update(f"{path.relative_to(folder).as_posix()} {len(content)}\n".encode() + content)
    output = hashlib.sha256(configuration().encode())
    for line in Month(USERS, DAYS, SEED).lines(Labels(None)):
        output.update(line + b"\n")
    return Hashes(source.hexdigest(), output.hexdigest())
