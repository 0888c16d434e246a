"""`sessionwatch revoke session|user|network|login`: end sessions by hand, or let nobody sign in as a user."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sessionwatch.commands.options import ConfigOption, JsonOption, ReasonOption, TokenFileOption
from sessionwatch.commands.terminal import print_json, print_text, say

if TYPE_CHECKING:
    from schemas.api import RevocationDetail, RevokePreview

app = typer.Typer(help="End sessions, or lock a login.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """End sessions, or lock a login."""


AppArgument = Annotated[str, typer.Argument(metavar="APP", help="The app.")]
AlertOption = Annotated[str | None, typer.Option("--alert", metavar="ID", help="The alert that this answers.")]
PreviewOption = Annotated[bool, typer.Option("--preview", help="Say what would be ended, and end nothing.")]
YesOption = Annotated[bool, typer.Option("--yes", help="End them without asking.")]


@app.command()
def session(
    app_name: AppArgument,
    session_id: Annotated[str, typer.Argument(metavar="SESSION", help="The hashed session id: s_…")],
    reason: ReasonOption,
    alert_id: AlertOption = None,
    preview: PreviewOption = False,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a session. The app is told at once; whether it obeys is shown by the revocation's state."""
    _revoke("session", app_name, session_id, reason, alert_id, (preview, True), config, token_file, as_json)


@app.command()
def user(
    app_name: AppArgument,
    user_id: Annotated[str, typer.Argument(metavar="USER", help="The user's id.")],
    reason: ReasonOption,
    alert_id: AlertOption = None,
    preview: PreviewOption = False,
    yes: YesOption = False,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """End all sessions of a user in an app, after showing how many there are."""
    _revoke("user", app_name, user_id, reason, alert_id, (preview, yes), config, token_file, as_json)


@app.command()
def network(
    app_name: AppArgument,
    name: Annotated[str, typer.Argument(metavar="NETWORK", help="A /24 (IPv4) or /64 (IPv6): 203.0.113.0/24")],
    reason: ReasonOption,
    alert_id: AlertOption = None,
    preview: PreviewOption = False,
    yes: YesOption = False,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """End every session of an app that was last used from a network, after showing how many there are."""
    _revoke("network", app_name, name, reason, alert_id, (preview, yes), config, token_file, as_json)


@app.command()
def login(
    app_name: AppArgument,
    user_id: Annotated[str, typer.Argument(metavar="USER", help="The user's id.")],
    reason: ReasonOption,
    lock_for: Annotated[str, typer.Option("--for", metavar="DURATION", help="How long: 15m, 2h, at most 30d.")] = "15m",
    alert_id: AlertOption = None,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let nobody sign in as a user for a time; live sessions go on. `release` ends it before."""
    from schemas.api import RevokeRequest
    from sessionwatch.commands.asked import asked
    from sessionwatch.commands.records import open_records
    from sessionwatch.commands.since import duration_s

    seconds = duration_s(lock_for, "--for")
    wanted = asked(
        RevokeRequest, app=app_name, scope="login", subject=user_id, reason=reason, alert_id=alert_id,
        lock_for_s=seconds,
    )  # fmt: skip
    with open_records(config, token_file) as records:
        print_revocation(records.revoke(wanted), as_json)


def _revoke(
    scope: str,
    app_name: str,
    subject: str,
    reason: str,
    alert_id: str | None,
    said: tuple[bool, bool],
    config: Path | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    from schemas.api import RevokeRequest, RevokeSubject
    from sessionwatch.commands.asked import asked
    from sessionwatch.commands.records import open_records

    only_preview, yes = said
    whom = asked(RevokeSubject, app=app_name, scope=scope, subject=subject)
    with open_records(config, token_file) as records:
        shown = None
        if only_preview or scope != "session":
            found = records.preview(whom)
            shown = found.count
            if only_preview or not yes:
                _print_preview(found, print_text if only_preview else say, as_json and only_preview)
        if only_preview:
            return
        wanted = asked(RevokeRequest, **whom.model_dump(), reason=reason, alert_id=alert_id, sessions=shown)
        if not yes:
            _confirm(shown or 0)
        print_revocation(records.revoke(wanted), as_json)


def _confirm(count: int) -> None:
    """Have the person type how many sessions are to end.

    Raises:
        CommandError: they typed something else, or nobody can type anything.
    """
    import sys

    from sessionwatch.errors import CommandError

    if not sys.stdin.isatty():
        raise CommandError(f"{count} session(s) would end: look at --preview, and say --yes")
    say(f"type {count} to end them:")
    if sys.stdin.readline().strip() != str(count):
        raise CommandError("nothing was ended")


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


def _print_preview(preview: RevokePreview, tell: Callable[[str], None], as_json: bool) -> None:
    from sessionwatch.commands.table import shown

    if as_json:
        print_json(preview.model_dump(mode="json"))
        return
    whose = f" of user {shown(preview.user_id)}" if preview.user_id else ""
    if preview.scope == "network":
        whose = f" from {shown(preview.subject)}"
    tell(f"{preview.count} session(s){whose} at {shown(preview.app)}: {shown(preview.why)}")
    for one in preview.sessions:
        tell(
            f"  {shown(one.session_id)}  user {shown(one.user_id)}  from {shown(one.country)}  with {shown(one.agent)}"
        )
    if preview.count > len(preview.sessions):
        tell(f"  and {preview.count - len(preview.sessions)} more")
