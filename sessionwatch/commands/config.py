"""`sessionwatch config`: is the configuration what it should be?"""

from __future__ import annotations

import typer

from sessionwatch.commands.options import ConfigOption, JsonOption
from sessionwatch.commands.terminal import print_json, print_text

app = typer.Typer(help="Look at the configuration.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Look at the configuration."""


@app.command()
def check(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Name everything that is wrong with the configuration, or say that it is valid."""
    from sessionwatch.config import load
    from sessionwatch.config.parts import known_places
    from sessionwatch.config.warnings import list_warnings, warnings
    from sessionwatch.errors import ConfigurationError

    problems: list[str] = []
    lines: list[str] = []
    try:
        settings = load(config)
        known_places(settings)
        lines = [*warnings(settings), *list_warnings(settings)]
    except ConfigurationError as error:
        problems = error.problems
    if as_json:
        print_json({"valid": not problems, "errors": problems, "warnings": lines})
    else:
        for problem in problems:
            print_text(problem)
        for line in lines:
            print_text(f"warning: {line}")
        if not problems:
            print_text("configuration is valid")
    raise typer.Exit(1 if problems else 0)
