"""What the HTTP API takes and answers, shared by the pipeline, the console and the command line.

Paths and access are in `docs/api.md`. Text that came with an event is hostile wherever it is shown: it travels as
JSON and nothing of it is markup.
"""

from __future__ import annotations

from schemas.api.alerts import (
    AlertDetail,
    AlertFacts,
    AlertPage,
    AlertPatch,
    AlertRow,
    Note,
    RevocationBrief,
    Triage,
    Verdict,
    VerdictCounts,
)
from schemas.api.campaigns import CampaignDetail, CampaignPage, CampaignRow, CampaignUser, Shared
from schemas.api.drills import (
    DrillAlert,
    DrillBegun,
    DrillId,
    DrillRequest,
    DrillView,
    Missed,
    MissedDrill,
    MissedDrillAlert,
)
from schemas.api.people import ROLES, Act, Me, Role, SignedIn, SignInRequest
from schemas.api.pictures import (
    MAX_MARKS,
    PictureAlert,
    PictureLane,
    PictureMark,
    PictureRevocation,
    PictureSpan,
    SessionPicture,
)
from schemas.api.problems import Problem, ProblemPlace
from schemas.api.reruns import MissedAlert, Rerun, RerunRequest
from schemas.api.revocations import (
    DeliveryRow,
    ReasonRequest,
    RevocationDetail,
    RevocationPage,
    RevokePreview,
    RevokeRequest,
    RevokeSubject,
)
from schemas.api.risks import RiskContribution, RiskView
from schemas.api.rules import RuleForApp, RuleList, RuleView
from schemas.api.sessions import (
    DeclaredPolicy,
    DeviceUse,
    EventPage,
    EventRow,
    PlaceUse,
    SessionDetail,
    SessionPage,
    SessionRow,
)
from schemas.api.shapes import MAX_NOTE, MAX_PAGE, MAX_QUERY, MAX_REASON, Answer, AppName, InstantText, Reason, Request
from schemas.api.system import (
    DeadLetterFacts,
    DeadLetterPage,
    DeadLetterRow,
    LaneFacts,
    Redriven,
    RedriveRequest,
    RevocationFacts,
    SystemView,
)
from schemas.api.users import UserDetail

__all__ = [
    "MAX_MARKS",
    "MAX_NOTE",
    "MAX_PAGE",
    "MAX_QUERY",
    "MAX_REASON",
    "ROLES",
    "Act",
    "AlertDetail",
    "AlertFacts",
    "AlertPage",
    "AlertPatch",
    "AlertRow",
    "Answer",
    "AppName",
    "CampaignDetail",
    "CampaignPage",
    "CampaignRow",
    "CampaignUser",
    "DeadLetterFacts",
    "DeadLetterPage",
    "DeadLetterRow",
    "DeclaredPolicy",
    "DeliveryRow",
    "DeviceUse",
    "DrillAlert",
    "DrillBegun",
    "DrillId",
    "DrillRequest",
    "DrillView",
    "EventPage",
    "EventRow",
    "InstantText",
    "LaneFacts",
    "Me",
    "Missed",
    "MissedAlert",
    "MissedDrill",
    "MissedDrillAlert",
    "Note",
    "PictureAlert",
    "PictureLane",
    "PictureMark",
    "PictureRevocation",
    "PictureSpan",
    "PlaceUse",
    "Problem",
    "ProblemPlace",
    "Reason",
    "ReasonRequest",
    "RedriveRequest",
    "Redriven",
    "Request",
    "Rerun",
    "RerunRequest",
    "RevocationBrief",
    "RevocationDetail",
    "RevocationFacts",
    "RevocationPage",
    "RevokePreview",
    "RevokeRequest",
    "RevokeSubject",
    "RiskContribution",
    "RiskView",
    "Role",
    "RuleForApp",
    "RuleList",
    "RuleView",
    "SessionDetail",
    "SessionPage",
    "SessionPicture",
    "SessionRow",
    "Shared",
    "SignInRequest",
    "SignedIn",
    "SystemView",
    "Triage",
    "UserDetail",
    "Verdict",
    "VerdictCounts",
]
