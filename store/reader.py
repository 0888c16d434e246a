"""Everything that can be asked of the store, on one cursor."""

from __future__ import annotations

from store.alert_search import AlertSearch
from store.app_audit import AppAudit
from store.audit_search import AuditSearch
from store.digest import Digests
from store.drills import Drills
from store.duplicates import Duplicates
from store.findings import Findings
from store.incidents import Incidents
from store.outbox_search import OutboxSearch
from store.past import PastSessions
from store.profiles import Profiles
from store.recovery import Recovery
from store.revocation_search import RevocationSearch
from store.session_search import SessionSearch
from store.sessions import Sessions
from store.shared_signals import SharedSignals
from store.step_ups import StepUps
from store.system_facts import SystemFacts


class Reader(
    Recovery,
    Duplicates,
    Sessions,
    Findings,
    AlertSearch,
    AuditSearch,
    SessionSearch,
    RevocationSearch,
    SystemFacts,
    Profiles,
    Drills,
    Incidents,
    StepUps,
    OutboxSearch,
    PastSessions,
    SharedSignals,
    AppAudit,
    Digests,
):
    """A cursor of one thread, made by `Database.reader`: sees committed state, never waits for the writer."""
