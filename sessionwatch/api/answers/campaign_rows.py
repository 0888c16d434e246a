"""Campaigns in a line each, whoever shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from schemas.api import CampaignBrief
from schemas.api.campaigns import CampaignRow, Shared
from schemas.instant import to_datetime
from sessionwatch.api.asker import Asker
from store.incidents import CampaignFacts
from store.rows import SharedValue

_SHOWN_RULES = 3


def campaign_rows(asker: Asker, found: Sequence[CampaignFacts]) -> list[CampaignRow]:
    """Return campaigns as a list shows them, as far as this asker may see their alerts."""
    apps = asker.principal.visible()
    if apps is None:
        return [_row(facts, facts.shared) for facts in found]
    # What is shared with alerts of other apps alone, and by how many of theirs, is none of this asker's business.
    own = asker.reader.campaign_values([facts.campaign_id for facts in found], apps) if found else {}
    return [_row(facts, _seen(facts, own)) for facts in found]


def _seen(facts: CampaignFacts, own: Mapping[tuple[str, str], int]) -> tuple[SharedValue, ...]:
    return tuple(
        msgspec.structs.replace(one, alerts=own[facts.campaign_id, one.value])
        for one in facts.shared
        if (facts.campaign_id, one.value) in own
    )


def _row(facts: CampaignFacts, shared: tuple[SharedValue, ...]) -> CampaignRow:
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
    return CampaignBrief.model_validate(campaign_rows(asker, found)[0].model_dump()) if found else None


def _named(shared: SharedValue) -> str:
    return f"AS{shared.value}" if shared.kind == "asn" else shared.value


def _title(facts: CampaignFacts, shared: str | None) -> str:
    rules = ", ".join(facts.rules[:_SHOWN_RULES])
    more = len(facts.rules) - _SHOWN_RULES
    whom = f"{facts.users} users" if facts.users != 1 else "1 user"
    return f"{rules}{f' and {more} more' if more > 0 else ''} on {whom}{f' from {shared}' if shared else ''}"
