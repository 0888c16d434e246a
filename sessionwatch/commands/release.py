"""`sessionwatch release`: take a revocation back."""

from __future__ import annotations

from typing import Annotated

import typer

from sessionwatch.commands.options import ConfigOption, JsonOption, ReasonOption, TokenFileOption


def release(
    revocation_id: Annotated[str, typer.Argument(metavar="ID", help="The revocation's id.")],
    reason: ReasonOption,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a revocation back: the app is told that the session may be used again."""
    from schemas.api import ReasonRequest
    from sessionwatch.commands.asked import asked
    from sessionwatch.commands.records import open_records
    from sessionwatch.commands.revoke import print_revocation

    wanted = asked(ReasonRequest, reason=reason)
    with open_records(config, token_file) as records:
        print_revocation(records.release(revocation_id, wanted.reason), as_json)
