"""`sessionwatch digest`: what the lead is mailed, in a terminal."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from sessionwatch.commands.options import ConfigOption, JsonOption, TokenFileOption
from sessionwatch.commands.terminal import print_json, print_text, say

KINDS: tuple[Literal["daily", "weekly"], ...] = ("daily", "weekly")


def digest(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="daily or weekly.")] = "daily",
    send: Annotated[bool, typer.Option("--send", help="Mail it now too, besides the one at its hour.")] = False,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what waits for a decision, what happened and what went wrong, since the last digest."""
    from sessionwatch.commands.records import open_records

    wanted = next((one for one in KINDS if one == kind), None)
    if wanted is None:
        raise typer.BadParameter(f"expected {' or '.join(KINDS)}, got {kind[:40]!r}", param_hint="KIND")
    with open_records(config, token_file) as records:
        found = records.send_digest(wanted) if send else records.digest(wanted)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        print_text(f"{found.title}\n\n{found.text}")
    if send:
        say("it is on its way to the lead")
