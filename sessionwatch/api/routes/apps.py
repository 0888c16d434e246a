"""Apps: how they keep to what they declare."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from schemas.api import AppPolicyAudit
from sessionwatch.api.answers.apps import app_policy_audit
from sessionwatch.api.permission import Viewer
from sessionwatch.api.query import AppInPath
from sessionwatch.api.table import whole

router = APIRouter(tags=["apps"])


@router.get("/v1/apps/{app}/policy", response_model=AppPolicyAudit)
def policy_audit(asker: Viewer, app: AppInPath) -> Response:
    """Say what an app declares, how long its revocations took, and what was reported about it, of the last 30 days."""
    return whole(app_policy_audit(asker, app))
