"""What stands against an alert's user and session altogether, and the campaign that the alert belongs to."""

from __future__ import annotations

import streamlit as st

from dashboard import links
from dashboard.instants import age
from dashboard.palette import glyph
from dashboard.safe import html_text
from schemas.api import AlertDetail, CampaignBrief, RiskContribution, RiskView

LISTED = 5


def risk_html(alert: AlertDetail) -> str:
    """Return the risk of an alert's user and session, and what each rule adds; empty where nothing counts."""
    shown = [(name, risk) for name, risk in _risks(alert) if risk.contributions]
    if not shown:
        return ""
    scores = " · ".join(f'{name} <span class="sw-strong">{risk.score:.0f}</span>' for name, risk in shown)
    # The user's holds what the session's does.
    _, widest = shown[0]
    rows = "".join(_row(one, alert) for one in widest.contributions[:LISTED])
    rest = len(widest.contributions) - LISTED
    more = f'<div class="sw-sub sw-small">and {rest} more</div>' if rest > 0 else ""
    return (
        f'<div class="sw-h sw-num">Risk now, of 100 · {scores}</div><table class="sw-table dense">{rows}</table>{more}'
    )


def campaign_line(alert: AlertDetail) -> None:
    """Show the campaign of an alert with the way to its members; nothing without one."""
    campaign = alert.campaign
    if campaign is None:
        return
    st.html(f'<div class="sw-h">One of a campaign</div><div>{_campaign_html(campaign)}</div>')
    st.page_link(
        links.CAMPAIGNS,
        label=f"Its {campaign.alerts:,} alerts",
        icon=":material/hub:",
        query_params=links.campaign_address(campaign.campaign_id),
    )


def _risks(alert: AlertDetail) -> list[tuple[str, RiskView]]:
    named = (("user", alert.user_risk), ("session", alert.session_risk))
    return [(name, risk) for name, risk in named if risk is not None]


def _row(one: RiskContribution, alert: AlertDetail) -> str:
    further = f' <span class="sw-sub">and {one.further} more of it</span>' if one.further else ""
    this = ' <span class="sw-sub">this alert</span>' if one.alert_id == alert.alert_id else ""
    app = f" on {html_text(one.app)}" if one.app != alert.app else ""
    return (
        f"<tr><td>+{one.points:.0f}</td><td>{glyph(one.severity)} {html_text(one.title)}{app}{this}{further} "
        f'<span class="sw-sub sw-num">· {age(one.time)} ago</span></td></tr>'
    )


def _campaign_html(campaign: CampaignBrief) -> str:
    return (
        f"{glyph(campaign.severity)} {html_text(campaign.title)} "
        f'<span class="sw-sub sw-num">· {campaign.open:,} of {campaign.alerts:,} open, '
        f"{_counted(campaign.users, 'user')}, {_counted(campaign.sessions, 'session')}</span>"
    )


def _counted(number: int, of: str) -> str:
    return f"{number:,} {of}{'' if number == 1 else 's'}"
