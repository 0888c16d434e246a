"""`sessionwatch policy explain | test | audit`: why it was done, what another policy would do, how an app keeps its."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sessionwatch.commands.options import ConfigOption, JsonOption, TokenFileOption
from sessionwatch.commands.terminal import print_json, print_text

if TYPE_CHECKING:
    from schemas.api import AlertPolicy, AppPolicyAudit, PolicyTrial

app = typer.Typer(
    help="See why something was done, and try another policy.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def group() -> None:
    """See why something was done, and try another policy."""


@app.command()
def explain(
    alert_id: Annotated[str, typer.Argument(metavar="ALERT_ID", help="The alert's id.")],
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which policy line decided about an alert and why, and what the guard said."""
    from sessionwatch.commands.records import open_records

    with open_records(config, token_file) as records:
        found = records.alert_policy(alert_id)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        _print_policy(found)


@app.command("test")
def try_policy(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="TOML file with a [response] table.")],
    since: Annotated[
        str, typer.Option("--since", metavar="T", help="Alerts since: a duration such as 28d, or an RFC 3339 time.")
    ] = "28d",
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try the policy of a file on the stored alerts, and say day by day what it would have done; nothing changes."""
    from schemas.api import PolicyTrialRequest
    from sessionwatch.commands.asked import asked
    from sessionwatch.commands.records import open_records
    from sessionwatch.commands.since import since_text
    from sessionwatch.config.policy_file import read_policy_file

    wanted = asked(PolicyTrialRequest, response=read_policy_file(file), since=since_text(since))
    with open_records(config, token_file) as records:
        found = records.policy_trial(wanted)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        _print_trial(found)


@app.command()
def audit(
    app_name: Annotated[str, typer.Argument(metavar="APP", help="The app.")],
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how an app keeps the session policy that it declares, and how long its revocations took: of 30 days."""
    from sessionwatch.commands.records import open_records

    with open_records(config, token_file) as records:
        found = records.app_policy(app_name)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        _print_audit(found)


def _print_audit(found: AppPolicyAudit) -> None:
    from sessionwatch.commands.table import moment, print_facts, print_table, severity, shown

    print_facts(
        [(name.replace("_", " "), "-" if value is None else str(value)) for name, value in found.policy.items()]
    )
    took = found.time_to_revoke
    print_text(
        f"revocations: {took.sent} sent, {took.confirmed} confirmed, {took.missed} missed, {took.unproven} not proven"
    )
    if took.confirmed or took.missed:
        print_text(f"time to revoke: median {_seconds(took.median_s)}, p99 {_seconds(took.p99_s)}, misses as infinite")
    if found.reports:
        print_table(
            ("severity", "rule", "reports", "last", "newest"),
            [
                (severity(one.severity), shown(one.rule_id), str(one.reports), moment(one.last), shown(one.summary))
                for one in found.reports
            ],
        )


def _seconds(value: float | None) -> str:
    return "infinite" if value is None else f"{value:.2f} s"


def _print_policy(found: AlertPolicy) -> None:
    from sessionwatch.commands.table import moment, shown

    print_text(f"{found.why}: {', '.join(found.actions)}")
    if found.withheld:
        print_text(f"withheld: {shown(found.withheld)}")
    for line in found.lines:
        verdict = "decides" if line.decides else shown(line.passed_over) if line.passed_over else "comes after"
        print_text(f"  line {line.line} ({', '.join(line.do)}): {verdict}")
    for words in found.guard:
        print_text(f"guard: {shown(words)}")
    for step_up in found.step_ups:
        print_text(
            f"step-up: {step_up.state}, due {moment(step_up.due)}" + (f"; {shown(step_up.note)}" * bool(step_up.note))
        )
    for act in found.decided:
        print_text(f"{moment(act.time)}  {shown(act.actor)}: {act.act}: {shown(act.why)}")


def _print_trial(found: PolicyTrial) -> None:
    from sessionwatch.commands.table import print_table

    print_table(
        ["alerts", "told", "done", "sessions", "held", "withheld", "day"],
        [
            (
                str(day.alerts),
                str(day.told),
                _counts(day.done),
                str(day.sessions),
                _counts(day.held),
                _counts(day.withheld),
                day.day.isoformat(),
            )
            for day in found.days
        ],
    )
    reasons: dict[str, int] = {}
    for day in found.days:
        for why, count in day.why.items():
            reasons[why] = reasons.get(why, 0) + count
    for why, count in sorted(reasons.items(), key=lambda item: -item[1]):
        print_text(f"{count} x {why}")
    print_text(f"{found.alerts} alerts looked at" + ("" if found.complete else "; older ones were left out"))


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "-"
