"""Rules: what runs, how it is set, and how it does."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from schemas.api import RuleList, RuleView
from schemas.api.reruns import Rerun, RerunRequest
from schemas.limits import INT64_MAX
from sessionwatch.api.answers.history import MSGPACK, history_page
from sessionwatch.api.answers.rerun import rerun
from sessionwatch.api.answers.rules import rule_list, rule_view
from sessionwatch.api.permission import Engineer, Served, Viewer
from sessionwatch.api.query import RuleInPath, Since
from sessionwatch.api.table import whole

router = APIRouter(tags=["rules"])


@router.get("/v1/rules", response_model=RuleList)
def rules(asker: Viewer) -> Response:
    """List the rules, those that are off too."""
    return whole(rule_list(asker))


@router.get("/v1/rules/{rule_id}", response_model=RuleView)
def rule(asker: Viewer, rule_id: RuleInPath) -> Response:
    """Show a rule: what it catches, its parameters in force, its runbook."""
    return whole(rule_view(asker, rule_id))


@router.get("/v1/history", response_class=Response, responses={200: {"content": {MSGPACK: {}}}})
def history(
    asker: Engineer,
    since: Since = None,
    after: Annotated[int | None, Query(ge=0, le=INT64_MAX, description="As the page before said.")] = None,
) -> Response:
    """Return stored events and signals page by page, for a backtest that runs elsewhere."""
    return Response(history_page(asker, since or 0, after), media_type=MSGPACK)


@router.post("/v1/reruns", response_model=Rerun)
def rerun_rules(asker: Engineer, wanted: RerunRequest, service: Served) -> Response:
    """Judge a part of the past again, and raise what was missed: marked late, ending nobody's session."""
    return whole(rerun(asker, wanted, service.acts.do))
