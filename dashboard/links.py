"""The pages by their files, and the addresses of what they show: the address is the state."""

from __future__ import annotations

ALERTS = "views/alerts.py"
SESSION = "views/session.py"
CAMPAIGNS = "views/campaigns.py"
RESPONSE = "views/response.py"
LIVE_SESSIONS = "views/live.py"
"""Not in a folder `pages`: Streamlit runs what lies there by itself, past the sign-in, until it has seen `app.py`."""


def session_address(app: str, session_id: str, alert_id: str | None = None) -> dict[str, str]:
    """Return the query of a session's page; with the alert one came from."""
    query = {"app": app, "id": session_id}
    return query | {"alert": alert_id} if alert_id else query


def alert_address(alert_id: str | None) -> dict[str, str]:
    """Return the query of the alerts page with an alert selected."""
    return {"alert": alert_id} if alert_id else {}


def campaign_address(campaign_id: str) -> dict[str, str]:
    """Return the query of a campaign's page."""
    return {"id": campaign_id}
