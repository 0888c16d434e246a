"""`sessionwatch evaluate`: how good the detection is, over a labelled file or over scenarios."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sessionwatch.commands.options import ConfigOption, JsonOption
from sessionwatch.commands.terminal import print_json, print_text, say

if TYPE_CHECKING:
    from sessionwatch.evaluation import Evaluation
    from sessionwatch.workshop.scenarios import Judged


def evaluate(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Events, JSON lines, also .gz; - is standard input.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="CSV", help="session_id,attack; an empty attack is a benign session."),
    ] = None,
    scenarios: Annotated[
        Path | None, typer.Option("--scenarios", metavar="DIR", help="Instead of a file: a folder of scenarios.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the detection: what it finds of each kind of attack, and how often it is wrong.

    An attack is found when an alert of medium severity or above is about its session, user or address, or names an
    event of that session (or of one opened through it) or address as evidence; an alert about a whole app that names
    one address of a spray covers the others that the app refused while it lasted. It is recorded when any alert of low
    severity or above is. Every other alert of medium or above is false.
    """
    if scenarios is not None:
        if file is not None or labels is not None:
            raise typer.BadParameter("either FILE with --labels, or --scenarios", param_hint="--scenarios")
        _evaluate_scenarios(scenarios, as_json=as_json)
        return
    if file is None or labels is None:
        raise typer.BadParameter("expected FILE with --labels CSV, or --scenarios DIR")
    result = _evaluate_file(file, labels, config)
    if as_json:
        print_json(result.as_json())
    else:
        _print(result)


def _evaluate_file(file: Path, labels: Path, config: Path | None) -> Evaluation:
    from ingest.replay import replay
    from sessionwatch.commands.event_file import Refusals, event_lines
    from sessionwatch.commands.startup import start
    from sessionwatch.config.parts import declared_apps, known_places, rule_plan
    from sessionwatch.errors import CommandError
    from sessionwatch.evaluation import AttackedEvents, read_labels
    from sessionwatch.evaluation import evaluate as measure

    settings = start(config)
    try:
        with labels.open(encoding="utf-8-sig", newline="") as lines:
            known = read_labels(lines, labels.name)
    except UnicodeDecodeError:
        raise CommandError(f"{labels}: is not UTF-8") from None
    except OSError as error:
        raise CommandError(f"{labels}: cannot be read: {(error.strerror or str(error)).lower()}") from None
    with event_lines(file) as events:
        named = AttackedEvents(known)
        places = known_places(settings)
        replayed = replay(named.watch(events), rule_plan(settings), declared_apps(settings), places)
    refusals = Refusals()
    for number, reason in replayed.refused:
        refusals.add(number, reason)
    refusals.finish()
    say(f"{replayed.events} events, {len(replayed.refused)} lines refused, {len(replayed.alerts)} alerts")
    return measure(replayed.alerts, known, named)


def _print(result: Evaluation) -> None:
    from sessionwatch.commands.table import print_facts, print_table, shown

    print_table(
        ("attacks", "found", "recall", "recorded", "kind"),
        [
            (str(kind.total), str(kind.found), _percent(kind.recall), str(kind.recorded), shown(name))
            for name, kind in sorted(result.kinds.items())
        ],
    )
    print_text("")
    false = result.false_alerts_per_1000
    average = result.average_precision
    print_facts(
        [
            ("recall, all attacks", _percent(result.recall)),
            ("precision", _percent(result.precision)),
            ("average precision of the score", "-" if average is None else f"{average:.3f}"),
            ("false alerts per 1,000 benign sessions", "-" if false is None else f"{false:.2f}"),
            (
                "records of low severity per 1,000 benign sessions",
                "-" if result.idle_records_per_1000 is None else f"{result.idle_records_per_1000:.2f}",
            ),
            ("alerts of medium severity or above", f"{result.alerts}, {result.false_alerts} of them false"),
            ("benign sessions", str(result.benign)),
        ]
    )
    if result.noisy:
        print_text("\nfalse alerts by rule")
        print_facts([(f"  {shown(rule)}", str(count)) for rule, count in result.noisy.items()])


def _evaluate_scenarios(folder: Path, *, as_json: bool) -> None:
    from sessionwatch.commands.startup import start
    from sessionwatch.commands.table import print_table
    from sessionwatch.workshop.scenarios import judge_scenarios

    start(folder / "sessionwatch.toml")
    judged = list(judge_scenarios(folder))
    failed = [one for one in judged if not one.passed]
    if as_json:
        for one in judged:
            print_json(
                {
                    "scenario": one.scenario.name,
                    "title": one.scenario.title,
                    "passed": one.passed,
                    "alerts": [[alert.rule_id, str(alert.severity), alert.key_value] for alert in one.alerts],
                    "missing": [[fired.rule, fired.severity, fired.key] for fired in one.missing],
                    "not_expected": [[fired.rule, fired.severity, fired.key] for fired in one.surplus],
                }
            )
    elif failed:
        print_table(("", "rule", "severity", "key", "scenario"), [row for one in failed for row in _differences(one)])
    silent = sum(not one.alerts for one in judged)
    say(f"{len(judged) - len(failed)} of {len(judged)} scenarios hold, {silent} of them in silence")
    if failed:
        raise typer.Exit(1)


def _differences(one: Judged) -> list[tuple[str, ...]]:
    """Return what is missing and what is too much, the keys of one rule and severity in one line."""
    from sessionwatch.commands.table import shown

    rows: list[tuple[str, ...]] = []
    for what, some in (("missing", one.missing), ("not expected", one.surplus)):
        keys: dict[tuple[str, str], list[str]] = {}
        for fired in some:
            keys.setdefault((fired.rule, fired.severity), []).append(fired.key)
        for (rule, severity), values in keys.items():
            more = f" and {len(values) - 1} more" if len(values) > 1 else ""
            rows.append((what, shown(rule), severity, shown(values[0]) + more, one.scenario.name))
    return rows


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
