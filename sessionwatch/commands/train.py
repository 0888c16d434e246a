"""`sessionwatch train`: learn what sessions look like, from what is stored or from a file."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sessionwatch.commands.options import ConfigOption, JsonOption, TokenFileOption
from sessionwatch.commands.terminal import print_json, say

if TYPE_CHECKING:
    from detectors.learned.training import Lessons
    from sessionwatch.model_file import Card
    from sessionwatch.workshop.history import History

_PROGRESS_EVERY = 250_000


def train(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Events, JSON lines, also .gz; - is stdin. Else what is stored."),
    ] = None,
    models: Annotated[
        Path | None, typer.Option("--models", metavar="DIR", help="Folder for the model; else [models] path.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="T", help="Of what is stored, not older; 28d without a file.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="The same seed gives the same model.")] = 1,
    per_thousand: Annotated[
        float,
        typer.Option("--per-thousand", min=0.01, max=100.0, help="Of 1,000 sessions like these, how many are told."),
    ] = 1.0,
    config: ConfigOption = None,
    token_file: TokenFileOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train session-outlier. A running pipeline takes the model at its next start, and tells nobody: mode shadow."""
    from detectors.learned.training import Lessons, TrainingError
    from sessionwatch.commands.records import open_records
    from sessionwatch.commands.since import span
    from sessionwatch.commands.startup import start
    from sessionwatch.config.parts import declared_apps
    from sessionwatch.errors import CommandError
    from sessionwatch.model_file import save
    from sessionwatch.workshop.event_history import file_history

    settings = start(config)
    since_us = span(since or (None if file is not None else "28d"), None).since_us
    lessons = Lessons(declared_apps(settings))
    if file is not None:
        _look(lessons, file_history(file, settings), since_us)
    else:
        with open_records(config, token_file) as records:
            _look(lessons, records.history, since_us)
    try:
        trained = lessons.fit(seed, per_thousand)
    except TrainingError as error:
        raise CommandError(str(error)) from None
    folder = models or settings.models.path
    card = save(trained, folder, seed=seed, per_thousand=per_thousand)
    _show(card, folder, as_json=as_json)


def _look(lessons: Lessons, history: History, since_us: int) -> None:
    from sessionwatch.workshop.history import CHUNK

    items, seen = iter(history(since_us)), 0
    while chunk := list(islice(items, CHUNK)):
        lessons.take(chunk)
        seen += len(chunk)
        if seen % _PROGRESS_EVERY < len(chunk):
            say(f"{seen} events")


def _show(card: Card, folder: Path, *, as_json: bool) -> None:
    from detectors.learned.model import YOUNG_DAYS, YOUNG_SESSIONS
    from sessionwatch.commands.table import print_facts

    young = card.sessions < YOUNG_SESSIONS or card.days < YOUNG_DAYS
    if as_json:
        told = card.model_dump(mode="json", exclude={"medians"})
        print_json({"model_id": card.model_id, "folder": str(folder), "young": young, **told})
        return
    print_facts(
        [
            ("model", card.model_id),
            ("folder", str(folder)),
            ("sessions", f"{card.sessions} on {card.days} days; {card.left_out} flagged ones left out"),
            ("threshold", f"{card.threshold:.3f}, for {card.per_thousand:g} in 1,000 of the {card.held_out} newest"),
        ]
    )
    if young:
        say(f"young: it stays in shadow until it has seen {YOUNG_SESSIONS} sessions on {YOUNG_DAYS} days")
