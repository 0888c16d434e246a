"""`sessionwatch replay FILE`: the alerts of a recorded file, without Kafka and without a database."""

from __future__ import annotations

from typing import Annotated

import typer

from sessionwatch.commands.options import ConfigOption, DebugOption, EventFile, JsonOption
from sessionwatch.commands.terminal import print_json, print_text, say


def replay(
    file: EventFile,
    rules: Annotated[
        str | None, typer.Option("--rules", metavar="A,B", help="Only these rules, separated by commas.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Print the final alerts of a file of events, one a line."""
    from ingest.collector import relax_collector
    from ingest.replay import replay as judge
    from response.text import safe
    from schemas.alert import AlertView
    from schemas.instant import to_rfc3339
    from sessionwatch.commands.event_file import Refusals, event_lines
    from sessionwatch.commands.startup import start
    from sessionwatch.config.parts import declared_apps, known_places, rule_plan

    settings = start(config, debug=debug)
    relax_collector()
    only = None if rules is None else [name.strip() for name in rules.split(",") if name.strip()]
    plan = rule_plan(settings, only)
    with event_lines(file) as lines:
        replayed = judge(lines, plan, declared_apps(settings), known_places(settings))
    refusals = Refusals()
    for number, reason in replayed.refused:
        refusals.add(number, reason)
    refusals.finish()
    for alert in replayed.alerts:
        if as_json:
            print_json(AlertView.of(alert).model_dump(mode="json"))
        else:
            print_text(
                f"{to_rfc3339(alert.event_time_us)} {alert.severity} {alert.rule_id} "
                f"{alert.app} {safe(alert.key_value)}: {safe(alert.summary)}"
            )
    say(f"{replayed.events} events, {len(replayed.refused)} lines refused, {len(replayed.alerts)} alerts")
