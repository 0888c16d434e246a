"""The queue's list: a listbox in the browser that owns selection and scroll, so that no refresh moves them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from dashboard.instants import at, zone_name
from dashboard.palette import GLYPHS, colour
from dashboard.safe import visible
from schemas.api import AlertRow

HEIGHT = "max(220px, calc(100vh - 216px))"
_HERE = Path(__file__)
_HTML, _CSS, _JS = (_HERE.with_suffix(suffix).read_text() for suffix in (".html", ".css", ".js"))

STATUS_WORDS = {"new": "unassigned", "acknowledged": "acknowledged", "resolved": "resolved", "withdrawn": "withdrawn"}
VERDICT_WORDS = {"benign": "benign", "false_alarm": "false alarm", "confirmed": "confirmed"}


def alert_queue(
    rows: list[dict[str, object]],
    *,
    selected: str | None,
    push: int,
    count: str,
    fresh: str,
    more: str,
    empty: str,
    on_select: Callable[[], None],
    on_act: Callable[[], None],
) -> None:
    """Show the list.

    Args:
        rows: by `queue_row`.
        selected, push: the selection moves to `selected` when `push` has grown; else it is the person's.
        count: what the head says.
        fresh: "3 new" in words while rows wait; empty = none do.
        more: the foot's button; empty = everything is listed.
        empty: what to say where there are no rows.
        on_select, on_act: called before the rerun; `st.session_state.queue` holds `selected` or `acts`.
    """
    listbox = st.components.v2.component("sessionwatch.alert_queue", html=_HTML, css=_CSS, js=_JS)
    listbox(
        key="queue",
        data={
            "rows": rows,
            "selected": selected,
            "push": push,
            "count": count,
            "fresh": fresh,
            "more": more,
            "empty": empty,
            "height": HEIGHT,
        },
        on_selected_change=on_select,
        on_acts_change=on_act,
    )


def queue_row(alert: AlertRow, *, gone: bool) -> dict[str, object]:
    """Return an alert as the list shows it; every text enters the page by textContent.

    Args:
        alert: as last read.
        gone: it has left the filter since the list was made.
    """
    whom = alert.user_id or alert.session_id or alert.network or alert.key.value
    return {
        "id": alert.alert_id,
        "severity": alert.severity.value,
        "glyph": GLYPHS[alert.severity],
        "colour": colour(alert.severity.value),
        "title": visible(alert.title),
        "tags": _tags(alert),
        "why": visible(f"{whom} · {alert.app} — {alert.summary}"),
        "opened": alert.opened.timestamp(),
        "opened_text": f"{at(alert.opened)} {zone_name(alert.opened)}",
        "state": visible(standing(alert), 24),
        "gone": gone,
    }


def standing(alert: AlertRow) -> str:
    """Return who has an alert, or what became of it."""
    if alert.verdict is not None:
        return VERDICT_WORDS[alert.verdict]
    if alert.status in ("new", "acknowledged") and alert.owner:
        return alert.owner
    return STATUS_WORDS[alert.status]


def _tags(alert: AlertRow) -> list[str]:
    tags: list[str] = [f"×{alert.hits:,}"] if alert.hits > 1 else []
    if alert.mode == "shadow":
        tags.append("shadow")
    if alert.drill is not None:
        tags.append("drill")
    if alert.revocation is not None:
        tags.append(
            {"confirmed": "revoked", "delivered": "delivered, not proven"}.get(
                alert.revocation.state, f"revocation {alert.revocation.state}"
            )
        )
    return tags
