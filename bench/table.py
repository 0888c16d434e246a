"""Figures, and how they are shown."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measurement.

    Attributes:
        name: what was measured.
        events: how many went through.
        cpu_s: CPU seconds of all threads.
        floor_s: CPU seconds of the floor that it is held against.
    """

    name: str
    events: int
    cpu_s: float
    floor_s: float

    @property
    def events_a_cpu_second(self) -> float:
        """Events a CPU second."""
        return self.events / self.cpu_s

    @property
    def times_the_floor(self) -> float:
        """CPU against the floor's."""
        return self.cpu_s / self.floor_s


def show(figures: list[Figure], floor: str) -> None:
    """Print the figures as a table."""
    table = Table(title=f"{figures[0].events:,} events, against {floor}")
    for column in ("what", "µs an event", "events a CPU second", "times the floor"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for figure in figures:
        table.add_row(
            figure.name,
            f"{figure.cpu_s / figure.events * 1e6:.1f}",
            f"{figure.events_a_cpu_second:,.0f}",
            f"{figure.times_the_floor:.1f}",
        )
    Console().print(table)
