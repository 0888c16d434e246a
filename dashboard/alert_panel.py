"""The panel beside the queue: why an alert stands, what is usual, and what can be done about it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import streamlit as st

from dashboard import dialog, links, proof, sign_in
from dashboard.alert_queue import standing
from dashboard.dialog import Dialog
from dashboard.instants import age, at, clock, zone_name
from dashboard.palette import colour, glyph
from dashboard.risk import campaign_line, risk_html
from dashboard.safe import html_text, visible
from dashboard.settle import settle_buttons
from dashboard.triage import Act, Triage, undo_line
from schemas.alert import EvidenceView
from schemas.api import MAX_NOTE, AlertDetail

ENOUGH_VERDICTS = 10
"""Below it, a rule's precision says nothing."""

LISTED_EVIDENCE = 8
_NAMES = {"network": "Network", "agent": "Device", "country": "Country", "hours": "Hours", "place": "Place"}


def alert_panel(triage: Triage, alert: AlertDetail, *, outside: bool) -> None:
    """Show an alert and what can be done about it.

    Args:
        triage: takes the decisions.
        alert: the selected one, whole.
        outside: it was linked to, and is not in the list.
    """
    with st.container(border=True, key="panel", gap="xsmall"):
        if outside:
            st.html('<div class="sw-sub sw-small">Outside the current filter: opened from a link.</div>')
        st.html(_head(alert))
        _buttons(triage, alert)
        newest = proof.newest(alert.revocations)
        if newest is not None:
            st.html(proof.proof_html(newest))
            settle_buttons(newest)
        st.html(_comparison(alert) + risk_html(alert))
        campaign_line(alert)
        st.html(_evidence(alert) + _runbook(alert) + _rule(alert) + _history(alert))


def ask_to_revoke(alert: AlertDetail) -> None:
    """Open the dialog that names what would be ended."""
    dialog.ask(Dialog("revoke", alert.app, alert.session_id, alert.user_id, alert.alert_id, network=alert.network))


def _head(alert: AlertDetail) -> str:
    whom = " · ".join(html_text(part) for part in (alert.user_id, alert.app) if part)
    drill = ' · <span class="sw-strong">drill</span>' if alert.drill else ""
    return (
        f'<div class="sw-small sw-sub sw-num sw-spread">'
        f'<span>{glyph(alert.severity)} <span class="sw-strong">{alert.severity.capitalize()}</span> · '
        f"{html_text(standing(alert))}{drill}</span>"
        f"<span>{at(alert.event_time)} {zone_name(alert.event_time)} · {age(alert.event_time)} ago</span></div>"
        f'<h2 class="sw-title">{html_text(alert.title)}</h2>'
        f'<div style="font-size:1rem;line-height:1.45">{html_text(alert.summary, 600)}</div>'
        f'<div class="sw-sub" style="margin-top:.15rem">{whom}</div>'
    )


def _buttons(triage: Triage, alert: AlertDetail) -> None:
    may = sign_in.person().may("analyst")

    def decide(label: str, icon: str, act: Act) -> None:
        st.button(label, key=f"act_{act}", icon=icon, disabled=not may, on_click=triage.act, args=(act, alert.alert_id))

    with st.container(horizontal=True, gap="xsmall"):
        decide("Take :gray[T]", ":material/person_check:", "take")
        decide("Benign :gray[B]", ":material/check:", "benign")
        decide("False alarm :gray[F]", ":material/rule:", "false_alarm")
        st.space("stretch")
        nothing = alert.session_id is None and alert.user_id is None
        st.button(
            "Revoke… X",
            key="act_revoke",
            icon=":material/block:",
            type="primary",
            disabled=not may or nothing,
            on_click=ask_to_revoke,
            args=(alert,),
        )
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if alert.session_id is not None:
            st.page_link(
                links.SESSION,
                label="Session :gray[⏎]",
                icon=":material/timeline:",
                query_params=links.session_address(alert.app, alert.session_id, alert.alert_id),
            )
        undo = triage.can_undo()
        if undo is not None:
            st.html(f'<div class="sw-sub sw-small" role="status">{html_text(undo_line(undo))}</div>', width="content")
            st.button(
                "Undo :gray[U]", key="act_undo", icon=":material/undo:", type="tertiary", on_click=triage.take_back
            )
        else:
            decide_confirmed = alert.verdict != "confirmed"
            st.button(
                "Confirmed",
                key="act_confirmed",
                icon=":material/gpp_bad:",
                type="tertiary",
                disabled=not may or not decide_confirmed,
                on_click=triage.act,
                args=("confirmed", alert.alert_id),
            )
            note = Dialog("note", alert.app, alert.session_id, alert.user_id, alert.alert_id, alert.note)
            st.button(
                "Note…",
                key="act_note",
                icon=":material/edit_note:",
                type="tertiary",
                disabled=not may,
                on_click=dialog.ask,
                args=(note,),
            )
    if not may:
        st.html('<div class="sw-sub sw-small">Your role may look. To decide, ask for the role analyst.</div>')
    if triage.says:
        st.html(f'<div class="sw-band" role="alert">{html_text(triage.says)}</div>')
    if alert.note:
        st.html('<div class="sw-h">Note</div>')
        st.text("\n".join(visible(line, MAX_NOTE) for line in alert.note.splitlines()))


def _comparison(alert: AlertDetail) -> str:
    # A network's description holds its country.
    names = [*alert.usual, *(name for name in alert.now if name not in alert.usual and name != "country")]
    if not names:
        return ""
    rows = "".join(_compared(name, alert.usual.get(name), alert.now.get(name)) for name in names)
    who = "This session" if alert.key.kind == "session" else "Now"
    return (
        '<table class="sw-table" style="margin-top:.3rem"><thead><tr><th><span hidden>What</span></th>'
        f"<th>Usual</th><th>{who}</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def _compared(name: str, usual: str | None, now: str | None) -> str:
    differs = usual is not None and now is not None and usual != now
    mark = f'<span class="sw-glyph" style="color:{colour("high")}" title="differs">▲</span> ' if differs else ""
    weight = ' class="sw-strong"' if differs else ""
    label = _NAMES.get(name, name.replace("_", " ").capitalize())
    return (
        f"<tr><td>{html_text(label)}</td><td>{html_text(usual or '—')}</td>"
        f"<td{weight}>{mark}{html_text(now or '—')}</td></tr>"
    )


def _evidence(alert: AlertDetail) -> str:
    if not alert.evidence:
        return ""
    told = _without_repeats(sorted(alert.evidence, key=lambda one: one.event_time))
    shown = told[-LISTED_EVIDENCE:]
    items = "".join(f"<tr><td>{when}</td><td>{html_text(fact)}{often}</td></tr>" for when, fact, often in shown)
    rest = len(told) - len(shown)
    more = f'<div class="sw-sub sw-small">and {rest} earlier</div>' if rest else ""
    head = f'<div class="sw-h">Evidence · {zone_name(*(one.event_time for one in alert.evidence))}</div>'
    return f'{head}<table class="sw-table dense">{items}</table>{more}'


def _without_repeats(evidence: Sequence[EvidenceView]) -> list[tuple[str, str, str]]:
    """Return time, fact and how often: what an event shows again is one line."""
    told: list[tuple[str, str, str]] = []
    for fact, group in groupby(evidence, key=lambda one: one.fact):
        alike = list(group)
        often = (
            f' <span class="sw-sub">×{len(alike)}, last {clock(alike[-1].event_time)}</span>' if len(alike) > 1 else ""
        )
        told.append((clock(alike[0].event_time), fact, often))
    return told


def _runbook(alert: AlertDetail) -> str:
    if not alert.runbook:
        return ""
    steps = "".join(f"<li>{html_text(step, 500)}</li>" for step in alert.runbook)
    return f'<div class="sw-h">What to do</div><ol class="sw-steps">{steps}</ol>'


def _rule(alert: AlertDetail) -> str:
    verdicts = alert.verdicts
    decided = verdicts.confirmed + verdicts.benign + verdicts.false_alarm
    said = ""
    if decided >= ENOUGH_VERDICTS:
        share = f"{verdicts.confirmed / decided:.0%}".replace("%", " %")
        said = f' · precision 30 d <span class="sw-strong">{share}</span> ({verdicts.confirmed} of {decided} confirmed)'
    hits = f" · {alert.hits:,} hits" if alert.hits > 1 else ""
    return (
        f'<div class="sw-sub sw-small sw-num" style="margin-top:.6rem">Rule '
        f'<span class="sw-strong">{html_text(alert.rule_id)}</span>'
        f" v{alert.rule_version} · {alert.mode}{said}{hits} · confidence {alert.confidence:.2f}</div>"
    )


def _history(alert: AlertDetail) -> str:
    if not alert.history:
        return ""
    items = "".join(
        f'<tr><td>{clock(act.time)}</td><td>{html_text(act.act)} <span class="sw-sub">by {html_text(act.actor)}'
        f"{': ' + html_text(act.why) if act.why else ''}</span></td></tr>"
        for act in reversed(alert.history)
    )
    return f'<div class="sw-h">What was done</div><table class="sw-table dense">{items}</table>'
