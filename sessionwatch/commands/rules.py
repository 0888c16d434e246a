"""`sessionwatch rules list | show | new | test | backtest | rerun`: where detections are written, tested and tuned."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sessionwatch.commands.options import ConfigOption, JsonOption, ReasonOption, TokenFileOption
from sessionwatch.commands.terminal import print_json, print_text, say

if TYPE_CHECKING:
    from sessionwatch.config import Settings
    from sessionwatch.workshop.trial import Change
    from sessionwatch.workshop.trying import Case

app = typer.Typer(help="See, write, test and tune rules.", no_args_is_help=True, rich_markup_mode=None)

RuleArgument = Annotated[str, typer.Argument(metavar="ID", help="The rule's id.")]


@app.callback()
def group() -> None:
    """See, write, test and tune rules."""


@app.command("list")
def list_rules(config: ConfigOption = None, token_file: TokenFileOption = None, as_json: JsonOption = False) -> None:
    """List the rules, and which events are routed to which keys for them."""
    from sessionwatch.commands.startup import start
    from sessionwatch.workshop.listing import routes, row

    settings = start(config)
    rules = settings.rule_classes
    errors = _errors(settings, config, token_file)
    rows = [
        {**row(rule, settings), "errors_30d": errors.get(rule.id)}
        for rule in sorted(rules.values(), key=lambda rule: (rule.key, rule.id))
    ]
    table = routes(rules)
    if as_json:
        for one in rows:
            print_json(one)
        return
    from sessionwatch.commands.table import print_table, severity, shown

    print_table(
        ("severity", "mode", "key", "needs", "settle", "errors", "rule"),
        [
            (
                severity(str(one["severity"])),
                shown(one["mode"]),
                shown(one["key"]),
                _joined(one["needs"]),
                shown(one["settle"]),
                shown(one["errors_30d"]),
                shown(one["rule_id"]),
            )
            for one in rows
        ],
    )
    print_text("")
    print_table(
        ("events", "rules", "placed by", "key"),
        [
            (_joined(route["types"]), str(len(_texts(route["rules"]))), shown(route["placed_by"]), key)
            for key, route in table.items()
        ],
    )


@app.command()
def show(
    rule_id: RuleArgument,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a rule whole: what it catches, its source, when it errs, what to do, and how it is set."""
    from sessionwatch.commands.startup import start
    from sessionwatch.workshop.listing import find_rule, whole

    settings = start(config)
    told = whole(find_rule(rule_id, settings), settings)
    told["errors_30d"] = _errors(settings, config, token_file).get(rule_id)
    if as_json:
        print_json(told)
        return
    from sessionwatch.commands.table import print_facts, shown

    names = ("rule_id", "version", "severity", "mode", "key", "placed_by", "settle", "errors_30d")
    print_text(f"{told['title']}\n\n{told['about']}\n")
    print_facts(
        [(name.replace("_", " "), shown(told[name])) for name in names]
        + [("needs", _joined(told["needs"])), ("ATT&CK", _joined(told["attack"]) or "-")]
    )
    print_text("\nwhat to do")
    for step in _texts(told["runbook"]):
        print_text(f"  {step}")
    parameters = told["parameters"]
    assert isinstance(parameters, list)
    if parameters:
        print_text(f"\nparameters, under [rules.{rule_id}]")
    for one in parameters:
        changed = "" if one["value"] == one["default"] else f" (default {one['default']})"
        print_text(f"  {one['name']} = {one['value']}{changed}  {one['description']}")


@app.command()
def new(
    rule_id: RuleArgument,
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="Folder to write to.")] = Path(),
    key: Annotated[Literal["session", "user"], typer.Option("--key", help="What its state is kept by.")] = "session",
    as_json: JsonOption = False,
) -> None:
    """Write a rule that works, its sequences and its test, to be made into another one."""
    from sessionwatch.workshop.template import write_rule

    files = write_rule(rule_id, into, key)
    if as_json:
        print_json({"rule_id": rule_id, "files": [str(file) for file in files]})
        return
    for file in files:
        print_text(str(file))
    say(f"try it: sessionwatch rules test {files[0]}")


@app.command("test")
def run_cases(
    rule: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="A rule's id, or a file: a rule in Python, or Sigma; else every rule."),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the sequences beside a rule and the scenarios about it; show those that fail line by line."""
    from sessionwatch.commands.startup import start
    from sessionwatch.workshop.trying import try_rule

    settings = start(config)
    failed = tried = 0
    for asked in [rule] if rule is not None else sorted(settings.rule_classes):
        cases = try_rule(asked, settings)
        tried += len(cases)
        failed += sum(not case.passed for case in cases)
        for case in cases:
            if as_json:
                print_json(_as_json(asked, case))
            elif not case.passed:
                _print_case(asked, case)
        if not cases:
            say(f"{asked}: nothing is written beside it, and no scenario is about it")
    say(f"{tried - failed} of {tried} hold")
    if failed or not tried:
        raise typer.Exit(1)


FromOption = Annotated[
    str | None, typer.Option("--from", metavar="T", help="Since: a day, a time, or a duration back such as 7d.")
]
ToOption = Annotated[str | None, typer.Option("--to", metavar="T", help="Until; else now.")]


@app.command()
def backtest(
    rule: Annotated[str, typer.Argument(metavar="ID", help="A rule's id, or the file of one in the making.")],
    since: FromOption = "7d",
    until: ToOption = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="F", help="A file of events instead of what is stored.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="[APP:]NAME=VALUE", help="A parameter to try, for all apps or for one; may be repeated."
        ),
    ] = None,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a rule over stored history, and say what it would have raised: without touching the live system."""
    from sessionwatch.commands.backtest import print_backtest
    from sessionwatch.commands.records import open_records
    from sessionwatch.commands.since import span
    from sessionwatch.commands.startup import start
    from sessionwatch.config.parts import declared_apps, known_exceptions, known_lists
    from sessionwatch.workshop.backtest import backtest as run
    from sessionwatch.workshop.event_history import file_history
    from sessionwatch.workshop.trying import asked_rule

    settings = start(config)
    judge = partial(
        run,
        asked_rule(rule, settings),
        span=span(since, until),
        apps=declared_apps(settings),
        live=settings.rule_classes,
        settings=settings.rules,
        changes=_changes(changes),
        exceptions=known_exceptions(settings),
        lists=known_lists(settings),
    )
    if file is not None:
        result = judge(history=file_history(file, settings))
    else:
        with open_records(config, token_file) as records:
            result = judge(history=records.history)
    if as_json:
        print_json(result.as_json())
    else:
        print_backtest(result)


@app.command()
def rerun(
    since: FromOption,
    until: ToOption = None,
    rules: Annotated[
        list[str] | None, typer.Option("--rule", metavar="ID", help="Only this rule; may be repeated.")
    ] = None,
    reason: ReasonOption = "rerun after an outage",
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Raise what was missed in an outage: marked late, none twice, and nobody's session is ended for it."""
    from schemas.api.reruns import RerunRequest
    from schemas.instant import to_rfc3339
    from sessionwatch.commands.asked import asked
    from sessionwatch.commands.records import open_records
    from sessionwatch.commands.since import span
    from sessionwatch.commands.table import moment, print_table, severity, shown

    between = span(since, until)
    wanted = asked(
        RerunRequest,
        since=to_rfc3339(between.since_us),
        until=to_rfc3339(between.until_us),
        rules=rules or None,
        reason=reason,
    )
    with open_records(config, token_file) as records:
        done = records.rerun(wanted)
    if as_json:
        for one in done.raised:
            print_json(one.model_dump(mode="json"))
    elif done.raised:
        print_table(
            ("severity", "event", "rule", "app", "alert"),
            [
                (severity(one.severity), moment(one.event_time), shown(one.rule_id), shown(one.app), one.alert_id)
                for one in done.raised
            ],
        )
    say(f"{len(done.raised)} alerts were missed and are raised now, marked late")


def _changes(given: list[str] | None) -> list[Change]:
    from sessionwatch.workshop.trial import Change

    changes = []
    for one in given or []:
        place, equals, value = one.partition("=")
        app, colon, name = place.rpartition(":")
        if not equals or not name.strip() or (colon and not app.strip()):
            raise typer.BadParameter(f"expected NAME=VALUE or APP:NAME=VALUE, got {one[:40]!r}", param_hint="--set")
        changes.append(Change(name.strip(), value.strip(), app.strip() if colon else None))
    return changes


def _as_json(rule: str, case: Case) -> dict[str, object]:
    return {
        "rule": rule, "kind": case.kind, "name": case.name, "passed": case.passed, "expected": case.expected,
        "differences": case.came, "table": [list(line) for line in case.table],
    }  # fmt: skip


def _print_case(rule: str, case: Case) -> None:
    from sessionwatch.commands.table import print_table, shown
    from sessionwatch.workshop.trying import HEADINGS

    print_text(f'{rule}: the {case.kind} "{shown(case.name)}" does not hold')
    if case.table:
        print_table(HEADINGS, [[shown(cell) if cell else "" for cell in line] for line in case.table])
    print_text(f"  expected: {'; '.join(map(shown, case.expected))}")
    for line in case.came:
        print_text(f"  {shown(line)}")
    print_text("")


def _joined(values: object) -> str:
    return ", ".join(_texts(values))


def _texts(values: object) -> list[str]:
    assert isinstance(values, list)
    return [str(value) for value in values]


def _errors(settings: Settings, config: Path | None, token_file: Path | None) -> dict[str, int]:
    """Return by rule how many of its alerts people found wrong in 30 days; nothing where no store is there yet."""
    from sessionwatch.commands.records import open_records
    from sessionwatch.errors import CommandError
    from store.errors import StoreError

    if not settings.store.path.exists():
        return {}
    try:
        with open_records(config, token_file) as records:
            return {rule.rule_id: rule.errors_30d for rule in records.rules().items}
    except (CommandError, StoreError):
        # What the rules are is known without them.
        return {}
