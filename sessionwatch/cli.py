"""The command `sessionwatch`: what there is to call, and one place where errors become one line."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from typing import Annotated

import typer

from sessionwatch import __version__
from sessionwatch.commands import (
    alerts,
    audit,
    broker,
    campaigns,
    config,
    dashboard,
    demo,
    digest,
    dlq,
    emit,
    evaluate,
    outbox,
    policy,
    release,
    replay,
    response,
    revoke,
    rules,
    run,
    sessions,
    simulate,
    train,
    users,
    version,
)
from sessionwatch.commands.terminal import print_text, say
from sessionwatch.errors import is_expected

app = typer.Typer(
    name="sessionwatch",
    help="Watches what happens to users' sessions and takes stolen ones away.",
    no_args_is_help=True,
    add_completion=False,
    # Formatting by rich costs a third of a second before the first word.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print_text(f"sessionwatch {__version__}")
        raise typer.Exit


@app.callback()
def sessionwatch(
    show_version: Annotated[
        bool, typer.Option("--version", help="Say the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Watches what happens to users' sessions and takes stolen ones away."""


app.command()(demo.demo)
app.command()(run.run)
app.command()(broker.broker)
app.command()(emit.emit)
app.command()(replay.replay)
app.command()(evaluate.evaluate)
app.command()(dashboard.dashboard)
app.command()(release.release)
app.command()(train.train)
app.command()(digest.digest)
app.command()(version.version)
app.add_typer(alerts.app, name="alerts")
app.add_typer(campaigns.app, name="campaigns")
app.add_typer(sessions.app, name="sessions")
app.add_typer(users.app, name="users")
app.add_typer(revoke.app, name="revoke")
app.add_typer(policy.app, name="policy")
app.add_typer(response.app, name="response")
app.add_typer(outbox.app, name="outbox")
app.add_typer(audit.app, name="audit")
app.add_typer(dlq.app, name="dlq")
app.add_typer(simulate.app, name="simulate")
app.add_typer(config.app, name="config")
app.add_typer(rules.app, name="rules")


def main() -> None:
    """Run the command line: 0 = done, 1 = a failure said in one line, 2 = wrong usage; no traceback."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the one place where nothing may pass
        _report(error)
        sys.exit(1)
    finally:
        _let_go_of_closed_output()


def _report(error: Exception) -> None:
    if is_expected(error):
        for line in str(error).splitlines():
            say(f"sessionwatch: {line}")
        return
    if "--debug" in sys.argv:
        traceback.print_exception(error)
    first = (str(error).splitlines() or [""])[0][:200]
    say(f"sessionwatch: unexpected {type(error).__name__}: {first} ({_record(error)})")


def _record(error: Exception) -> str:
    """Write the traceback where only this user can read it; return where."""
    try:
        handle, path = tempfile.mkstemp(prefix="sessionwatch-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as stream:
            traceback.print_exception(error, file=stream)
    except OSError:
        return "--debug shows where"
    return f"details in {path}; --debug shows them here"


def _let_go_of_closed_output() -> None:
    """Keep the interpreter from complaining at its end that a reader such as `head` has gone."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
