"""`python -m bench [EVENTS]`: the figures that the README names."""

from __future__ import annotations

import sys

from bench.table import show
from bench.whole_way import measure


def main() -> None:
    """Measure and print."""
    show(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000), "bare json.loads")


if __name__ == "__main__":
    main()
