"""Writes the lock files: every dependency of both projects pinned with hashes, no index named.

Run by `make lock` with pip-tools installed. The emitter itself is installed from this checkout, so it is left out.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OPTIONS = ("--generate-hashes", "--allow-unsafe", "--strip-extras", "--no-header", "--quiet",
           "--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host", "--no-emit-options")  # fmt: skip


def main() -> None:
    """Compile ``requirements/run.txt`` and ``requirements/dev.txt``."""
    application = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    emitter = tomllib.loads((ROOT / "emitters" / "pyproject.toml").read_text())["project"]
    run = [need for need in application["dependencies"] if need != "sessionwatch-emitter"]
    run += emitter["dependencies"]
    for name, needs in {"run": run, "dev": run + application["optional-dependencies"]["dev"]}.items():
        with tempfile.NamedTemporaryFile("w", suffix=".in") as source:
            source.write("\n".join(needs))
            source.flush()
            target = ROOT / "requirements" / f"{name}.txt"
            subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "piptools",
                    "compile",
                    *OPTIONS,
                    "--no-annotate",
                    "-o",
                    target,
                    source.name,
                ],
                check=True,
            )


if __name__ == "__main__":
    main()
