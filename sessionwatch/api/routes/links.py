"""Links of chat messages: what a person means by one, said by POST and, but for one act, after sign-in."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from response.act_links import Link, LinkExpired, LinkRefused
from response.commands import UseLink
from schemas.api import LinkDone, LinkRequest
from schemas.revocation import revocation_id
from sessionwatch.api.answers.alerts import visible_alert
from sessionwatch.api.answers.revocations import AS_READ
from sessionwatch.api.asker import Asker
from sessionwatch.api.permission import Permission, Served, note_guess, source
from sessionwatch.api.problem import Refusal, not_found
from sessionwatch.api.service import Service
from sessionwatch.api.table import whole

NOBODY = "link"
"""Who acts without sign-in, as the audit log says."""

_DONE = {
    "acknowledge": "The alert is acknowledged.",
    "take": "The alert is yours.",
    "false_alarm": "The alert is closed as a false alarm.",
    "benign": "The alert is closed as benign.",
}
_analyst = Permission("analyst")

router = APIRouter(tags=["links"])


@router.post("/v1/links/use", response_model=LinkDone)
async def use(asked: LinkRequest, service: Served, request: Request) -> Response:
    """Do what a link of a chat message says, once. Wants the role analyst, but for what needs no sign-in."""
    if service.links is None:
        raise not_found("link")
    try:
        link = service.links.read(asked.token, service.installation.clock())
    except LinkExpired as expired:
        raise Refusal(422, str(expired)) from None
    except LinkRefused as refused:
        note_guess(request, service)
        raise Refusal(422, str(refused)) from None
    asker = await _who(request, service, link)
    if link.act == "revoke_session" and asked.reason is None:
        raise Refusal(422, "reason: say why the session is to be ended")
    return whole(await run_in_threadpool(_use, service, link, asker, asked.reason or ""))


async def _who(request: Request, service: Service, link: Link) -> Asker | None:
    """Return who means it; None = somebody who need not sign in for it.

    Raises:
        Refusal: 401 or 403, it has to be an analyst; 429, asked too often.
    """
    if link.act in service.installation.settings.links.without_sign_in and "authorization" not in request.headers:
        wait_s = service.guesses.wait_s(f"link {source(request)}")
        if wait_s:
            raise Refusal(429, f"too many links: try again in {wait_s} s", {"retry-after": str(wait_s)})
        return None
    return await _analyst(request)


def _use(service: Service, link: Link, asker: Asker | None, reason: str) -> LinkDone:
    if asker is not None:
        visible_alert(asker, link.alert_id)
    by = NOBODY if asker is None else asker.principal.name
    service.acts.do(UseLink(link.id, link.act, link.alert_id, by, reason, signed_in=asker is not None))
    if link.act != "revoke_session":
        return LinkDone(act=link.act, alert_id=link.alert_id, by=None if asker is None else by, done=_DONE[link.act])
    made = revocation_id(link.id, "session")
    revocation = service.read().revocation(made)
    state = "sent" if revocation is None else AS_READ[revocation.state]
    note = f": {revocation.note}" if revocation is not None and revocation.note else ""
    return LinkDone(
        act=link.act, alert_id=link.alert_id, by=by, done=f"Revocation of the session: {state}{note}",
        revocation_id=made,
    )  # fmt: skip
