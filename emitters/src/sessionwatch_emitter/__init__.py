"""sessionwatch's emitter: tells what happens to an app's sessions, and refuses those that were revoked.

from sessionwatch_emitter import SessionEmitter

emitter = SessionEmitter("bank", secret_file="secrets/bank.key", bootstrap_servers="kafka:9092")
emitter.created(session_cookie, user="alice", ip=address, user_agent=agent)
"""

from __future__ import annotations

from sessionwatch_emitter.emitter import SessionEmitter
from sessionwatch_emitter.errors import EmitterError, RevocationListError, SecretError, TransportError
from sessionwatch_emitter.event import Location
from sessionwatch_emitter.receiver import Response, RevocationReceiver
from sessionwatch_emitter.revocation_cache import RevocationCache
from sessionwatch_emitter.revocation_list import RevocationList
from sessionwatch_emitter.revocation_message import Revocation
from sessionwatch_emitter.transport import Transport
from sessionwatch_emitter.wsgi import RequestSession, SessionWatchMiddleware

__all__ = [
    "EmitterError",
    "Location",
    "RequestSession",
    "Response",
    "Revocation",
    "RevocationCache",
    "RevocationList",
    "RevocationListError",
    "RevocationReceiver",
    "SecretError",
    "SessionEmitter",
    "SessionWatchMiddleware",
    "Transport",
    "TransportError",
]
