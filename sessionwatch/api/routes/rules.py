"""Rules: what runs, how it is set, and how it does."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from schemas.api import RuleList, RuleView
from sessionwatch.api.answers.rules import rule_list, rule_view
from sessionwatch.api.permission import Viewer
from sessionwatch.api.query import RuleInPath
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
