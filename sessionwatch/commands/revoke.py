"""`sessionwatch revoke session`: end a session by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sessionwatch.commands.options import ConfigOption, JsonOption, ReasonOption, TokenFileOption
from sessionwatch.commands.terminal import print_json, print_text, say

if TYPE_CHECKING:
    from schemas.api import RevocationDetail, RevokePreview

app = typer.Typer(help="End sessions.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """End sessions."""


@app.command()
def session(
    app_name: Annotated[str, typer.Argument(metavar="APP", help="The app.")],
    session_id: Annotated[str, typer.Argument(metavar="SESSION", help="The hashed session id: s_…")],
    reason: ReasonOption,
    alert_id: Annotated[str | None, typer.Option("--alert", metavar="ID", help="The alert that this answers.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Say what would be ended, and end nothing.")] = False,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a session. The app is told at once; whether it obeys is shown by the revocation's state."""
    from schemas.api import RevokeRequest, RevokeSubject
    from sessionwatch.commands.asked import asked
    from sessionwatch.commands.records import open_records

    wanted = asked(RevokeRequest, app=app_name, subject=session_id, reason=reason, alert_id=alert_id)
    with open_records(config, token_file) as records:
        if preview:
            _print_preview(records.preview(RevokeSubject(app=wanted.app, subject=wanted.subject)), as_json)
            return
        print_revocation(records.revoke(wanted), as_json)


def print_revocation(revocation: RevocationDetail, as_json: bool) -> None:
    """Write how a revocation stands."""
    from sessionwatch.commands.table import shown

    if as_json:
        print_json(revocation.model_dump(mode="json"))
        return
    whom = f"{revocation.scope} {shown(revocation.subject)} of {shown(revocation.app)}"
    note = f" ({shown(revocation.note)})" if revocation.note else ""
    print_text(f"{whom}: {revocation.proven}{note}")
    print_text(f"revocation {revocation.revocation_id}")
    waiting = sum(delivery.state == "pending" for delivery in revocation.deliveries)
    if waiting:
        say("the app is told as soon as the pipeline runs")


def _print_preview(preview: RevokePreview, as_json: bool) -> None:
    from sessionwatch.commands.table import shown

    if as_json:
        print_json(preview.model_dump(mode="json"))
        return
    user = f" of user {shown(preview.user_id)}" if preview.user_id else ""
    print_text(f"{preview.count} session(s){user} at {shown(preview.app)}: {shown(preview.why)}")
