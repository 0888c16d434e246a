"""A campaign in a line, whoever shows it."""

from __future__ import annotations

from schemas.api import CampaignBrief
from schemas.api.campaigns import CampaignRow, Shared
from schemas.instant import to_datetime
from sessionwatch.api.asker import Asker
from store.incidents import CampaignFacts
from store.rows import SharedValue

_SHOWN_RULES = 3


def campaign_row(asker: Asker, facts: CampaignFacts) -> CampaignRow:
    """Return a campaign in a list, as far as this asker may see its alerts."""
    shared = facts.shared
    apps = asker.principal.visible()
    if apps is not None:
        # What is shared with alerts of other apps alone is none of this asker's business.
        own = asker.reader.campaign_values(facts.campaign_id, apps)
        shared = tuple(one for one in shared if one.value in own)
    return CampaignRow(
        campaign_id=facts.campaign_id,
        realm=facts.realm,
        title=_title(facts, _named(shared[0]) if shared else None),
        severity=facts.severity,
        first=to_datetime(facts.first_us),
        last=to_datetime(facts.last_us),
        alerts=facts.alerts,
        open=facts.open,
        users=facts.users,
        sessions=facts.sessions,
        rules=list(facts.rules),
        apps=list(facts.apps),
        shared=[Shared.model_validate({"kind": one.kind, "value": one.value, "alerts": one.alerts}) for one in shared],
    )


def campaign_brief(asker: Asker, campaign_id: str | None) -> CampaignBrief | None:
    """Return the campaign of an alert; None without one, or where none of its alerts may be seen."""
    if campaign_id is None:
        return None
    found = asker.reader.campaigns(apps=asker.principal.visible(), campaign_id=campaign_id, limit=1)
    return CampaignBrief.model_validate(campaign_row(asker, found[0]).model_dump()) if found else None


def _named(shared: SharedValue) -> str:
    return f"AS{shared.value}" if shared.kind == "asn" else shared.value


def _title(facts: CampaignFacts, shared: str | None) -> str:
    rules = ", ".join(facts.rules[:_SHOWN_RULES])
    more = len(facts.rules) - _SHOWN_RULES
    whom = f"{facts.users} users" if facts.users != 1 else "1 user"
    return f"{rules}{f' and {more} more' if more > 0 else ''} on {whom}{f' from {shared}' if shared else ''}"
