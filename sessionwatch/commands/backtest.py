"""A backtest for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sessionwatch.commands.terminal import print_text

if TYPE_CHECKING:
    from schemas.alert import Alert
    from sessionwatch.workshop.backtest import Backtest, Neighbour, Regraded


def print_backtest(result: Backtest) -> None:
    """Print a backtest: how many, on which days, about whom, how near the threshold, and what is new or gone."""
    from sessionwatch.commands.table import print_facts, shown

    days = result.per_day()
    print_text(f"{result.rule_id} over {result.events} events: {len(result.alerts)} alerts, live {result.live}")
    if result.suppressed:
        print_text(f"  {result.suppressed} more are excepted, and counted nowhere here")
    print_facts([(f"  {name}", shown(value)) for name, value in result.parameters.items()])
    for app, differing in result.by_app.items():
        print_facts([(f"  {app}: {name}", shown(value)) for name, value in differing.items()])
    _section("alerts a day", [(day, str(count)) for day, count in days.items()])
    if days:
        print_text(f"  {result.alerts_a_day:.1f} a day over {result.days:.1f} days")
    _section("most hits", [(f"{shown(app)} {shown(key)}", str(hits)) for app, key, hits in result.top_keys()])
    _section("near the threshold", [_near(one, result) for one in result.neighbours])
    _section(
        "also told of by",
        [
            (shown(rule), f"{count} ({100 * count / len(result.alerts):.0f} %)")
            for rule, count in result.overlap.items()
        ],
    )
    _alerts("gained", result.gained)
    _alerts("lost", result.lost)
    _regraded(result.regraded)


def _near(one: Neighbour, result: Backtest) -> tuple[str, str]:
    from sessionwatch.commands.table import shown

    app = "" if one.app is None else f"{one.app}: "
    share = result.share(one)
    part = "" if share is None else f", {100 * share:.0f} % of what it raises"
    return (
        f"{app}{one.parameter} = {shown(one.value)}",
        f"{one.alerts} alerts (+{one.gained} -{one.lost} ~{one.regraded}{part})",
    )


def _section(title: str, facts: list[tuple[str, str]]) -> None:
    from sessionwatch.commands.table import print_facts

    if facts:
        print_text(f"\n{title}")
        print_facts([(f"  {name}", text) for name, text in facts])


def _alerts(title: str, alerts: list[Alert]) -> None:
    print_text(f"\n{title}: {len(alerts) or 'none'}")
    for alert in alerts:
        print_text(_line(alert, str(alert.severity)))


def _regraded(regraded: list[Regraded]) -> None:
    print_text(f"\nother severity: {len(regraded) or 'none'}")
    for one in regraded:
        print_text(_line(one.alert, f"{one.live} -> {one.alert.severity}"))


def _line(alert: Alert, severity: str) -> str:
    from schemas.instant import to_rfc3339
    from sessionwatch.commands.table import shown

    when = to_rfc3339(alert.event_time_us)[:19]
    return f"  {when}Z {severity} {alert.key_kind} {shown(alert.key_value)}: {shown(alert.summary)}"
