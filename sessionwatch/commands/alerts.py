"""`sessionwatch alerts list | show | triage`: what was found, also when the console is down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sessionwatch.commands.options import (
    AppsOption,
    ConfigOption,
    JsonOption,
    LimitOption,
    SinceOption,
    TokenFileOption,
)
from sessionwatch.commands.terminal import print_json, print_text, say

if TYPE_CHECKING:
    from schemas.api import AlertDetail, AlertRow

app = typer.Typer(help="See what was found.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """See what was found."""


@app.command("list")
def list_alerts(
    severity: Annotated[
        list[str] | None, typer.Option("--severity", metavar="S", help="Only this severity; may be repeated.")
    ] = None,
    apps: AppsOption = None,
    status: Annotated[
        list[str] | None,
        typer.Option("--status", metavar="S", help="Only this status; may be repeated. Else the open ones."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Resolved and withdrawn ones too.")] = False,
    rule: Annotated[str | None, typer.Option("--rule", metavar="R", help="Only of this rule.")] = None,
    user: Annotated[str | None, typer.Option("--user", metavar="U", help="Only of this user.")] = None,
    session: Annotated[str | None, typer.Option("--session", metavar="ID", help="Only of this session.")] = None,
    campaign: Annotated[str | None, typer.Option("--campaign", metavar="ID", help="Only of this campaign.")] = None,
    text: Annotated[str | None, typer.Option("--search", metavar="T", help="Found in what an alert names.")] = None,
    since: SinceOption = None,
    limit: LimitOption = 50,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List alerts, the newest first; without --status or --all only the open ones."""
    from schemas.alert import Severity
    from sessionwatch.commands.pages import rows_of, show_rows
    from sessionwatch.commands.records import open_records
    from sessionwatch.commands.since import since_text

    _check("--severity", severity, [one.value for one in Severity])
    _check("--status", status, ["new", "acknowledged", "resolved", "withdrawn"])
    parameters = {
        "severity": severity or None,
        "app": apps or None,
        "status": status or (None if everything else ["new", "acknowledged"]),
        "rule": rule,
        "user": user,
        "session": session,
        "campaign": campaign,
        "q": text,
        "since": since_text(since),
    }
    with open_records(config, token_file) as records:
        rows = list(rows_of(records.alerts, parameters, limit))
    show_rows(rows, _print_alerts, "no alerts", as_json=as_json)


@app.command()
def show(
    alert_id: Annotated[str, typer.Argument(metavar="ID", help="The alert's id, as a chat message names it.")],
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show an alert whole: evidence, what to do, its revocations, and what was done."""
    from sessionwatch.commands.records import open_records

    with open_records(config, token_file) as records:
        alert = records.alert(alert_id)
    if as_json:
        print_json(alert.model_dump(mode="json"))
    else:
        _print_alert(alert)


@app.command()
def triage(
    alert_id: Annotated[str, typer.Argument(metavar="ID", help="The alert's id, as a chat message names it.")],
    acknowledge: Annotated[bool, typer.Option("--acknowledge", help="Somebody is looking at it.")] = False,
    take: Annotated[bool, typer.Option("--take", help="It is yours now.")] = False,
    give_back: Annotated[bool, typer.Option("--give-back", help="It is nobody's.")] = False,
    verdict: Annotated[
        str | None, typer.Option("--verdict", metavar="V", help="benign, false_alarm or confirmed; resolves it.")
    ] = None,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Kept with the alert.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take your own last decision back; alone.")] = False,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what an alert is, or whose; audited."""
    from pydantic import ValidationError

    from schemas.api import AlertPatch
    from sessionwatch.commands.records import open_records

    if take and give_back:
        raise typer.BadParameter("an alert cannot be taken and given back at once", param_hint="--take")
    asked = {
        "status": "acknowledged" if acknowledge else None,
        "verdict": verdict,
        "note": note,
        "assign": "take" if take else "give_back" if give_back else None,
        "undo": undo,
    }
    try:
        patch = AlertPatch.model_validate(asked)
    except ValidationError as error:
        raise typer.BadParameter(str(error.errors()[0]["msg"]).removeprefix("Value error, ")) from None
    with open_records(config, token_file) as records:
        alert = records.triage(alert_id, patch)
    if as_json:
        print_json(alert.model_dump(mode="json"))
    else:
        decided = [part for part in (alert.verdict, alert.owner and f"owner {alert.owner}") if part]
        say(f"{alert.alert_id}: {', '.join([alert.status, *decided])}")


def _check(option: str, given: list[str] | None, known: list[str]) -> None:
    for value in given or []:
        if value not in known:
            raise typer.BadParameter(f"expected one of {', '.join(known)}, got {value[:40]!r}", param_hint=option)


def _print_alerts(rows: list[AlertRow]) -> None:
    from sessionwatch.commands.table import moment, print_table, severity, shown

    print_table(
        ("severity", "last event", "rule", "app", "user", "status", "session's end", "alert"),
        [
            (
                severity(row.severity),
                moment(row.last_event_time),
                shown(row.rule_id),
                shown(row.app),
                shown(row.user_id),
                shown(row.status if row.owner is None else f"{row.status}: {row.owner}"),
                "not asked for" if row.revocation is None else _proven(row.revocation.state),
                row.alert_id,
            )
            for row in rows
        ],
    )


def _print_alert(alert: AlertDetail) -> None:
    from sessionwatch.commands.table import GLYPHS, moment, print_facts, shown

    print_text(f"{GLYPHS[alert.severity]} {alert.severity.upper()}  {shown(alert.title)}")
    print_text(shown(alert.summary))
    print_text("")
    decided = [part for part in (alert.verdict, alert.owner and f"owner {alert.owner}", alert.note) if part]
    print_facts(
        [
            ("alert", alert.alert_id),
            ("rule", f"{shown(alert.rule_id)}, mode {alert.mode}"),
            ("status", shown(", ".join([alert.status, *decided]))),
            ("app", shown(alert.app)),
            ("user", shown(alert.user_id)),
            ("session", shown(alert.session_id)),
            ("when", f"{moment(alert.last_event_time)}, {alert.hits} hits since {moment(alert.first_event_time)}"),
        ]
    )
    names = sorted({*alert.usual, *alert.now})
    _section("usual and now", [f"{name}: {_usual(alert, name)}" for name in names])
    _section("evidence", [f"{moment(item.event_time)}  {shown(item.fact)}" for item in alert.evidence])
    _section("what to do", list(alert.runbook))
    _section(
        "revocations",
        [f"{one.revocation_id}  {_proven(one.state)}  {shown(one.note)}" for one in alert.revocations],
    )
    acts = [f"{moment(act.time)}  {shown(act.actor)}: {shown(act.act)}, {shown(act.why)}" for act in alert.history]
    _section("what was done", acts)
    if alert.status in ("new", "acknowledged"):
        print_text(
            f"\nto decide: sessionwatch alerts triage {alert.alert_id} --take, or --verdict false_alarm, benign, …"
        )
    if alert.session_id is not None and not alert.revocations:
        command = f"sessionwatch revoke session {shown(alert.app)} {shown(alert.session_id)} --reason …"
        print_text(f"\nto end the session: {command}")


def _usual(alert: AlertDetail, name: str) -> str:
    from sessionwatch.commands.table import shown

    return f"{shown(alert.usual.get(name))} → {shown(alert.now.get(name))}"


def _section(title: str, lines: list[str]) -> None:
    if lines:
        print_text(f"\n{title}")
        for line in lines:
            print_text(f"  {line}")


def _proven(state: str) -> str:
    return "delivered, not proven" if state == "delivered" else state
