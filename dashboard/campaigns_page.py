"""Campaigns: which alerts are one incident, and whom does it touch?"""

from __future__ import annotations

import pandas as pd  # type: ignore[import-untyped]
import streamlit as st

from dashboard import links, sign_in
from dashboard.errors import ConsoleError, SignedOutError, UnknownError
from dashboard.instants import age, at, zone_name
from dashboard.palette import GLYPHS, glyph
from dashboard.safe import html_text, visible
from schemas.api import AlertRow, CampaignDetail, CampaignRow

LISTED = 100
_KINDS = {"network": "network", "asn": "provider", "device": "device", "tool": "tool"}


def show() -> None:
    """Show the page."""
    campaign_id = st.query_params.get("id", "")
    if campaign_id:
        _one(campaign_id)
    else:
        _all()


def _all() -> None:
    st.html('<h1 class="sw-page">Campaigns</h1>')
    try:
        found = sign_in.api().campaigns(LISTED).items
    except SignedOutError as reason:
        sign_in.ended(reason)
        return
    except ConsoleError as reason:
        st.html(f'<div class="sw-band" role="alert">Not read: {html_text(reason)}</div>')
        return
    if not found:
        st.html('<div class="sw-sub">No alerts belong together.</div>')
        return
    st.html(f'<div class="sw-sub sw-small">{len(found)} campaigns, the last active first.</div>')
    picked = st.dataframe(
        _campaigns_table(found),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height=min(620, 37 + 35 * len(found)),
        row_height=35,
        key="campaigns",
        alt="Campaigns, the last active first",
    )
    if picked.selection.rows:
        st.switch_page(
            links.CAMPAIGNS, query_params=links.campaign_address(found[picked.selection.rows[0]].campaign_id)
        )


def _one(campaign_id: str) -> None:
    try:
        campaign = sign_in.api().campaign(campaign_id)
    except SignedOutError as reason:
        sign_in.ended(reason)
        return
    except UnknownError:
        st.html(
            '<h1 class="sw-page">Campaign</h1><div class="sw-band"><span>There is none of this id whose alerts your '
            "token may see; its alerts may have been withdrawn.</span></div>"
        )
        return
    except ConsoleError as reason:
        st.html(f'<div class="sw-band" role="alert">Not read: {html_text(reason)}</div>')
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.html('<h1 class="sw-page">Campaign</h1>', width="content")
        st.space("stretch")
        st.page_link(links.CAMPAIGNS, label="All campaigns", icon=":material/arrow_back:")
    st.html(_head(campaign))
    left, right = st.columns([68, 32], gap="medium")
    with left:
        st.html('<h2 class="sw-title">Its alerts</h2>')
        picked = st.dataframe(
            _members_table(campaign.members),
            hide_index=True,
            on_select="rerun",
            selection_mode="single-row",
            height=min(560, 37 + 35 * max(1, len(campaign.members))),
            row_height=35,
            key=f"members_{campaign.campaign_id}",
            alt="Alerts of this campaign, the newest first",
        )
        if picked.selection.rows:
            chosen = campaign.members[picked.selection.rows[0]]
            st.switch_page(links.ALERTS, query_params=links.alert_address(chosen.alert_id))
    with right, st.container(border=True, key="panel", gap="small"):
        st.html(_shared(campaign) + _users(campaign))


def _head(campaign: CampaignDetail) -> str:
    facts = (
        f"<span><b>{campaign.alerts:,}</b> alerts, <b>{campaign.open:,}</b> open</span>",
        f"<span><b>{campaign.users:,}</b> users</span>",
        f"<span><b>{campaign.sessions:,}</b> sessions</span>",
        f"<span>{at(campaign.first)} to {at(campaign.last)} {zone_name(campaign.first, campaign.last)}, "
        f"last {age(campaign.last)} ago</span>",
    )
    return (
        f'<div class="sw-answer">{glyph(campaign.severity)} {html_text(campaign.title)}</div>'
        f'<div class="sw-facts">{"<span>·</span>".join(facts)}</div>'
    )


def _shared(campaign: CampaignDetail) -> str:
    rows = "".join(
        f"<tr><td>{_KINDS[one.kind]}</td><td>{'AS' if one.kind == 'asn' else ''}{html_text(one.value)}</td>"
        f'<td class="sw-num">{one.alerts:,}</td></tr>'
        for one in campaign.shared
    )
    return f'<h2 class="sw-title">What they have in common</h2><table class="sw-table ruled">{rows}</table>'


def _users(campaign: CampaignDetail) -> str:
    rows = "".join(
        f'<tr><td>{html_text(one.user_id, 60)}</td><td class="sw-num">{one.alerts:,} '
        f"alert{'' if one.alerts == 1 else 's'}</td></tr>"
        for one in campaign.named_users
    )
    return f'<h2 class="sw-title">Whom it touches</h2><table class="sw-table ruled">{rows}</table>' if rows else ""


def _campaigns_table(campaigns: list[CampaignRow]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Severity": f"{GLYPHS[one.severity]} {one.severity.value}",
                "Campaign": visible(one.title),
                "Alerts": one.alerts,
                "Open": one.open,
                "Users": one.users,
                "Sessions": one.sessions,
                "Apps": ", ".join(one.apps),
                f"Last ({zone_name(*(each.last for each in campaigns))})": at(one.last),
                "Age": age(one.last),
            }
            for one in campaigns
        ]
    )


def _members_table(members: list[AlertRow]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                f"Time ({zone_name(*(each.event_time for each in members))})": at(one.event_time),
                "Severity": f"{GLYPHS[one.severity]} {one.severity.value}",
                "Alert": visible(one.title),
                "User": visible(one.user_id or ""),
                "App": one.app,
                "Status": one.verdict.replace("_", " ") if one.verdict else one.status,
                "Owner": visible(one.owner or ""),
            }
            for one in members
        ]
    )
