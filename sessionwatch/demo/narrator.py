"""The demo's lines in the terminal: a few, in plain words, each with the time since the theft."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

_SEVERITY_STYLES = {"critical": "bold red", "high": "bold red", "medium": "yellow"}
_HEAD_WIDTH = 8


class Narrator:
    """Writes lines; on a terminal a last line counts along.

    Args:
        console: where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = None

    def begin(self, what: str, settings: str) -> None:
        """Say what this is."""
        self._line("", "DEMO", "bold", what)
        self._line("", "", "", settings, dim=True)

    def counting(self, text: str) -> None:
        """Show how things stand, on a terminal only."""
        if not self._console.is_terminal:
            return
        if self._status is None:
            self._status = Status(text, console=self._console, refresh_per_second=4)
            self._status.start()
        self._status.update(text)

    def ready(self, people: int, apps: str) -> None:
        """Everybody is there."""
        self._say("PEOPLE", "bold", f"{people} people have signed in to {apps} and browse.")

    def console(self, link: str) -> None:
        """Where an analyst would look."""
        self._say("CONSOLE", "bold", f"{link} (signs in once, within 60 s)")

    def signed_out(self, user: str, app: str) -> None:
        """The owner of a stolen cookie has left."""
        self._say("LOGOUT", "", f"{user} logs out of the {app}, which only clears the cookie in the browser.")

    def stolen(self, user: str, app: str, tale: str) -> None:
        """A thief begins."""
        self._say("THEFT", "bold magenta", f"{user}'s {app} cookie is stolen and used {tale}.")

    def alert(self, severity: str, rule_id: str, user: str, app: str, summary: str, after_ms: float | None) -> None:
        """The alert is stored."""
        style = _SEVERITY_STYLES.get(severity, "")
        self._say("ALERT", style, f"{severity} {rule_id}: {user} at the {app}", after_ms)
        self._line("", "", "", summary, dim=True)

    def told(self, rule_id: str, after_ms: float | None) -> None:
        """The message has arrived in the chat."""
        self._say("CHAT", "cyan", f"the on-call chat has the {rule_id} alert", after_ms)

    def revoked(self, app: str, after_ms: float | None) -> None:
        """The session is to end."""
        self._say("REVOKED", "bold green", f"a signed webhook tells the {app} to end the session", after_ms)

    def locked_out(self, app: str, status: int, accepted: int, after_ms: float | None) -> None:
        """The thief was refused."""
        requests = "1 request" if accepted == 1 else f"{accepted} requests"
        text = f"the thief is out: the {app} answers {status} after {requests}"
        self._say(str(status), "bold green", text, after_ms)

    def asked_to_sign_in(self, user: str) -> None:
        """The owner has to sign in again."""
        self._say("", "", f"{user} is asked to sign in again.", dim=True)

    def left_alone(self, severity: str, rule_id: str, user: str) -> None:
        """An alert about somebody who is no thief."""
        self._say("SEEN", "", f"{severity} {rule_id} about {user}: noted, nobody is logged out for it", dim=True)

    def held(self, note: str) -> None:
        """The guard holds a revocation."""
        self._say("HELD", "bold yellow", f"the guard keeps this revocation for a person: {note}")

    def not_stopped(self, user: str, held: str) -> None:
        """A thief went on until the demo stopped it."""
        why = "because the guard held the revocation" if held else "which should not be"
        self._say("OPEN", "bold red", f"{user}'s cookie was used to the end, {why}")

    def bystander(self, user: str, app: str) -> None:
        """Somebody was logged out for nothing."""
        self._say("WRONG", "bold red", f"{user} was logged out of the {app}, and nobody had stolen anything")

    def note(self, text: str) -> None:
        """Anything else."""
        self._say("", "", text, dim=True)

    def end(self, *lines: str) -> None:
        """Say how it ended."""
        self.quiet()
        for line in lines:
            self._line("", "", "", line)

    def quiet(self) -> None:
        """Take the counting line away."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _say(self, head: str, style: str, text: str, after_ms: float | None = None, *, dim: bool = False) -> None:
        if after_ms is not None:
            text = f"{text} (+{after_ms:.0f} ms)"
        self._line(f"{datetime.now():%H:%M:%S}", head, style, text, dim=dim)

    def _line(self, time: str, head: str, style: str, text: str, *, dim: bool = False) -> None:
        """Print one line; never as markup, since people's names and networks stand in it."""
        if not self._console.is_terminal:
            self._console.print(Text(f"{time:8} {head:{_HEAD_WIDTH}} {text}".rstrip()), soft_wrap=True, highlight=False)
            return
        row = Table.grid(padding=(0, 1))
        row.add_column(width=8, style="dim")
        row.add_column(width=_HEAD_WIDTH, style=style)
        row.add_column(style="dim" if dim else "")
        row.add_row(Text(time), Text(head), Text(text))
        self._console.print(row)
