"""Links into the console. They only lead there: whoever follows one still has to sign in."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from schemas.alert import Alert


@dataclass(frozen=True, slots=True)
class Links:
    """Makes the addresses of the console's pages.

    Attributes:
        dashboard: where people reach the console; None = nowhere, so there are no links.
    """

    dashboard: str | None = None

    def of_alert(self, alert: Alert) -> str | None:
        """Return the address of the session that an alert is about, else of the alert itself."""
        if self.dashboard is None:
            return None
        if alert.session_id is None:
            # The console begins with its alerts.
            return self._page("", alert=alert.alert_id)
        return self._page("session", app=alert.app, id=alert.session_id, alert=alert.alert_id)

    def _page(self, name: str, **query: str) -> str:
        # Encoded: what a client chose can neither leave the query nor become markup.
        return f"{self.dashboard}/{name}?{urlencode(query)}"


NO_LINKS = Links()
