"""`sessionwatch campaigns list | show`: alerts that belong together, as one incident each."""

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
from sessionwatch.commands.terminal import print_json, print_text

if TYPE_CHECKING:
    from schemas.api import CampaignDetail, CampaignRow

app = typer.Typer(help="See which alerts belong together.", no_args_is_help=True, rich_markup_mode=None)

_MOST_LINES = 20


@app.callback()
def group() -> None:
    """See which alerts belong together."""


@app.command("list")
def list_campaigns(
    apps: AppsOption = None,
    since: SinceOption = None,
    limit: LimitOption = 50,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """List campaigns, the last active first."""
    from sessionwatch.commands.pages import rows_of, show_rows
    from sessionwatch.commands.records import open_records
    from sessionwatch.commands.since import since_text

    parameters = {"app": apps or None, "since": since_text(since)}
    with open_records(config, token_file) as records:
        rows = list(rows_of(records.campaigns, parameters, limit))
    show_rows(rows, _print_campaigns, "no campaigns", as_json=as_json)


@app.command()
def show(
    campaign_id: Annotated[str, typer.Argument(metavar="ID", help="The campaign's id, as the list names it.")],
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a campaign: what its alerts have in common, whom it is about, and its newest alerts."""
    from sessionwatch.commands.records import open_records

    with open_records(config, token_file) as records:
        campaign = records.campaign(campaign_id)
    if as_json:
        print_json(campaign.model_dump(mode="json"))
    else:
        _print_campaign(campaign)


def _print_campaigns(rows: list[CampaignRow]) -> None:
    from sessionwatch.commands.table import moment, print_table, severity, shown

    print_table(
        ("severity", "last event", "what", "alerts", "open", "apps", "campaign"),
        [
            (
                severity(row.severity),
                moment(row.last),
                shown(row.title),
                str(row.alerts),
                str(row.open),
                shown(", ".join(row.apps)),
                row.campaign_id,
            )
            for row in rows
        ],
    )


def _print_campaign(campaign: CampaignDetail) -> None:
    from sessionwatch.commands.table import GLYPHS, moment, print_facts, severity, shown

    print_text(f"{GLYPHS[campaign.severity]} {campaign.severity.upper()}  {shown(campaign.title)}")
    print_text("")
    print_facts(
        [
            ("campaign", campaign.campaign_id),
            ("realm", shown(campaign.realm)),
            ("apps", shown(", ".join(campaign.apps))),
            ("when", f"{moment(campaign.first)} to {moment(campaign.last)}"),
            ("alerts", f"{campaign.alerts}, {campaign.open} of them open"),
            ("whom", f"{campaign.users} users, {campaign.sessions} sessions"),
            ("rules", shown(", ".join(campaign.rules))),
        ]
    )
    _section("in common", [f"{one.kind} {shown(one.value)}: {one.alerts} alerts" for one in campaign.shared])
    _section("users", [f"{shown(one.user_id)}: {one.alerts} alerts" for one in campaign.named_users])
    _section(
        "newest alerts",
        [
            f"{severity(one.severity)}  {moment(one.last_event_time)}  {shown(one.rule_id)}  {shown(one.user_id)}  "
            f"{one.alert_id}"
            for one in campaign.members
        ],
    )
    print_text(f"\nall of its alerts: sessionwatch alerts list --all --campaign {campaign.campaign_id}")


def _section(title: str, lines: list[str]) -> None:
    if lines:
        print_text(f"\n{title}")
        for line in lines[:_MOST_LINES]:
            print_text(f"  {line}")
        if len(lines) > _MOST_LINES:
            print_text(f"  and {len(lines) - _MOST_LINES} more")
