"""`sessionwatch simulate`: the simulated month, and fire drills against a running pipeline."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal, cast

import typer
from typer.core import TyperGroup

from sessionwatch.commands.options import ConfigOption, JsonOption, TokenFileOption
from sessionwatch.commands.terminal import print_json, print_text, say

if TYPE_CHECKING:
    from sample_logs.simulate.labels import Labels
    from sample_logs.simulate.month import Month
    from schemas.api import Missed
    from sessionwatch.commands.remote import Remote
    from sessionwatch.config import Settings
    from sessionwatch.drills.outcome import Outcome
    from sessionwatch.drills.plan import DrillPlan

_PROGRESS_EVERY = 250_000
# Higher levels cost more than making the events does.
_GZIP_LEVEL = 3


class _Attacks(TyperGroup):
    """Takes the name of an attack for `drill ATTACK`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command of a name; every other name is an attack's."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["drill", *args]
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=_Attacks,
    help="Simulated months, and fire drills.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback()
def group(
    context: typer.Context,
    drill_file: Annotated[
        Path | None, typer.Option("--drill-file", metavar="F", help="Carry out the drills of a TOML file, on schedule.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Each drill of the file once, and no longer.")] = False,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Simulated months (`population`), and fire drills (`ATTACK`, or a file of them on schedule)."""
    if context.invoked_subcommand is not None:
        return
    if drill_file is None:
        print_text(context.get_help())
        raise typer.Exit(2)
    _scheduled(drill_file, config, token_file, once=once, as_json=as_json)


@app.command()
def drill(
    attack: Annotated[str, typer.Argument(metavar="ATTACK", help="The kind of attack; `kinds` lists them.")],
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="U", help="A reserved user: sw-drill-…; without, a new one each time."),
    ] = None,
    app_name: Annotated[str | None, typer.Option("--app", metavar="A", help="The app.")] = None,
    strength: Annotated[
        Literal["loud", "plain", "subtle"], typer.Option("--strength", help="How plainly it shows.")
    ] = "loud",
    revoke: Annotated[bool, typer.Option("--revoke", help="The session has to be taken away too.")] = False,
    within: Annotated[str, typer.Option("--within", metavar="T", help="The time it may take, such as 30s.")] = "60s",
    admin_named: Annotated[
        bool, typer.Option("--admin-named", help="The user is a person's; you are an admin and know what you do.")
    ] = False,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Attack a reserved user of the running deployment, and see whether it is noticed. Short: simulate ATTACK."""
    from pydantic import ValidationError

    from sessionwatch.commands.startup import start
    from sessionwatch.drills.carry_out import carry_out
    from sessionwatch.drills.plan import DrillPlan, problems

    try:
        plan = DrillPlan.model_validate(
            {"attack": attack, "user": user, "app": app_name, "strength": strength, "within": within,
             "revoke": revoke, "admin_named": admin_named}
        )  # fmt: skip
    except ValidationError as error:
        raise typer.BadParameter(problems(error)[0]) from None
    settings = start(config)
    remote = connect(settings, token_file)
    try:
        outcome = carry_out(settings, remote, plan)
    finally:
        remote.close()
    _show(outcome, as_json)
    # Whether the chat was quick is told above: the exit code is of what sessionwatch itself has noticed and done.
    raise typer.Exit(1 if {"detected", "revoked"} & set(outcome.missed) else 0)


@app.command()
def population(
    out: Annotated[
        Path, typer.Option("--out", metavar="F", help="JSON lines, compressed if it ends in .gz; - is stdout.")
    ],
    users: Annotated[int, typer.Option("--users", min=5, max=1_000_000, help="How many people.")] = 1_000,
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="How many days.")] = 30,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same bytes.")] = 1,
    attacks: Annotated[
        str, typer.Option("--attacks", metavar="KINDS", help="all, none, or kinds separated by commas.")
    ] = "all",
    attack_rate: Annotated[
        float, typer.Option("--attack-rate", min=0.01, max=1_000, help="How many times as many attacks as usual.")
    ] = 1.0,
    society: Annotated[
        Literal["usual", "roaming"], typer.Option("--society", help="How people are on average.")
    ] = "usual",
    labels: Annotated[
        Path | None, typer.Option("--labels", metavar="L", help="CSV of what was attack, for evaluate.")
    ] = None,
    networks: Annotated[
        Path | None,
        typer.Option("--networks", metavar="T", help="Configuration with the simulated apps and networks."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a month of ordinary life, and the attacks in it."""
    from sample_logs.simulate.configuration import configuration
    from sample_logs.simulate.labels import Labels
    from sample_logs.simulate.month import Month
    from sample_logs.simulate.society import SOCIETIES

    if as_json and str(out) == "-":
        raise typer.BadParameter("standard output takes either the events or the result", param_hint="--json")
    month = Month(users, days, seed, _kinds(attacks), SOCIETIES[society], attack_rate)
    with _writable(), ExitStack() as files:
        if networks is not None:
            networks.write_text(configuration(), encoding="utf-8")
        told = None if labels is None else files.enter_context(labels.open("w", encoding="utf-8", newline=""))
        stream, truth = files.enter_context(_output(out)), Labels(told)
        written = _write(month, truth, stream)
    if as_json:
        print_json({"events": written, "sessions": truth.sessions, "attacks": dict(sorted(truth.attacks.items()))})
    else:
        marked = sum(truth.attacks.values())
        say(f"{written} events, {truth.sessions} sessions, {marked} labels of {len(truth.attacks)} kinds of attack")


@app.command()
def kinds(as_json: JsonOption = False) -> None:
    """List the kinds of attack."""
    from sample_logs.simulate.attacks import KINDS
    from sessionwatch.commands.table import print_facts

    if as_json:
        for attack in KINDS.values():
            print_json(
                {"attack": attack.kind, "title": attack.title, "apps": attack.apps, "rules": attack.rules,
                 "drill": attack.drill}
            )  # fmt: skip
    else:
        print_facts((attack.kind, attack.title) for attack in KINDS.values())


@app.command(name="hash")
def print_hash(as_json: JsonOption = False) -> None:
    """Print the generator's hash: of its source, and of a small month."""
    from sample_logs.simulate.frozen import hashes

    now = hashes()
    if as_json:
        print_json({"source": now.source, "output": now.output})
    else:
        print_text(now.text().rstrip("\n"))


def connect(settings: Settings, token_file: Path | None) -> Remote:
    """Return the way to the running pipeline."""
    from sessionwatch.commands.records import api_address, find_token
    from sessionwatch.commands.remote import Remote

    return Remote(api_address(settings), find_token(settings, token_file))


def _scheduled(file: Path, config: Path | None, token_file: Path | None, *, once: bool, as_json: bool) -> None:
    import threading

    from sessionwatch.commands.startup import start
    from sessionwatch.drills.plan import load_drills
    from sessionwatch.drills.schedule import Schedule
    from sessionwatch.drills.telling import tell_directly
    from sessionwatch.signals import on_stop_signals

    plans, settings, stop = load_drills(file), start(config), threading.Event()

    def told(outcome: Outcome, alert_id: str | None) -> None:
        _show(outcome, as_json)
        if alert_id is not None:
            say(f"missed: alert {alert_id}")

    def failed(plan: DrillPlan, why: str) -> None:
        reached = tell_directly(settings, plan, why)
        say(f"sessionwatch: the drill {plan.attack} at {plan.app_name}: {why} ({reached} chats told)")

    schedule = Schedule(settings, plans, lambda: connect(settings, token_file), told, failed)
    if once:
        raise typer.Exit(0 if schedule.once() else 1)
    with on_stop_signals(lambda _number, _frame: stop.set()):
        schedule.run(stop)


def _show(outcome: Outcome, as_json: bool) -> None:
    from sessionwatch.commands.table import print_facts, shown

    if as_json:
        print_json(outcome.facts())
        return
    plan, after_s = outcome.plan, outcome.after_s

    def when(deed: Missed, otherwise: str) -> str:
        return f"yes, after {after_s[deed]:.1f} s" if deed in after_s else otherwise

    alerts = ", ".join(f"{one.rule_id} {one.severity}" for one in outcome.alerts) or "no alert"
    late = f"no, not within {plan.within_s:g} s"
    print_facts(
        [
            ("drill", f"{plan.attack} ({plan.strength}) on {shown(outcome.user_id)} at {plan.app_name}"),
            ("id", outcome.drill),
            ("sent", f"{outcome.events} events"),
            ("detected", f"{when('detected', late)}: {alerts}"),
            ("told", when("told", late if outcome.chats else "there is no chat")),
            ("revoked", when("revoked", f"{late}: {shown(outcome.revocation)}" if plan.revoke else "not asked for")),
        ]
    )


def _kinds(text: str) -> tuple[str, ...]:
    from sample_logs.simulate.attacks import KINDS
    from sessionwatch.config.problem import nearest

    if text in ("all", "none"):
        return tuple(KINDS) if text == "all" else ()
    wanted = tuple(dict.fromkeys(kind.strip() for kind in text.split(",") if kind.strip()))
    for kind in wanted:
        if kind not in KINDS:
            known = f"no attack is named {kind[:60]!r}{nearest(kind, KINDS)}; `simulate kinds` lists them"
            raise typer.BadParameter(known, param_hint="--attacks")
    return wanted


def _write(month: Month, labels: Labels, stream: IO[bytes]) -> int:
    written = 0
    for line in month.lines(labels):
        stream.write(line)
        stream.write(b"\n")
        written += 1
        if written % _PROGRESS_EVERY == 0:
            say(f"{written} events")
    return written


@contextmanager
def _output(file: Path) -> Iterator[IO[bytes]]:
    if str(file) == "-":
        yield typer.get_binary_stream("stdout")
        return
    with file.open("wb") as stream:
        if file.suffix != ".gz":
            yield stream
            return
        # Without name and time in its head, or the same month would be other bytes an hour later.
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, stream, mtime=0) as compressed:
            yield cast(IO[bytes], compressed)


@contextmanager
def _writable() -> Iterator[None]:
    from sessionwatch.errors import CommandError

    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise CommandError(f"{error.filename}: cannot be written: {(error.strerror or str(error)).lower()}") from None
