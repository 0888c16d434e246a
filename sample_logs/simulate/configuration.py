"""What a pipeline has to know of the simulated world, as a `sessionwatch.toml`: apps and networks."""

from __future__ import annotations

from sample_logs.simulate.apps import APPS, App
from sample_logs.simulate.internet import RANGES, Range
from schemas.instant import MINUTE

_BEGINNING = """\
# The apps of the simulated month, with the policies that they keep, and the networks in which it plays.
"""


def configuration() -> str:
    """Return the text of the file."""
    return _BEGINNING + "".join([*map(_app, APPS.values()), *map(_networks, RANGES)])


def _app(app: App) -> str:
    return f"""
[apps.{app.name}]
kind = "{app.kind}"
idle_timeout = "{app.idle_us // MINUTE}m"
absolute_timeout = "{app.absolute_us // MINUTE}m"
realm = "{app.realm}"
rotates_on_login = true
"""


def _networks(block: Range) -> str:
    # The contract has no word for cafes and hotels: a network of no known kind.
    kind = "" if block.kind == "public" else f'type = "{block.kind}"\n'
    cidrs = [block.cidr_v4, block.cidr_v6] if block.has_v6 else [block.cidr_v4]
    return "".join(
        f'\n[[networks]]\ncidr = "{cidr}"\n{kind}asn = {block.asn}\ncountry = "{block.country}"\nowner = "simulation"\n'
        for cidr in cidrs
    )
